//! Signed notes: text under the signatures of one or more keys (C2SP signed-note).
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;

use crate::key::{BadSignature, VerifierKey, is_key_name};

/// The longest note that is read, in bytes.
pub(crate) const MAX_NOTE: usize = 128 * 1024;
/// The most signatures of a note that is read.
pub(crate) const MAX_SIGNATURES: usize = 64;

/// A text and its signatures. Nothing is checked yet: see [`SignedNote::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// The text, with the newline at its end.
    pub text: String,
    /// The signature lines, in their order.
    pub signatures: Vec<Signature>,
}

/// A signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// Identifier of the key.
    pub key_id: u32,
    /// What the key made.
    pub bytes: Vec<u8>,
}

/// A signature that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key that made it.
    pub key: &'a VerifierKey,
    /// When a witness cosigned: POSIX time in seconds; nothing for a plain signature.
    pub time: Option<u64>,
}

/// Makes signatures for notes.
pub trait NoteSigner {
    /// The key that checks them.
    fn key(&self) -> &VerifierKey;

    /// The signature over the text of a note, without the key ID.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key could not sign.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key could not sign the note")]
pub struct SignError;

/// Why a note is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is longer, or has more signatures, than is read.
    #[error("the note is too long: 128 KiB and 64 signatures are read")]
    TooLong,
    /// The text, the empty line or a signature line is not as the format wants.
    #[error("the note is malformed: text, an empty line, then signature lines are expected")]
    Malformed,
    /// None of the signatures is by a key that is trusted.
    #[error("the note carries no signature of a trusted key")]
    NoTrustedSignature,
    /// A trusted key's signature does not hold.
    #[error("the signature of {name} on the note does not hold")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
}

impl SignedNote {
    /// Signs a text, which ends with a newline.
    pub fn sign(text: String, signers: &[&dyn NoteSigner]) -> Result<Self, SignError> {
        if !is_note_text(&text) {
            return Err(SignError);
        }
        let signatures = signers.iter().map(|signer| {
            let bytes = signer.sign(text.as_bytes())?;
            Ok(Signature { name: signer.key().name().into(), key_id: signer.key().id(), bytes })
        });
        let signatures = signatures.collect::<Result<_, SignError>>()?;
        Ok(Self { text, signatures })
    }

    /// Checks the signatures of the keys that are trusted, and answers one for each of them that signed. Signatures of other
    /// keys are ignored; one bad signature of a trusted key spoils the note.
    pub fn verify<'a>(&self, trusted: &'a [VerifierKey]) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut verified: Vec<Verified<'a>> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = trusted.iter().find(|key| signature.is_of(key)) else { continue };
            let time = key
                .verify(&self.text, &signature.bytes)
                .map_err(|BadSignature| NoteError::BadSignature { name: key.name().into() })?;
            if !verified.iter().any(|known| known.key == key) {
                verified.push(Verified { key, time });
            }
        }
        if verified.is_empty() { Err(NoteError::NoTrustedSignature) } else { Ok(verified) }
    }
}

impl Signature {
    /// Whether the line says that this key made it.
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.id()
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}

/// The whole line, with the newline.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(f, "— {} {}", self.name, BASE64.encode(&bytes))
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLong);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = format!("{text}\n");
        if !is_note_text(&text) {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text, signatures: parse_signatures(lines)? })
    }
}

/// Signature lines, one at least, each with its newline: the end of a note, or a witness's answer.
pub(crate) fn parse_signatures(lines: &str) -> Result<Vec<Signature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::TooLong);
    }
    lines.split('\n').map(parse_signature).collect()
}

fn parse_signature(line: &str) -> Result<Signature, NoteError> {
    let (name, bytes) = line
        .strip_prefix("— ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or(NoteError::Malformed)?;
    let bytes = BASE64.decode(bytes.as_bytes()).map_err(|_| NoteError::Malformed)?;
    let (id, bytes) = bytes.split_first_chunk().ok_or(NoteError::Malformed)?;
    if !is_key_name(name) || bytes.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok(Signature { name: name.into(), key_id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
}

fn is_note_text(text: &str) -> bool {
    text.ends_with('\n') && text.bytes().all(|byte| byte >= 0x20 || byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_note_of_the_specification_holds() {
        let keys: [VerifierKey; 1] = [KEY.parse().unwrap()];
        let note: SignedNote = NOTE.parse().unwrap();
        assert_eq!(note.text, "This is an example message.\n");
        assert_eq!(note.verify(&keys), Ok(vec![Verified { key: &keys[0], time: None }]));
        assert_eq!(note.to_string(), NOTE);
    }

    #[test]
    fn a_changed_text_does_not_hold() {
        let keys: [VerifierKey; 1] = [KEY.parse().unwrap()];
        let mut note: SignedNote = NOTE.replace("This", "That").parse().unwrap();
        let bad = NoteError::BadSignature { name: "example.com/foo".into() };
        assert_eq!(note.verify(&keys), Err(bad));
        note.signatures[0].key_id ^= 1;
        assert_eq!(note.verify(&keys), Err(NoteError::NoTrustedSignature));
    }

    #[test]
    fn text_may_hold_empty_lines_and_what_looks_like_signatures() {
        let text = "one\n\n— a AAAAAAA=\n\n";
        let note: SignedNote = format!("{text}\n— b AAAAAAA=\n").parse().unwrap();
        assert_eq!((note.text.as_str(), note.signatures.len()), (text, 1));
    }

    #[test]
    fn malformed_notes_are_refused() {
        for bad in [
            "",
            "\n",
            "\n\n",
            "text",
            "text\n",
            "text\n\n",
            "text\n\n\n",
            "text\n\n- a AAAAAAA=\n",
            "text\n\n— a AAAAAAA=",
            "text\n\n—  AAAAAAA=\n",
            "text\n\n— a+b AAAAAAA=\n",
            "text\n\n— a AAAAAA==\n",
            "text\n\n— a AAAA\n",
            "text\n\n— a  AAAAAAA=\n",
            "te\txt\n\n— a AAAAAAA=\n",
            "text\r\n\n— a AAAAAAA=\n",
            "text\n\n— a AAAAAAA=\n\n",
            "text\n\n— a AAAAAAA=\nmore\n",
            "text\n\n— a AAAAAAB=\n",
        ] {
            assert_eq!(bad.parse::<SignedNote>(), Err(NoteError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn notes_without_end_are_refused() {
        let long = format!("{}\n\n— a AAAAAAA=\n", "x".repeat(MAX_NOTE));
        assert_eq!(long.parse::<SignedNote>(), Err(NoteError::TooLong));
        let many = format!("text\n\n{}", "— a AAAAAAA=\n".repeat(MAX_SIGNATURES + 1));
        assert_eq!(many.parse::<SignedNote>(), Err(NoteError::TooLong));
    }
}
