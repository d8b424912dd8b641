//! What goes wrong, in the words of the protocol.
use std::borrow::Cow;

use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal;)+) => {
        /// An error code, with the HTTP status that answers it where the answer is no redirect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)+ }

        impl ErrorCode {
            /// As it stands in `error`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The code that is written so.
            pub fn from_code(code: &str) -> Option<Self> {
                [$(Self::$variant,)+].into_iter().find(|known| known.code() == code)
            }

            /// The HTTP status of a direct answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

codes! {
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest = "invalid_request", 400;
    /// RFC 6749 §5.2.
    InvalidClient = "invalid_client", 401;
    /// RFC 6749 §5.2.
    InvalidGrant = "invalid_grant", 400;
    /// RFC 6749 §4.1.2.1, §5.2.
    UnauthorizedClient = "unauthorized_client", 400;
    /// RFC 6749 §5.2.
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope = "invalid_scope", 400;
    /// RFC 6749 §4.1.2.1; RFC 8628 §3.5.
    AccessDenied = "access_denied", 400;
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// RFC 6749 §4.1.2.1.
    ServerError = "server_error", 500;
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired = "interaction_required", 400;
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired = "login_required", 400;
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired = "consent_required", 400;
    /// OpenID Connect Core §3.1.2.6.
    InvalidRequestUri = "invalid_request_uri", 400;
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported = "request_not_supported", 400;
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// OpenID Connect Core §3.1.2.6.
    RegistrationNotSupported = "registration_not_supported", 400;
    /// OpenID Connect Core Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400;
    /// RFC 8628 §3.5.
    AuthorizationPending = "authorization_pending", 400;
    /// RFC 8628 §3.5.
    SlowDown = "slow_down", 400;
    /// RFC 8628 §3.5.
    ExpiredToken = "expired_token", 400;
    /// RFC 8693 §2.2.2; RFC 8707 §2.
    InvalidTarget = "invalid_target", 400;
    /// RFC 9449 §5.
    InvalidDpopProof = "invalid_dpop_proof", 400;
    /// RFC 9449 §8.
    UseDpopNonce = "use_dpop_nonce", 400;
    /// RFC 7591 §3.2.2.
    InvalidRedirectUri = "invalid_redirect_uri", 400;
    /// RFC 7591 §3.2.2.
    InvalidClientMetadata = "invalid_client_metadata", 400;
    /// RFC 7591 §3.2.2.
    UnapprovedSoftwareStatement = "unapproved_software_statement", 400;
    /// RFC 6750 §3.1.
    InvalidToken = "invalid_token", 401;
    /// RFC 6750 §3.1.
    InsufficientScope = "insufficient_scope", 403;
    /// RFC 9470 §3.
    InsufficientUserAuthentication = "insufficient_user_authentication", 401;
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType = "unsupported_token_type", 400;
}

/// A refusal in the form of RFC 6749 §5.2: serialises to `{"error", "error_description"}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}: {description}", .code.code())]
pub struct OAuthError {
    /// Which.
    #[serde(rename = "error", serialize_with = "write_code")]
    pub code: ErrorCode,
    /// Why, for the application's developer. Characters as RFC 6749 §5.2 allows; no secrets.
    #[serde(rename = "error_description")]
    pub description: Cow<'static, str>,
}

impl OAuthError {
    /// A refusal. Characters that RFC 6749 §5.2 does not allow become apostrophes and question marks.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        let description = if description.chars().all(allowed) {
            description
        } else {
            let replace = |c| {
                if allowed(c) {
                    c
                } else if c == '"' {
                    '\''
                } else {
                    '?'
                }
            };
            Cow::Owned(description.chars().map(replace).collect())
        };
        Self { code, description }
    }

    /// `invalid_request`.
    pub fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// `invalid_client`.
    pub fn client(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidClient, description)
    }

    /// `invalid_grant`.
    pub fn grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn write_code<S: serde::Serializer>(code: &ErrorCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(code.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_written_as_the_rfc_says() {
        let error = OAuthError::grant("the \"code\" é\n");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"error":"invalid_grant","error_description":"the 'code' ??"}"#
        );
        assert_eq!(error.code.status(), 400);
        assert_eq!(ErrorCode::InvalidClient.status(), 401);
    }
}
