//! Checkpoints: the size and the root of a log, signed by it (C2SP tlog-checkpoint).
use std::fmt;
use std::str::FromStr;

use crate::hash::{EMPTY_ROOT, Hash};
use crate::key::VerifierKey;
use crate::note::{NoteError, NoteSigner, SignError, SignedNote};
use crate::range::MAX_SIZE;

/// What a log says of itself: so many entries, under this root. Written as the text of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log; by its own name, such as `ward.example/log`.
    pub origin: String,
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Further lines, opaque; a log of ours writes none.
    pub extensions: Vec<String>,
}

/// The text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: lines with an origin, a size and a root are expected")]
pub struct InvalidCheckpoint;

/// Why a checkpoint was not signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignCheckpointError {
    /// It could not be written so that it is read again.
    #[error("the checkpoint cannot be written")]
    Checkpoint(#[from] InvalidCheckpoint),
    /// The key failed.
    #[error("the checkpoint could not be signed")]
    Key(#[from] SignError),
}

/// Why a signed checkpoint is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is no note, or not one that the log signed.
    #[error("the checkpoint is not one that the log signed")]
    Note(#[from] NoteError),
    /// The log signed something else.
    #[error("what the log signed is not a checkpoint")]
    Checkpoint(#[from] InvalidCheckpoint),
    /// It speaks of another log than the key's.
    #[error("the checkpoint is of the log {0}, which is not the log of this key")]
    Origin(String),
}

/// Signs a checkpoint with the key of its log.
pub fn sign_checkpoint(
    checkpoint: &Checkpoint,
    signer: &dyn NoteSigner,
) -> Result<SignedNote, SignCheckpointError> {
    let text = checkpoint.to_string();
    if text.parse().as_ref() != Ok(checkpoint) {
        return Err(InvalidCheckpoint.into());
    }
    Ok(SignedNote::sign(text, &[signer])?)
}

/// Reads a signed checkpoint of the log that has this key, whose name is the log's origin.
pub fn open_checkpoint(note: &str, log: &VerifierKey) -> Result<Checkpoint, OpenError> {
    let note: SignedNote = note.parse()?;
    note.verify(std::slice::from_ref(log))?;
    let checkpoint: Checkpoint = note.text.parse()?;
    if checkpoint.origin == log.name() {
        Ok(checkpoint)
    } else {
        Err(OpenError::Origin(checkpoint.origin))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(InvalidCheckpoint)?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(InvalidCheckpoint)?;
        let size = lines.next().and_then(parse_size).ok_or(InvalidCheckpoint)?;
        let root = lines.next().ok_or(InvalidCheckpoint)?;
        let root = root.parse().map_err(|_| InvalidCheckpoint)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let genuine = size > 0 || root == EMPTY_ROOT;
        if genuine && extensions.iter().all(|line| !line.is_empty()) {
            Ok(Self { origin: origin.to_owned(), size, root, extensions })
        } else {
            Err(InvalidCheckpoint)
        }
    }
}

/// A number of entries in decimal, without leading zeroes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse().ok()?;
    (canonical && digits && size <= MAX_SIZE).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_key::LogKey;

    fn checkpoint() -> Checkpoint {
        let origin = "ward.example/log".to_owned();
        Checkpoint { origin, size: 7, root: Hash([9; 32]), extensions: Vec::new() }
    }

    #[test]
    fn a_signed_checkpoint_opens_with_the_key_of_its_log() {
        let key = LogKey::generate("ward.example/log").unwrap();
        let note = sign_checkpoint(&checkpoint(), &key).unwrap().to_string();
        assert_eq!(open_checkpoint(&note, key.verifier_key()), Ok(checkpoint()));

        let other = LogKey::generate("ward.example/log").unwrap();
        let untrusted = OpenError::Note(NoteError::NoTrustedSignature);
        assert_eq!(open_checkpoint(&note, other.verifier_key()), Err(untrusted));
    }

    #[test]
    fn a_checkpoint_of_another_log_is_refused() {
        let key = LogKey::generate("lab.example/log").unwrap();
        let note = sign_checkpoint(&checkpoint(), &key).unwrap().to_string();
        let refused = OpenError::Origin("ward.example/log".into());
        assert_eq!(open_checkpoint(&note, key.verifier_key()), Err(refused));
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let key = LogKey::generate("ward.example/log").unwrap();
        let note = sign_checkpoint(&checkpoint(), &key).unwrap().to_string();
        for position in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[position] ^= 1;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(open_checkpoint(&changed, key.verifier_key()).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn text_and_checkpoint_belong_to_each_other() {
        let mut with = checkpoint();
        with.extensions = vec!["one".into(), "two".into()];
        for checkpoint in [checkpoint(), with] {
            assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        }
    }

    #[test]
    fn malformed_checkpoints_are_refused() {
        let root = EMPTY_ROOT;
        for bad in [
            String::new(),
            format!("o\n7\n{root}"),
            format!("\n7\n{root}\n"),
            format!("o\n07\n{root}\n"),
            format!("o\n+7\n{root}\n"),
            format!("o\n\n{root}\n"),
            format!("o\n9223372036854775808\n{root}\n"),
            format!("o\n99999999999999999999\n{root}\n"),
            format!("o\n7\n{root}\n\n"),
            format!("o\n7\n{root}\n\nmore\n"),
            format!("o\n7\n{root} \n"),
            format!("o\n0\n{}\n", Hash([9; 32])),
            "o\n7\n".to_owned(),
        ] {
            assert_eq!(bad.parse::<Checkpoint>(), Err(InvalidCheckpoint), "{bad:?}");
        }
    }

    #[test]
    fn what_would_be_read_differently_is_not_signed() {
        let key = LogKey::generate("ward.example/log").unwrap();
        let mut bad = checkpoint();
        bad.origin = "ward.example/log\n8".into();
        let refused = SignCheckpointError::Checkpoint(InvalidCheckpoint);
        assert_eq!(sign_checkpoint(&bad, &key), Err(refused));
    }
}
