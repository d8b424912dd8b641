//! Names that people type.
use std::fmt;
use std::str::FromStr;

/// A login name: 1–64 lower-case ASCII letters, digits, `.`, `_`, `-`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
pub struct Username(String);

/// A name shown to people: 1–128 characters, no control characters, not blank.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Label(String);

/// An e-mail address: something on both sides of the last `@`, at most 254 octets, neither blanks nor control
/// characters (RFC 5321 §4.5.3.1). Personal data: it prints as `[redacted]`.
#[derive(Clone, Eq, PartialEq)]
pub struct Email(String);

/// What somebody wrote, such as a comment or a reason: 1–2000 characters, lines allowed, not blank.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Remark(String);

/// The text is not a [`Username`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid username: 1 to 64 lower-case letters, digits, `.`, `_` or `-` are expected")]
pub struct InvalidUsername;

/// The text is not a [`Label`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid name: 1 to 128 printable characters are expected")]
pub struct InvalidLabel;

/// The text is not an [`Email`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

/// The text is not a [`Remark`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid remark: 1 to 2000 printable characters are expected")]
pub struct InvalidRemark;

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let text = text.trim();
        if (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLabel)
        }
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let printable = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;".contains(c);
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let fits = text.len() <= 254 && (1..=64).contains(&local.len()) && !domain.is_empty();
        if fits && text.chars().all(printable) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmail)
        }
    }
}

impl Email {
    /// The address. Search for this name when auditing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Email {
    /// Writes the address in clear: what holds one and is serialised is a message to whoever may know it.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Remark {
    /// What the software itself remarks.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Remark {
    type Err = InvalidRemark;

    fn from_str(text: &str) -> Result<Self, InvalidRemark> {
        let text = text.trim();
        let printable = |c: char| !c.is_control() || c == '\n' || c == '\t';
        if (1..=2000).contains(&text.chars().count()) && text.chars().all(printable) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRemark)
        }
    }
}

macro_rules! text {
    ($type:ty) => {
        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
text!(Username);
text!(Label);
text!(Remark);

/// Gives an enum without fields its stable codes: `code()`, `FromStr`, `Display`.
macro_rules! codes {
    ($type:ident: $($variant:ident = $code:literal),+ $(,)?) => {
        impl $type {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable code, as stored and sent.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::name::UnknownCode;

            fn from_str(text: &str) -> Result<Self, $crate::name::UnknownCode> {
                Self::ALL.iter().copied().find(|v| v.code() == text)
                    .ok_or_else(|| $crate::name::UnknownCode { expected: stringify!($type) })
            }
        }
    };
}
pub(crate) use codes;

/// The text is none of the codes of its type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code of {expected}")]
pub struct UnknownCode {
    /// The type whose codes were expected.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_short_lower_case_ascii() {
        for (text, valid) in [
            ("alice", true),
            ("a.b-c_9", true),
            ("", false),
            ("Alice", false),
            ("a b", false),
            ("é", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(text.parse::<Username>().is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn addresses_of_e_mail_are_plain_and_do_not_print() {
        let address: Email = "rossi@ward3.hospital.example".parse().unwrap();
        assert_eq!(address.expose(), "rossi@ward3.hospital.example");
        assert_eq!(format!("{address:?}"), "[redacted]");
        let long = format!("a@{}", "b".repeat(253));
        for text in ["", "rossi", "@b", "a@", "a b@c", "a@b\r\nBcc: c", "a@b,c@d", "<a@b>", &long] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn labels_are_printable() {
        assert_eq!("  Ward 3, bed 7 ".parse::<Label>().unwrap().as_str(), "Ward 3, bed 7");
        for text in ["", "   ", "a\nb", &"é".repeat(129)] {
            assert_eq!(text.parse::<Label>(), Err(InvalidLabel), "{text:?}");
        }
    }

    #[test]
    fn remarks_may_have_lines() {
        assert_eq!(
            " She was on call.\nSeen. ".parse::<Remark>().unwrap().as_str(),
            "She was on call.\nSeen."
        );
        for text in ["", " \n ", "a\u{1b}[2J", &"é".repeat(2001)] {
            assert_eq!(text.parse::<Remark>(), Err(InvalidRemark), "{text:?}");
        }
    }
}
