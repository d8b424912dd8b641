//! Parameters of requests: `application/x-www-form-urlencoded`, each at most once.
use crate::error::OAuthError;

/// How many bytes of parameters are read.
pub const MAX_LEN: usize = 64 * 1024;
/// How many parameters are read.
pub const MAX_PARAMETERS: usize = 64;

/// The parameters that RFC 8693 §2.1 and RFC 8707 §2 allow to be repeated.
const REPEATABLE: &[&str] = &["resource", "audience"];

/// Parameters, without those that have no value (RFC 6749 §3.1: treated as omitted), none of them twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Why parameters were not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForm {
    /// More than [`MAX_LEN`] or [`MAX_PARAMETERS`].
    #[error("too many or too long parameters")]
    TooLong,
    /// A name or value is not text.
    #[error("a parameter is not UTF-8 text, or has control characters")]
    NotText,
    /// A parameter stands there twice (RFC 6749 §3.1).
    #[error("a parameter is repeated: {0}")]
    Repeated(String),
}

impl From<InvalidForm> for OAuthError {
    fn from(error: InvalidForm) -> Self {
        Self::request(error.to_string())
    }
}

impl Form {
    /// Reads a query or body.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidForm> {
        if bytes.len() > MAX_LEN {
            return Err(InvalidForm::TooLong);
        }
        let mut read: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            let bad = |c: char| {
                c == char::REPLACEMENT_CHARACTER
                    || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
            };
            if name.chars().any(bad) || value.chars().any(bad) {
                return Err(InvalidForm::NotText);
            }
            if read.len() >= MAX_PARAMETERS {
                return Err(InvalidForm::TooLong);
            }
            if !REPEATABLE.contains(&name.as_ref()) && read.iter().any(|(known, _)| *known == name)
            {
                return Err(InvalidForm::Repeated(name.chars().take(40).collect()));
            }
            read.push((name.into_owned(), value.into_owned()));
        }
        read.retain(|(_, value)| !value.is_empty());
        Ok(Self(read))
    }

    /// Parameters that are text already: what was pushed before, and tests.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parameter's value; `invalid_request` without one.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::request(format!("{name} is missing")))
    }

    /// Every parameter, in the order in which they came.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_once_and_with_a_value() {
        let form = Form::parse(b"a=1&b=&c=x%20y+z&resource=u&resource=v").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, Some("x y z")));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["u", "v"]);
        assert_eq!(Form::parse(b"a=1&a=1"), Err(InvalidForm::Repeated("a".to_owned())));
        // Without a value too: two readers could disagree which one counts.
        assert_eq!(Form::parse(b"a=1&a="), Err(InvalidForm::Repeated("a".to_owned())));
        assert_eq!(Form::parse(b"a=%ff"), Err(InvalidForm::NotText));
        assert_eq!(Form::parse(b"a=%00"), Err(InvalidForm::NotText));
        assert_eq!(Form::parse(&vec![b'a'; MAX_LEN + 1]), Err(InvalidForm::TooLong));
        let many: Vec<_> = (0..=MAX_PARAMETERS).map(|n| format!("p{n}=1")).collect();
        assert_eq!(Form::parse(many.join("&").as_bytes()), Err(InvalidForm::TooLong));
        assert_eq!(form.require("nonce").unwrap_err().description, "nonce is missing");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _read_or_refused = Form::parse(&bytes);
        }
    }
}
