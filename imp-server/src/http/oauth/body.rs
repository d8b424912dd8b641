//! Parameters in bodies and queries.
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse as _;
use imp_oauth::{Form, OAuthError};

use super::refused::Refused;

/// The parameters of a body in `application/x-www-form-urlencoded`.
pub(crate) struct FormBody(pub(crate) Form);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let refuse = |error: OAuthError| Refused::from(error).into_response();
        if !is_form(request.headers()) {
            let text = "the body must be application/x-www-form-urlencoded";
            return Err(refuse(OAuthError::request(text)));
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| refuse(OAuthError::request("the body is too large")))?;
        Form::parse(&body).map(Self).map_err(|error| refuse(error.into()))
    }
}

pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The parameters of a query.
pub(crate) fn query(uri: &Uri) -> Result<Form, OAuthError> {
    Ok(Form::parse(uri.query().unwrap_or_default().as_bytes())?)
}

/// The value of a header that is there once.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, OAuthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(OAuthError::request(format!("there is more than one {name} header")));
    }
    let text = first.map(|value| value.to_str()).transpose();
    text.map_err(|_| OAuthError::request(format!("the {name} header is not text")))
}
