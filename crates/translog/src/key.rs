//! Keys that check the signatures of notes (C2SP signed-note, "Verifier keys").
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};

use crate::cosignature;
use crate::hash::sha256;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The text of a note, with Ed25519 (type 0x01).
    Ed25519,
    /// A checkpoint that a witness saw at a time, with Ed25519 (C2SP tlog-cosignature, type 0x04).
    CosignatureV1,
}

/// A public key with the name under which it signs. As text: `<name>+<key ID in hex>+<type and key in base64>`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    id: u32,
    algorithm: Algorithm,
    public: [u8; 32],
}

/// The text is not a verifier key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Three parts with plus signs between them are expected.
    #[error("a verifier key has the form <name>+<key ID>+<key>")]
    Form,
    /// The name cannot stand in a signature line.
    #[error(
        "the name of a key is 1 to 255 bytes long, without spaces, control characters and plus signs"
    )]
    Name,
    /// The last part is not base64 of a type and a public key.
    #[error("the key itself is malformed")]
    Key,
    /// The type of the key is not one that this software knows.
    #[error("the key is of type {0:#04x}; known are Ed25519 (0x01) and cosignature/v1 (0x04)")]
    UnknownType(u8),
    /// The key ID does not belong to the name and the key.
    #[error("the key ID does not belong to this name and key: a character was changed")]
    Id,
}

/// A signature that the key did not make over this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not that of the key over this text")]
pub struct BadSignature;

impl Algorithm {
    /// The byte that stands for it in key IDs and verifier keys.
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

impl VerifierKey {
    /// The key `public` (RFC 8032) under a name.
    pub fn new(
        name: impl Into<String>,
        algorithm: Algorithm,
        public: [u8; 32],
    ) -> Result<Self, InvalidKey> {
        let name = name.into();
        if !is_key_name(&name) {
            return Err(InvalidKey::Name);
        }
        ParsedPublicKey::new(&ED25519, public).map_err(|_| InvalidKey::Key)?;
        let hash = sha256(&[name.as_bytes(), b"\n", &[algorithm.identifier()], &public]).0;
        let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        Ok(Self { name, id, algorithm, public })
    }

    /// The name of the log or the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short identifier in signature lines: a hint, no proof.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What the key signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The Ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// Checks a signature, without the key ID, over the text of a note. Answers the POSIX time in seconds at which a witness
    /// cosigned; nothing for a plain signature.
    pub fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, BadSignature> {
        match self.algorithm {
            Algorithm::Ed25519 => self.verify_bytes(text.as_bytes(), signature).map(|()| None),
            Algorithm::CosignatureV1 => {
                let (time, signature) = signature.split_first_chunk().ok_or(BadSignature)?;
                let time = u64::from_be_bytes(*time);
                let message = cosignature::message(time, text).ok_or(BadSignature)?;
                self.verify_bytes(message.as_bytes(), signature).map(|()| Some(time))
            }
        }
    }

    fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = ParsedPublicKey::new(&ED25519, self.public).map_err(|_| BadSignature)?;
        key.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

/// Whether the text may be the name of a key: it stands between spaces in signature lines, and before a plus in keys.
pub(crate) fn is_key_name(name: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (1..=255).contains(&name.len()) && name.chars().all(fits)
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm.identifier()];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64.encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Form);
        };
        let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| InvalidKey::Id)?;
        let key = BASE64.decode(key.as_bytes()).map_err(|_| InvalidKey::Key)?;
        let (kind, public) = key.split_first().ok_or(InvalidKey::Key)?;
        let algorithm = match kind {
            0x01 => Algorithm::Ed25519,
            0x04 => Algorithm::CosignatureV1,
            other => return Err(InvalidKey::UnknownType(*other)),
        };
        let public = public.try_into().map_err(|_| InvalidKey::Key)?;
        let key = Self::new(name, algorithm, public)?;
        if id == key.id.to_be_bytes() { Ok(key) } else { Err(InvalidKey::Id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_key_of_the_specification_is_read_and_written() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        assert_eq!((key.name(), key.id()), ("example.com/foo", 0x530d_903a));
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
        assert_eq!(key.to_string(), EXAMPLE);
    }

    #[test]
    fn keys_that_were_mistyped_are_refused() {
        for (bad, why) in [
            ("example.com/foo", InvalidKey::Form),
            ("example.com/foo+530d903a", InvalidKey::Form),
            (&EXAMPLE.replace("foo", "bar"), InvalidKey::Id),
            (&EXAMPLE.replace("530d903a", "530d903b"), InvalidKey::Id),
            (&EXAMPLE.replace("530d903a", "530D903A"), InvalidKey::Id),
            (&EXAMPLE.replace("example.com/foo", "example com"), InvalidKey::Name),
            (&EXAMPLE.replace("example.com/foo", ""), InvalidKey::Name),
            (&EXAMPLE.replace("U2k", "U2"), InvalidKey::Key),
            (&EXAMPLE.replace("+Aeky", "+Beky"), InvalidKey::UnknownType(5)),
        ] {
            assert_eq!(bad.parse::<VerifierKey>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn one_public_key_has_another_id_for_another_algorithm() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        let witness =
            VerifierKey::new(key.name(), Algorithm::CosignatureV1, *key.public_key()).unwrap();
        assert_ne!(witness.id(), key.id());
        assert_eq!(witness.to_string().parse(), Ok(witness));
    }
}
