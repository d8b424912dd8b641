//! What the gate answers whom it does not let through.
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::oauth::refused::Refused;
use super::{ProblemResponse, problem};

/// Why somebody is not let through.
pub(super) enum Refusal {
    /// A problem.
    Problem(Box<ProblemResponse>),
    /// Her access token, or its proof, does not count.
    Token(Box<Refused>),
}

/// What an application needs to do better: a challenge (RFC 6750 §3), a nonce (RFC 9449 §9), a time.
const KEPT: [HeaderName; 3] =
    [header::WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce"), header::RETRY_AFTER];

impl From<ProblemResponse> for Refusal {
    fn from(problem: ProblemResponse) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Token(Box::new(refused))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Token(refused) => token(*refused),
        }
    }
}

/// The refusal of a token as a problem, with the headers that its protocol wants.
fn token(refused: Refused) -> Response {
    let detail = refused.error.description.to_string();
    let (said, _) = refused.into_response().into_parts();
    let problem = match said.status {
        StatusCode::TOO_MANY_REQUESTS => problem::TOO_SOON.says("Wait, and try again."),
        StatusCode::FORBIDDEN => problem::ACCESS_REFUSED.says("The access token is not for this."),
        StatusCode::SERVICE_UNAVAILABLE => problem::BUSY.says("The server is busy. Try again."),
        status if status.is_server_error() => ProblemResponse::internal(),
        _ => problem::SIGN_IN_REQUIRED.says("The access token does not count."),
    };
    let mut response = problem.with_detail(detail).into_response();
    for name in KEPT {
        if let Some(value) = said.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
