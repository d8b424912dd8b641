//! Problem details (RFC 9457).
use imp_identity::refusal::{Abandonment, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The prefix of the stable type URIs; the rest is [`Problem::code`].
pub const TYPE_PREFIX: &str = "urn:imp:problem:";

/// Why a request was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI, `urn:imp:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More about this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why a tap was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Refusal>,
    /// Why a tap was abandoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub abandonment: Option<Abandonment>,
}

impl Problem {
    /// A problem of the kind `code` (kebab case).
    pub fn new(status: u16, code: &str, title: impl Into<String>) -> Self {
        let kind = format!("{TYPE_PREFIX}{code}");
        Self { kind, title: title.into(), status, detail: None, refusal: None, abandonment: None }
    }

    /// A refused tap: status 403, type `urn:imp:problem:tap-refused`, the reason in `refusal`.
    pub fn refused(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::new(403, "tap-refused", refusal.explain()) }
    }

    /// The last part of the type URI.
    pub fn code(&self) -> &str {
        self.kind.strip_prefix(TYPE_PREFIX).unwrap_or(&self.kind)
    }
}
