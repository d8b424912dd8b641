//! JSON bodies whose faults are answered with problems.
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{self, ProblemResponse};

/// A JSON body, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        if !is_json(request.headers()) {
            return Err(problem::MEDIA_TYPE_WRONG.says("The body must be application/json."));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|e| unread(&e))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let problem = if error.is_data() {
                problem::BODY_INVALID.says("The body does not say what is expected.")
            } else {
                problem::BODY_MALFORMED.says("The body is not JSON.")
            };
            problem.with_detail(error.to_string())
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let media_type = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, media_type)], body).into_response()
            }
            Err(error) => problem::INTERNAL.because(&error).into_response(),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

fn unread(rejection: &BytesRejection) -> ProblemResponse {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return problem::BODY_TOO_LARGE.says("The body is too large.");
    }
    problem::BODY_UNREADABLE.says("The body could not be read.")
}
