//! Problems as answers.
use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_api::Problem;
use imp_api::problem::MEDIA_TYPE;

/// A [`Problem`] that is answered.
#[derive(Clone, Debug)]
pub struct ProblemResponse(pub Problem);

impl ProblemResponse {
    /// The problem `code` with `error`'s own sentence. Errors of the server's own are logged here, once, with
    /// their whole chain, and the caller is told nothing of them.
    pub fn new(status: StatusCode, code: &str, error: &(dyn Error + 'static)) -> Self {
        if status.is_server_error() {
            tracing::error!(error, "request failed");
            return Self::internal();
        }
        Self(Problem::new(status.as_u16(), code, error.to_string()))
    }

    /// Something broke on our side.
    pub fn internal() -> Self {
        let title = "Something went wrong in the server. Try again, or tell the help desk.";
        Self(Problem::new(500, "internal", title))
    }

    /// The same problem, with more about this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))];
        let mut response = (status, media_type, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 demands a challenge; RFC 6750 §3 is ours.
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
