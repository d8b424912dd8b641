//! Refusals in the form of RFC 6749 §5.2 and RFC 6750 §3.
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_oauth::{ErrorCode, OAuthError};
use imp_storage::StorageError;

use crate::http::limits::Wait;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What is said.
    pub(crate) error: OAuthError,
    /// How the caller could show who it is.
    pub(crate) challenge: Option<String>,
    /// What the next proof must hold (RFC 9449 §8).
    pub(crate) nonce: Option<String>,
    /// Whether it is a 401, whatever the error says.
    pub(crate) unauthorized: bool,
    /// How long to wait: then it is a 429.
    wait: Option<Wait>,
}

impl Refused {
    /// Too many attempts.
    pub(crate) fn too_soon(wait: Wait) -> Self {
        let code = ErrorCode::TemporarilyUnavailable;
        let error = OAuthError::new(code, "too many attempts from here: wait, and try again");
        Self { wait: Some(wait), ..Self::from(error) }
    }

    /// With a challenge, which makes it a 401 unless the error has a status of its own.
    pub(crate) fn challenging(error: OAuthError, challenge: String) -> Self {
        Self { challenge: Some(challenge), ..Self::from(error) }
    }

    /// With what the next proof must hold.
    pub(crate) fn with_nonce(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce);
        self
    }
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Self { error, challenge: None, nonce: None, unauthorized: false, wait: None }
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        failed(&error, error.is_busy())
    }
}

/// Something of our own failed: it is logged here, and the caller learns nothing of it.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static), busy: bool) -> Refused {
    if busy {
        tracing::warn!(error, "the database is busy");
        let code = ErrorCode::TemporarilyUnavailable;
        return OAuthError::new(code, "the server is busy: try again").into();
    }
    tracing::error!(error, "a request of an application failed");
    OAuthError::new(ErrorCode::ServerError, "something broke in the server").into()
}

/// A document that nobody may keep.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
                (header::PRAGMA, "no-cache"),
            ];
            (status, headers, body).into_response()
        }
        Err(error) => failed(&error, false).into_response(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { error, challenge, nonce, unauthorized, wait } = self;
        let status = StatusCode::from_u16(error.code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let status = match (wait, unauthorized && status.is_client_error()) {
            (Some(_), _) => StatusCode::TOO_MANY_REQUESTS,
            (None, true) if error.code != ErrorCode::InsufficientScope => StatusCode::UNAUTHORIZED,
            (None, _) => status,
        };
        let mut response = json(status, &error);
        let headers = response.headers_mut();
        if let Some(value) = challenge.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(Wait(time)) = wait {
            let seconds = time.as_secs().saturating_add(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(value) = nonce.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert("DPoP-Nonce", value);
        }
        response
    }
}
