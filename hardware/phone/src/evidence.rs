//! What was refused and is kept all the same: it may show who tampered.
//!
//! Each record is a line of JSON (when, and what was wrong), then the refused bytes.
use imp_identity::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::EVIDENCE;
use crate::state::{State, StateError};

/// What anybody may fill with rubbish, in bytes; the rest is for what the server signed.
const UNSIGNED: usize = 256 * 1024;
/// Longest piece that is kept whole, in bytes.
const LONGEST: usize = 60 * 1024;

/// One thing that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// What was wrong with it.
    pub why: String,
    /// SHA-256 of what was refused.
    pub digest: Digest,
}

/// Whether the server can be held to what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It carries a signature of the server or the log.
    Signed,
    /// Anybody can have made it.
    Unsigned,
    /// It is about somebody else: only its digest is kept.
    Private,
}

/// Keeps `bytes` and why they were refused, within bounds; returns whether there was room. The caller holds the state's lock.
pub(crate) fn set_aside(
    state: &State,
    at: Timestamp,
    why: String,
    bytes: &[u8],
    weight: Weight,
) -> Result<bool, StateError> {
    let present = EVIDENCE.load(state)?;
    let digest = Digest::of(&[bytes]);
    if read(&present.kept).any(|known| known.digest == digest) {
        return Ok(true);
    }
    if weight != Weight::Signed && present.length() > UNSIGNED {
        return Ok(false);
    }
    let line = serde_json::to_vec(&Refused { at, why, digest });
    let mut record = line.map_err(|error| EVIDENCE.error(state, error.into()))?;
    record.push(b'\n');
    if weight != Weight::Private && bytes.len() <= LONGEST {
        record.extend(bytes);
    }
    if !EVIDENCE.has_room(&present, &record) {
        return Ok(false);
    }
    EVIDENCE.append(state, &record)
}

/// What was set aside, oldest first.
pub(crate) fn load(state: &State) -> Result<Vec<Refused>, StateError> {
    Ok(read(&EVIDENCE.load(state)?.kept).collect())
}

fn read(records: &[Vec<u8>]) -> impl Iterator<Item = Refused> + '_ {
    records.iter().filter_map(|record| {
        let line = record.split(|byte| *byte == b'\n').next()?;
        serde_json::from_slice(line).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn rubbish_leaves_room_for_what_the_server_signed() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let aside = |number: u8, weight| {
            set_aside(&state, AT, "wrong".to_owned(), &vec![number; 50 * 1024], weight).unwrap()
        };
        let kept = (0..20).filter(|number| aside(*number, Weight::Unsigned)).count();
        assert!((5..8).contains(&kept), "{kept}");
        let kept = (20..200).filter(|number| aside(*number, Weight::Signed)).count();
        assert!((60..90).contains(&kept), "{kept}");
        assert!(!aside(250, Weight::Signed), "no growth without bound");
        assert!(aside(0, Weight::Unsigned), "known already");
    }

    #[test]
    fn of_somebody_elses_receipt_the_digest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        set_aside(&state, AT, "hers".to_owned(), b"her secret", Weight::Private).unwrap();
        set_aside(&state, AT, "bad".to_owned(), b"a forged one", Weight::Signed).unwrap();
        let refused = load(&state).unwrap();
        assert_eq!(refused[0].digest, Digest::of(&[b"her secret"]));
        assert_eq!((refused.len(), refused[1].why.as_str()), (2, "bad"));
        let file = std::fs::read(folder.path().join("evidence")).unwrap();
        let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
        assert!(!has(b"her secret") && has(b"a forged one"));
    }
}
