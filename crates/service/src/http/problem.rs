//! Problems as answers.
use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_api::Problem;
use imp_api::problem::MEDIA_TYPE;

/// One kind of problem: what a stable type URI means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The last part of the type URI, in kebab case.
    pub code: &'static str,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What it means, for the reference.
    pub meaning: &'static str,
}

/// A [`Problem`] that is answered.
#[derive(Clone, Debug)]
pub struct ProblemResponse(pub Problem);

/// Something broke on our side.
pub const INTERNAL: ProblemKind = ProblemKind {
    code: "internal",
    status: 500,
    meaning: "Something broke in the server; its log says what.",
};
/// The handler took too long.
pub const TIMEOUT: ProblemKind =
    ProblemKind { code: "timeout", status: 503, meaning: "The request took too long. Try again." };
/// Not JSON.
pub const BODY_MALFORMED: ProblemKind =
    ProblemKind { code: "body-malformed", status: 400, meaning: "The body is not JSON." };
/// JSON, but not what is expected.
pub const BODY_INVALID: ProblemKind = ProblemKind {
    code: "body-invalid",
    status: 422,
    meaning: "The body is JSON, but not what this endpoint expects; `detail` says where.",
};
/// Broke off.
pub const BODY_UNREADABLE: ProblemKind = ProblemKind {
    code: "body-unreadable",
    status: 400,
    meaning: "The body broke off before its end.",
};
/// More than the bound.
pub const BODY_TOO_LARGE: ProblemKind = ProblemKind {
    code: "body-too-large",
    status: 413,
    meaning: "The body is larger than any that this server expects.",
};
/// Not declared as JSON.
pub const MEDIA_TYPE_WRONG: ProblemKind =
    ProblemKind { code: "media-type", status: 415, meaning: "The body is not `application/json`." };

/// Every kind that this crate answers with.
pub const KINDS: [ProblemKind; 7] = [
    BODY_MALFORMED,
    BODY_UNREADABLE,
    BODY_TOO_LARGE,
    MEDIA_TYPE_WRONG,
    BODY_INVALID,
    INTERNAL,
    TIMEOUT,
];

impl ProblemKind {
    /// A problem of this kind with a sentence for people.
    pub fn says(&self, title: impl Into<String>) -> ProblemResponse {
        ProblemResponse(Problem::new(self.status, self.code, title))
    }

    /// A problem of this kind with `error`'s own sentence. Errors of the server's own are logged here, once, with
    /// their whole chain, and the caller is told nothing of them.
    pub fn because(&self, error: &(dyn Error + 'static)) -> ProblemResponse {
        if self.status == INTERNAL.status {
            tracing::error!(error, "request failed");
            return ProblemResponse::internal();
        }
        self.says(error.to_string())
    }
}

impl ProblemResponse {
    /// Something broke on our side; the caller logs what.
    pub fn internal() -> Self {
        INTERNAL.says("Something went wrong in the server. Try again, or tell the help desk.")
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
