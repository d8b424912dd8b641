//! What clients are answered.
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use imp_api::Problem;
use imp_scim::list::list_response;
use imp_scim::projection::Projection;
use imp_scim::{ResourceType, ScimError, etag};
use serde_json::Value;

use super::BASE;
use crate::command::scim::{Listed, ProvisionError, Shown};
use crate::http::{ProblemResponse, problem};

/// The largest problem that is turned into an error of SCIM, in bytes.
const PROBLEM: usize = 64 * 1024;

/// An answer in SCIM's media type.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    pub(crate) version: Option<u64>,
    pub(crate) location: Option<String>,
}

/// A refusal in SCIM's form.
pub(crate) struct Refused(Response);

impl Answer {
    /// 200 with a document.
    pub(crate) const fn document(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), version: None, location: None }
    }

    /// 204.
    pub(crate) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, version: None, location: None }
    }

    /// A resource.
    pub(crate) fn resource(
        status: StatusCode,
        shown: Shown,
        projection: &Projection,
        of: &ResourceType,
    ) -> Self {
        let location = location(&shown);
        Self {
            status,
            version: Some(shown.version),
            location,
            body: Some(projection.apply(shown.resource, of)),
        }
    }

    /// A page.
    pub(crate) fn list(
        listed: Listed,
        skip: usize,
        projection: &Projection,
        of: &ResourceType,
    ) -> Self {
        let page = listed.page.into_iter().map(|shown| projection.apply(shown.resource, of));
        Self::document(list_response(listed.total, skip, &page.collect::<Vec<_>>()))
    }
}

/// Where a resource is.
pub(crate) fn location(shown: &Shown) -> Option<String> {
    let location = shown.resource.get("meta")?.get("location")?.as_str()?;
    Some(location.to_owned())
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => in_json(self.status, &body),
            None => self.status.into_response(),
        };
        let mut set = |name, text: Option<String>| {
            if let Some(value) = text.and_then(|it| HeaderValue::try_from(it).ok()) {
                response.headers_mut().insert(name, value);
            }
        };
        set(ETAG, self.version.map(etag::tag));
        set(LOCATION, self.location);
        response
    }
}

fn in_json(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static(imp_scim::MEDIA_TYPE);
    (status, [(CONTENT_TYPE, kind)], body.to_string()).into_response()
}

impl From<ScimError> for Refused {
    fn from(error: ScimError) -> Self {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self(in_json(status, &error.body()))
    }
}

impl From<ProvisionError> for Refused {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Refused(error) => error.into(),
            ProvisionError::Storage(ref source) => {
                let ProblemResponse(problem) = problem::storage(&error, source);
                ScimError::new(problem.status, problem.title).into()
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Turns problems that are answered before a route is reached into errors of SCIM.
pub(crate) async fn in_scim(request: Request, next: Next) -> Response {
    let ours = request.uri().path().starts_with(BASE);
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !ours || kind != Some(imp_api::problem::MEDIA_TYPE.as_bytes()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = to_bytes(body, PROBLEM).await.ok();
    let problem = problem.and_then(|it| serde_json::from_slice::<Problem>(&it).ok());
    let detail =
        problem.map(|it| it.detail.map_or(it.title.clone(), |more| format!("{} {more}", it.title)));
    let error = ScimError::new(parts.status.as_u16(), detail.unwrap_or_default());
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(imp_scim::MEDIA_TYPE));
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(parts, error.body().to_string().into())
}
