//! What is wrong with a request, as clients are told (RFC 7644 §3.12).
use serde_json::{Value, json};

/// The schema of errors.
const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// The keyword, where the RFC has one.
    pub kind: Option<ScimType>,
    /// For people.
    pub detail: String,
}

/// A keyword of RFC 7644 table 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is not one, or asks what cannot be asked of an attribute.
    InvalidFilter,
    /// The answer would be larger than the server gives.
    TooMany,
    /// Something is taken.
    Uniqueness,
    /// The attribute cannot be changed like this.
    Mutability,
    /// The body is not what the operation takes.
    InvalidSyntax,
    /// The path is not one, or names no attribute.
    InvalidPath,
    /// The path chooses nothing.
    NoTarget,
    /// A value is missing, or not one of its attribute.
    InvalidValue,
    /// The version of the protocol is not supported.
    InvalidVers,
    /// The request must not be a GET because its address says too much.
    Sensitive,
}

impl ScimType {
    /// The keyword.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
        }
    }
}

impl ScimError {
    /// A status alone.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    /// 400 with a keyword; 409 for [`ScimType::Uniqueness`].
    pub fn bad(kind: ScimType, detail: impl Into<String>) -> Self {
        let status = if kind == ScimType::Uniqueness { 409 } else { 400 };
        Self { status, kind: Some(kind), detail: detail.into() }
    }

    /// There is no such resource.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, format!("There is no {what}."))
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "schemas": [SCHEMA],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let Some(kind) = self.kind {
            body["scimType"] = kind.code().into();
        }
        body
    }
}

/// 400 `invalidValue`.
pub(crate) fn invalid_value(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}

/// 400 `invalidSyntax`.
pub(crate) fn invalid_syntax(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_status_and_its_keyword() {
        let body = ScimError::bad(ScimType::Mutability, "Attribute 'id' is readOnly").body();
        assert_eq!(
            body,
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "scimType": "mutability",
                "detail": "Attribute 'id' is readOnly",
                "status": "400",
            })
        );
        assert_eq!(ScimError::not_found("user").body().get("scimType"), None);
    }
}
