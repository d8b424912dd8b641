//! Cosignatures: what a witness says that it saw, and when (C2SP tlog-cosignature, cosignature/v1).
use std::fmt;

use zeroize::Zeroizing;

use crate::key::{Algorithm, VerifierKey};
use crate::named_key::{LogKeyError, NamedKey};
use crate::note::{SignError, Signature};

/// The Ed25519 key of a witness, under its name. It signs nothing but cosignatures, and prints its public part only.
pub struct WitnessKey(NamedKey);

impl WitnessKey {
    /// A fresh key for the witness of this name.
    pub fn generate(name: &str) -> Result<Self, LogKeyError> {
        NamedKey::generate(name, Algorithm::CosignatureV1).map(Self)
    }

    /// The key of the witness of this name, from PKCS #8 DER.
    pub fn from_pkcs8(name: &str, der: &[u8]) -> Result<Self, LogKeyError> {
        NamedKey::from_pkcs8(name, Algorithm::CosignatureV1, der).map(Self)
    }

    /// The key as PKCS #8 DER, version 2 with the public key.
    pub fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LogKeyError> {
        self.0.pkcs8()
    }

    /// The public key, as it is given to whoever trusts the witness.
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.0.public()
    }

    /// Says that this checkpoint – the text of its note – was the largest consistent one at `time`, in POSIX seconds.
    pub fn cosign(&self, checkpoint: &str, time: u64) -> Result<Signature, SignError> {
        let message = message(time, checkpoint).ok_or(SignError)?;
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend(self.0.sign(message.as_bytes())?);
        let key = self.verifier_key();
        Ok(Signature { name: key.name().to_owned(), key_id: key.id(), bytes })
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({})", self.verifier_key())
    }
}

/// What a witness signs: the time and the whole text of the checkpoint. Nothing when the time is zero or beyond what the
/// format allows.
pub(crate) fn message(time: u64, checkpoint: &str) -> Option<String> {
    i64::try_from(time).ok().filter(|time| *time > 0)?;
    Some(format!("cosignature/v1\ntime {time}\n{checkpoint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{NoteError, SignedNote, Verified};

    const TEXT: &str = "ward.example/log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_cosignature_says_when() {
        let key = WitnessKey::generate("witness.example/w1").unwrap();
        let signature = key.cosign(TEXT, 1_679_315_147).unwrap();
        let note = SignedNote { text: TEXT.into(), signatures: vec![signature] };
        let keys = [key.verifier_key().clone()];
        let expected = Verified { key: &keys[0], time: Some(1_679_315_147) };
        assert_eq!(
            note.to_string().parse::<SignedNote>().unwrap().verify(&keys),
            Ok(vec![expected])
        );
    }

    #[test]
    fn a_cosignature_with_another_time_is_bad() {
        let key = WitnessKey::generate("witness.example/w1").unwrap();
        let mut signature = key.cosign(TEXT, 1_679_315_147).unwrap();
        signature.bytes[7] ^= 1;
        let note = SignedNote { text: TEXT.into(), signatures: vec![signature] };
        let bad = NoteError::BadSignature { name: "witness.example/w1".into() };
        assert_eq!(note.verify(&[key.verifier_key().clone()]), Err(bad));
    }

    #[test]
    fn times_that_the_format_does_not_know_are_not_signed() {
        let key = WitnessKey::generate("witness.example/w1").unwrap();
        for time in [0, u64::MAX] {
            assert_eq!(key.cosign(TEXT, time), Err(SignError));
        }
    }
}
