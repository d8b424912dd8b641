//! The receipts: an append-only file in which each record names the digest of everything before it.
//!
//! A record is `length (4, big-endian) ‖ check (16) ‖ receipt`, where the check is the beginning of
//! SHA-256(check of the record before ‖ receipt); before the first record it is sixteen zeros. A record that a crash
//! cut short is dropped; a file that was damaged in the middle is kept aside as `receipts.damaged`.
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};

use imp_identity::Digest;

use crate::state::{Entry, State, StateError};

/// Longest receipt, in bytes; a message between phone and workstation is no longer.
const LONGEST: usize = 64 * 1024;
/// Longest file, in bytes: some 40,000 taps, or ten years of ten taps a day.
const LARGEST: u64 = 16 * 1024 * 1024;
const HEAD: usize = 4 + CHECK;
const CHECK: usize = 16;

/// What the file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Receipts {
    /// The receipts, `COSE_Sign1`, oldest first.
    pub(crate) kept: Vec<Vec<u8>>,
    /// How the file ends.
    pub(crate) end: End,
    good: usize,
    check: [u8; CHECK],
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole record.
    #[default]
    Clean,
    /// With a record that was being written when the phone stopped.
    Torn,
    /// With bytes that nobody wrote this way.
    Damaged,
}

impl Receipts {
    /// Reads the file; absent is empty.
    pub(crate) fn load(state: &State) -> Result<Self, StateError> {
        Ok(Self::parse(&state.read(Entry::Receipts, LARGEST)?.unwrap_or_default()))
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut receipts = Self::default();
        while receipts.good < bytes.len() {
            let rest = &bytes[receipts.good..];
            let Some((head, rest)) = rest.split_at_checked(HEAD) else {
                receipts.end = End::Torn;
                break;
            };
            let length = usize::try_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
            let Ok(length @ 1..=LONGEST) = length else {
                // A power failure may leave zeros where a record was to be.
                let zeros = bytes[receipts.good..].iter().all(|b| *b == 0);
                receipts.end = if zeros { End::Torn } else { End::Damaged };
                break;
            };
            let Some(receipt) = rest.get(..length) else {
                receipts.end = End::Torn;
                break;
            };
            let check = chain(&receipts.check, receipt);
            if head[4..] != check {
                receipts.end = if rest.len() == length { End::Torn } else { End::Damaged };
                break;
            }
            receipts.check = check;
            receipts.good += HEAD + length;
            receipts.kept.push(receipt.to_vec());
        }
        receipts
    }
}

/// Appends a receipt unless it is there already; returns whether it was new. The caller holds the state's lock.
pub(crate) fn append(state: &State, receipt: &[u8]) -> Result<bool, StateError> {
    let fail = |source| state.error(Entry::Receipts, source);
    let present = Receipts::load(state)?;
    if present.kept.iter().any(|r| r == receipt) {
        return Ok(false);
    }
    if present.end == End::Damaged {
        fs::copy(state.path(Entry::Receipts), state.path(Entry::DamagedReceipts)).map_err(fail)?;
    }
    let length =
        u32::try_from(receipt.len()).ok().filter(|l| (1..=LONGEST).contains(&(*l as usize)));
    let full = present.good + HEAD + receipt.len() > usize::try_from(LARGEST).unwrap_or(usize::MAX);
    let Some(length) = length.filter(|_| !full) else {
        return Err(fail(std::io::ErrorKind::FileTooLarge.into()));
    };
    let mut record = length.to_be_bytes().to_vec();
    record.extend(chain(&present.check, receipt));
    record.extend(receipt);
    let mut file = state.edit(Entry::Receipts)?;
    let mut write = || {
        file.set_len(present.good as u64)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&record)?;
        file.sync_all()
    };
    write().map_err(fail)?;
    Ok(true)
}

fn chain(before: &[u8; CHECK], receipt: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&Digest::of(&[before, receipt]).as_bytes()[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        (folder, state)
    }

    #[test]
    fn a_receipt_is_kept_once() {
        let (_folder, state) = state();
        assert!(append(&state, b"first").unwrap());
        assert!(append(&state, b"second").unwrap());
        assert!(!append(&state, b"first").unwrap());
        let file = Receipts::load(&state).unwrap();
        assert_eq!(file.kept, [b"first".to_vec(), b"second".to_vec()]);
        assert_eq!(file.end, End::Clean);
    }

    #[test]
    fn a_kill_at_any_byte_loses_at_most_the_receipt_being_written() {
        let (_folder, state) = state();
        for receipt in [&b"first"[..], b"second", b"third"] {
            append(&state, receipt).unwrap();
        }
        let whole = fs::read(state.path(Entry::Receipts)).unwrap();
        for cut in 0..whole.len() {
            for padding in [0, 7, 40] {
                let mut bytes = whole[..cut].to_vec();
                bytes.resize(cut + padding, 0);
                fs::write(state.path(Entry::Receipts), &bytes).unwrap();
                let before = Receipts::load(&state).unwrap().kept.len();
                append(&state, b"next").unwrap();
                let after = Receipts::load(&state).unwrap();
                assert_eq!(after.end, End::Clean, "cut at {cut} + {padding}");
                assert_eq!(after.kept.len(), before + 1);
                assert_eq!(after.kept.last().unwrap(), b"next");
                let complete = [0, 25, 51, 76].iter().rposition(|end| *end <= cut).unwrap();
                assert_eq!(before, complete.min(3), "cut at {cut} + {padding}");
            }
        }
    }

    #[test]
    fn what_was_damaged_in_the_middle_is_kept_aside() {
        let (_folder, state) = state();
        for receipt in [&b"first"[..], b"second", b"third"] {
            append(&state, receipt).unwrap();
        }
        let mut bytes = fs::read(state.path(Entry::Receipts)).unwrap();
        bytes[30] ^= 1;
        fs::write(state.path(Entry::Receipts), &bytes).unwrap();
        assert_eq!(Receipts::load(&state).unwrap().end, End::Damaged);
        append(&state, b"fourth").unwrap();
        let file = Receipts::load(&state).unwrap();
        assert_eq!(file.kept, [b"first".to_vec(), b"fourth".to_vec()]);
        assert_eq!(fs::read(state.path(Entry::DamagedReceipts)).unwrap(), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_read_in_bounds() {
        let mut bytes = vec![0xff; 100];
        assert_eq!(Receipts::parse(&bytes).end, End::Damaged);
        bytes[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
        assert_eq!(Receipts::parse(&bytes).end, End::Torn);
    }
}
