//! From stored values to the types that prove them.
use std::str::FromStr;

use imp_identity::{Digest, clock};
use imp_storage::StorageError;
use jiff::Timestamp;

pub(super) const fn corrupt(what: &'static str) -> StorageError {
    StorageError::Corrupt { what }
}

/// An instant.
pub(super) fn instant(what: &'static str, micros: i64) -> Result<Timestamp, StorageError> {
    clock::from_micros(micros).ok_or(corrupt(what))
}

/// An instant that may be missing.
pub(super) fn instant_if(
    what: &'static str,
    micros: Option<i64>,
) -> Result<Option<Timestamp>, StorageError> {
    micros.map(|micros| instant(what, micros)).transpose()
}

/// A code, name or label.
pub(super) fn text<T: FromStr>(what: &'static str, text: &str) -> Result<T, StorageError> {
    text.parse().map_err(|_| corrupt(what))
}

/// A digest.
pub(super) fn digest(what: &'static str, bytes: &[u8]) -> Result<Digest, StorageError> {
    Digest::try_from(bytes).map_err(|_| corrupt(what))
}

/// A 32-byte key.
pub(super) fn bytes32(what: &'static str, bytes: &[u8]) -> Result<[u8; 32], StorageError> {
    bytes.try_into().map_err(|_| corrupt(what))
}
