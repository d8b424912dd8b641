//! Keys that machines show.
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

/// Bytes of a P-256 `SubjectPublicKeyInfo` in DER with an uncompressed point.
const LENGTH: usize = 91;

/// The key is not one that this protocol uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public key is not a P-256 SubjectPublicKeyInfo")]
pub struct InvalidPublicKey;

/// Whether `public_key` is a P-256 `SubjectPublicKeyInfo` in DER (RFC 5480 §2) whose point is on the curve.
pub(super) fn check(public_key: &[u8]) -> Result<(), InvalidPublicKey> {
    let whole = public_key.len() == LENGTH;
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key);
    if whole && parsed.is_ok() { Ok(()) } else { Err(InvalidPublicKey) }
}
