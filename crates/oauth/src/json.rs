//! JSON objects. serde reads structures from arrays too, where nobody else does.
use serde::de::{DeserializeOwned, Error as _};

/// Reads an object.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => serde_json::from_slice(bytes),
        Some(_) | None => Err(serde_json::Error::custom("an object is expected")),
    }
}
