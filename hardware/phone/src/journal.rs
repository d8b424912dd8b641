//! Append-only files in which each record names the digest of everything before it.
//!
//! A record is `length (4, big-endian) ‖ check (16) ‖ content`, where the check is the beginning of
//! SHA-256(check of the record before ‖ content); before the first record it is sixteen zeros. A record that a crash
//! cut short is dropped; a file that was damaged in the middle is kept aside.
use imp_identity::Digest;

use crate::state::{Entry, State, StateError};

/// Longest record, in bytes; a message between phone and workstation is no longer.
const LONGEST: usize = 64 * 1024;
const HEAD: usize = 4 + CHECK;
const CHECK: usize = 16;

/// One of the phone's append-only files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal {
    /// The file.
    file: Entry,
    /// Where it goes when it is damaged.
    damaged: Entry,
    /// Longest file, in bytes.
    largest: u64,
}

/// The receipts, `COSE_Sign1`: some 30,000 of 2 KiB, or eight years of ten taps a day.
pub(crate) const RECEIPTS: Journal =
    Journal { file: Entry::Receipts, damaged: Entry::DamagedReceipts, largest: 64 * 1024 * 1024 };

/// What was refused and speaks against somebody: [`crate::evidence`].
pub(crate) const EVIDENCE: Journal =
    Journal { file: Entry::Evidence, damaged: Entry::DamagedEvidence, largest: 4 * 1024 * 1024 };

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The records, oldest first.
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

impl Content {
    /// How many bytes of records there are.
    pub(crate) const fn length(&self) -> usize {
        self.good
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        while content.good < bytes.len() {
            let rest = &bytes[content.good..];
            let Some((head, rest)) = rest.split_at_checked(HEAD) else {
                content.end = End::Torn;
                break;
            };
            let length = usize::try_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
            let Ok(length @ 1..=LONGEST) = length else {
                // A power failure may leave zeros where a record was to be.
                let zeros = bytes[content.good..].iter().all(|b| *b == 0);
                content.end = if zeros { End::Torn } else { End::Damaged };
                break;
            };
            let Some(record) = rest.get(..length) else {
                content.end = End::Torn;
                break;
            };
            let check = chain(&content.check, record);
            if head[4..] != check {
                content.end = if rest.len() == length { End::Torn } else { End::Damaged };
                break;
            }
            content.check = check;
            content.good += HEAD + length;
            content.kept.push(record.to_vec());
        }
        content
    }
}

impl Journal {
    /// Reads the file; absent is empty.
    pub(crate) fn load(self, state: &State) -> Result<Content, StateError> {
        Ok(Content::parse(&state.read(self.file, self.largest)?.unwrap_or_default()))
    }

    /// Appends `record` unless it is there already; returns whether it was new. The caller holds the state's lock.
    pub(crate) fn append(self, state: &State, record: &[u8]) -> Result<bool, StateError> {
        let present = self.load(state)?;
        if present.kept.iter().any(|kept| kept == record) {
            return Ok(false);
        }
        self.append_to(&present, state, record)?;
        Ok(true)
    }

    fn append_to(self, present: &Content, state: &State, record: &[u8]) -> Result<(), StateError> {
        if present.end == End::Damaged {
            let whole = state.read(self.file, self.largest)?.unwrap_or_default();
            state.write(self.damaged, &whole)?;
        }
        let length =
            u32::try_from(record.len()).ok().filter(|l| (1..=LONGEST).contains(&(*l as usize)));
        let Some(length) = length.filter(|_| self.has_room(present, record)) else {
            return Err(self.error(state, std::io::ErrorKind::FileTooLarge.into()));
        };
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(chain(&present.check, record));
        bytes.extend(record);
        state.append(self.file, present.good as u64, &bytes)
    }

    /// Whether `record` fits behind what is there.
    pub(crate) fn has_room(self, present: &Content, record: &[u8]) -> bool {
        (present.good + HEAD + record.len()) as u64 <= self.largest
    }

    /// An error about the file.
    pub(crate) fn error(self, state: &State, source: std::io::Error) -> StateError {
        state.error(self.file, source)
    }

    /// Removes the file and what was set aside of it.
    pub(crate) fn remove(self, state: &State) -> Result<(), StateError> {
        state.remove(self.file)?;
        state.remove(self.damaged)
    }
}

fn chain(before: &[u8; CHECK], record: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&Digest::of(&[before, record]).as_bytes()[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        (folder, state)
    }

    #[test]
    fn a_record_is_kept_once() {
        let (_folder, state) = state();
        assert!(RECEIPTS.append(&state, b"first").unwrap());
        assert!(RECEIPTS.append(&state, b"second").unwrap());
        assert!(!RECEIPTS.append(&state, b"first").unwrap());
        let file = RECEIPTS.load(&state).unwrap();
        assert_eq!(file.kept, [b"first".to_vec(), b"second".to_vec()]);
        assert_eq!(file.end, End::Clean);
    }

    #[test]
    fn a_kill_at_any_byte_loses_at_most_the_record_being_written() {
        let (_folder, state) = state();
        for record in [&b"first"[..], b"second", b"third"] {
            RECEIPTS.append(&state, record).unwrap();
        }
        let whole = fs::read(state.path(Entry::Receipts)).unwrap();
        for cut in 0..whole.len() {
            for padding in [0, 7, 40] {
                let mut bytes = whole[..cut].to_vec();
                bytes.resize(cut + padding, 0);
                fs::write(state.path(Entry::Receipts), &bytes).unwrap();
                let before = RECEIPTS.load(&state).unwrap().kept.len();
                RECEIPTS.append(&state, b"next").unwrap();
                let after = RECEIPTS.load(&state).unwrap();
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
        for record in [&b"first"[..], b"second", b"third"] {
            RECEIPTS.append(&state, record).unwrap();
        }
        let mut bytes = fs::read(state.path(Entry::Receipts)).unwrap();
        bytes[30] ^= 1;
        fs::write(state.path(Entry::Receipts), &bytes).unwrap();
        assert_eq!(RECEIPTS.load(&state).unwrap().end, End::Damaged);
        RECEIPTS.append(&state, b"fourth").unwrap();
        let file = RECEIPTS.load(&state).unwrap();
        assert_eq!(file.kept, [b"first".to_vec(), b"fourth".to_vec()]);
        assert_eq!(fs::read(state.path(Entry::DamagedReceipts)).unwrap(), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_read_in_bounds() {
        let mut bytes = vec![0xff; 100];
        assert_eq!(Content::parse(&bytes).end, End::Damaged);
        bytes[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
        assert_eq!(Content::parse(&bytes).end, End::Torn);
    }
}
