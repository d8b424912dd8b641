//! What a directory says of a user beyond what the server works with.
use std::fmt;
use std::str::FromStr;

use crate::name::Label;

/// What a directory says of a user. Personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The directory that keeps her; `None` for those who were created here.
    pub source: Option<Label>,
    /// What that directory calls her.
    pub external_id: Option<ExternalId>,
    /// Her given name.
    pub given_name: Option<Label>,
    /// Her family name.
    pub family_name: Option<Label>,
    /// Everything else, as the directory sent it.
    pub other: OtherAttributes,
}

/// What another system calls something: 1–256 characters, no control characters, not blank.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExternalId(String);

/// Attributes that nobody here interprets: a JSON text of at most 32 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct OtherAttributes(String);

/// The text is not an [`ExternalId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid external identifier: 1 to 256 printable characters are expected")]
pub struct InvalidExternalId;

/// The text is not [`OtherAttributes`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object of at most {} bytes", OtherAttributes::LARGEST)]
pub struct InvalidAttributes;

impl Profile {
    /// The names of the attributes in which two profiles differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let differing = [
            ("source", self.source != other.source),
            ("external_id", self.external_id != other.external_id),
            ("given_name", self.given_name != other.given_name),
            ("family_name", self.family_name != other.family_name),
            ("other", self.other != other.other),
        ];
        differing
            .into_iter()
            .filter(|(_, differ)| *differ)
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

impl ExternalId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ExternalId {
    type Err = InvalidExternalId;

    fn from_str(text: &str) -> Result<Self, InvalidExternalId> {
        let printable = !text.chars().any(char::is_control) && !text.trim().is_empty();
        if printable && text.chars().count() <= 256 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidExternalId)
        }
    }
}

impl OtherAttributes {
    /// The largest, in bytes.
    pub const LARGEST: usize = 32 * 1024;

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OtherAttributes {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for OtherAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromStr for OtherAttributes {
    type Err = InvalidAttributes;

    fn from_str(text: &str) -> Result<Self, InvalidAttributes> {
        if text.len() <= Self::LARGEST && text.starts_with('{') && text.ends_with('}') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAttributes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_identifiers_are_printable() {
        assert_eq!("Ä 7/x".parse::<ExternalId>().unwrap().as_str(), "Ä 7/x");
        for text in ["", "  ", "a\nb", &"é".repeat(257)] {
            assert_eq!(text.parse::<ExternalId>(), Err(InvalidExternalId), "{text:?}");
        }
    }

    #[test]
    fn other_attributes_are_a_small_object() {
        assert_eq!(format!("{:?}", OtherAttributes::default()), "[redacted]");
        let large = format!("{{\"a\":\"{}\"}}", "b".repeat(32 * 1024));
        for text in ["", "[]", "{", &large] {
            assert_eq!(text.parse::<OtherAttributes>(), Err(InvalidAttributes), "{text:.9}");
        }
    }
}
