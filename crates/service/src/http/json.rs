//! JSON bodies whose faults are answered with problems.
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ProblemResponse;

/// A JSON body, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        if !is_json(request.headers()) {
            let title = "The body must be application/json.";
            return Err(Problem::new(415, "media-type", title).into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|e| unread(&e))?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(error) if error.is_data() => {
                let title = "The body does not say what is expected.";
                Err(ProblemResponse(Problem::new(422, "body-invalid", title))
                    .with_detail(error.to_string()))
            }
            Err(error) => {
                let problem = Problem::new(400, "body-malformed", "The body is not JSON.");
                Err(ProblemResponse(problem).with_detail(error.to_string()))
            }
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let media_type = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, media_type)], body).into_response()
            }
            Err(error) => {
                ProblemResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error)
                    .into_response()
            }
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
        return Problem::new(413, "body-too-large", "The body is too large.").into();
    }
    Problem::new(400, "body-unreadable", "The body could not be read.").into()
}
