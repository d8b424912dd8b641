//! Names of attributes (RFC 7644 §3.10): `userName`, `name.familyName`, or with the URN of their schema before them.
use std::fmt;
use std::str::FromStr;

/// The longest path, in bytes.
const LONGEST: usize = 512;

/// Names an attribute or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The URN of the schema, if it is said.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The part of it.
    pub sub: Option<String>,
}

/// The text does not name an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this does not name an attribute")]
pub struct InvalidPath;

impl AttributePath {
    /// The path as the URN of a schema, which it may be as a whole.
    pub fn as_urn(&self) -> Option<String> {
        match (&self.schema, &self.sub) {
            (Some(schema), None) => Some(format!("{schema}:{}", self.name)),
            (_, _) => None,
        }
    }

    /// Whether the path is this attribute of the resource itself, whatever the case.
    pub fn is(&self, name: &str) -> bool {
        self.schema.is_none() && self.sub.is_none() && self.name.eq_ignore_ascii_case(name)
    }
}

/// Characters of a path, the `$` of `$ref` included.
pub(crate) fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":._-$".contains(&byte)
}

/// An attribute's name: a letter or `$`, then letters, digits, `_`, `-` (RFC 7643 §2.1).
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'$');
    first && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte))
}

impl FromStr for AttributePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > LONGEST || !text.bytes().all(is_path_character) {
            return Err(InvalidPath);
        }
        let (schema, rest) = match text.rsplit_once(':') {
            Some((schema, rest)) => (Some(schema), rest),
            None => (None, text),
        };
        if schema.is_some_and(|it| !it.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("urn:"))) {
            return Err(InvalidPath);
        }
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        if !is_name(name) || !sub.is_none_or(is_name) {
            return Err(InvalidPath);
        }
        Ok(Self {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_schema_a_name_and_a_part() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let path: AttributePath = format!("{urn}:manager.displayName").parse().unwrap();
        assert_eq!(path.schema.as_deref(), Some(urn));
        assert_eq!((path.name.as_str(), path.sub.as_deref()), ("manager", Some("displayName")));
        assert_eq!(path.to_string(), format!("{urn}:manager.displayName"));
        let whole: AttributePath = urn.parse().unwrap();
        assert_eq!(whole.as_urn().as_deref(), Some(urn));
        assert!("members.$ref".parse::<AttributePath>().is_ok());
        for text in ["", ".", "a.", "1a", "a.b.c", "http:a", "a b", "a[", "é"] {
            assert_eq!(text.parse::<AttributePath>(), Err(InvalidPath), "{text:?}");
        }
    }
}
