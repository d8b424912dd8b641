//! What the OpenID provider says to applications, and asks of them, without a browser between: logout tokens (OpenID Connect
//! Back-Channel Logout 1.0 §2.5) and key sets (`jwks_uri`, RFC 7591 §2).
use imp_events::ConsumeError;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::http::{Endpoint, HttpSetupError, Poster};
use crate::tls::TlsSettings;

/// Speaks HTTP to applications.
#[derive(Clone, Debug)]
pub struct Applications(Poster);

/// An application did not answer with what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or one without success.
    #[error("the application did not answer: {0}")]
    Unanswered(String),
    /// More than 64 KiB.
    #[error("the application's answer is too large")]
    TooLarge,
    /// No JSON.
    #[error("the application's answer is not JSON")]
    Malformed,
}

impl Applications {
    /// Trusts as `tls` says. Nothing is sent yet.
    pub fn new(tls: &TlsSettings) -> Result<Self, HttpSetupError> {
        Poster::trusting(tls).map(Self)
    }

    /// Posts a logout token. Whatever is not 200 or 204 is worth another try but 400: the application understood, and could
    /// not do it (§2.8).
    pub async fn log_out(
        &self,
        to: &Endpoint,
        token: &str,
        now: Timestamp,
    ) -> Result<(), ConsumeError> {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        // A compact JWS has nothing that a form would escape.
        let answer = self.0.post(to, headers, format!("logout_token={token}"), now).await?;
        match answer.status {
            200..=299 => Ok(()),
            400 => Err(ConsumeError::Poison {
                index: 0,
                why: "the application answered 400".to_owned(),
            }),
            _ => Err(answer.retry("")),
        }
    }

    /// A JSON document of an application, at most 64 KiB.
    pub async fn fetch(&self, from: &Endpoint) -> Result<serde_json::Value, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = self.0.fetch(from, headers).await?;
        serde_json::from_slice(&body).map_err(|_| FetchError::Malformed)
    }
}
