//! What people write of a rule.
use std::fmt;
use std::str::FromStr;

/// What a connection is for: 1 to 200 printable characters, of which the first is none that a spreadsheet takes for the begin of
/// a formula (`=`, `+`, `-`, `@`), because the matrix goes out as CSV.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(String);

/// The text is no [`Purpose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a purpose: 1 to 200 printable characters are expected, the first of them not `=`, `+`, `-` or `@`"
)]
pub struct InvalidPurpose;

impl Purpose {
    /// That a manufacturer asks for it (RFC 8520).
    pub(crate) fn mud() -> Self {
        Self("MUD".to_owned())
    }

    /// That it was seen.
    pub(crate) fn learned() -> Self {
        Self("Learned from observation".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Purpose {
    type Err = InvalidPurpose;

    fn from_str(text: &str) -> Result<Self, InvalidPurpose> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && !text.starts_with(['=', '+', '-', '@']);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidPurpose) }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Types that are written as texts in JSON.
macro_rules! as_text {
    ($($type:ty),+) => {
        $(impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        })+
    };
}
pub(crate) use as_text;

as_text!(Purpose);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_no_formulas() {
        assert_eq!(" HL7 results ".parse::<Purpose>().unwrap().as_str(), "HL7 results");
        for wrong in ["", " ", "=1+1", "+1", "-1", "@SUM(A1)", "a\nb", &"é".repeat(201)] {
            assert_eq!(wrong.parse::<Purpose>(), Err(InvalidPurpose), "{wrong:?}");
        }
    }
}
