//! Signing a browser on with a phone that scanned its code.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Base64;

/// `GET /v1/phone-sign-ins/{id}` by a phone: what the browser wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhoneSignIn {
    /// The origin of the page; the browser's address bar must show it.
    pub origin: String,
    /// The application that she signs in to.
    pub application: String,
    /// One of these is on the page.
    pub numbers: Vec<u8>,
    /// To be signed, 32 bytes.
    pub nonce: Base64,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/phone-sign-ins/{id}` by a phone. Answers 204.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerPhoneSignIn {
    /// The phone's sign-in statement (`COSE_Sign1`); without it, she does not want to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Base64>,
}

/// What the page shows as a QR code: `imp:sign-in?id=…`. It names the question and nothing else: the phone asks the server to which
/// it is bound, so a code cannot send it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInUri(pub Uuid);

/// The text is not a [`SignInUri`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a sign-in page: imp:sign-in?id=… is expected")]
pub struct InvalidSignInUri;

const PREFIX: &str = "imp:sign-in?id=";

impl std::fmt::Display for SignInUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl std::str::FromStr for SignInUri {
    type Err = InvalidSignInUri;

    fn from_str(text: &str) -> Result<Self, InvalidSignInUri> {
        let id = text.trim().strip_prefix(PREFIX).ok_or(InvalidSignInUri)?;
        id.parse().map(Self).map_err(|_| InvalidSignInUri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_page_names_a_question_and_nothing_else() {
        let uri = SignInUri(Uuid::from_u128(7));
        assert_eq!(uri.to_string().parse::<SignInUri>(), Ok(uri));
        for text in ["", "imp:sign-in?id=", "imp:sign-in?id=7", "https://evil.example/?id=7"] {
            assert_eq!(text.parse::<SignInUri>(), Err(InvalidSignInUri), "{text}");
        }
    }
}
