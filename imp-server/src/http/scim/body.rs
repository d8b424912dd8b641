//! What clients send: JSON under either of its media types, the parameters of a query, and conditions.
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use imp_scim::list::Parameters;
use imp_scim::projection::Projection;
use imp_scim::{ScimError, ScimType};
use serde::Deserialize;
use serde_json::Value;

use super::answer::Refused;

/// A body in JSON.
pub(crate) struct Body(pub(crate) Value);

/// The parameters of the address. Those that nobody knows are passed over.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// Which resources (RFC 7644 §3.4.2.2).
    pub(crate) filter: Option<String>,
    /// The attribute by which they are sorted.
    pub(crate) sort_by: Option<String>,
    /// `ascending` or `descending`.
    pub(crate) sort_order: Option<String>,
    /// The first of the page, counted from 1.
    pub(crate) start_index: Option<i64>,
    /// The size of the page, at most 200.
    pub(crate) count: Option<i64>,
    /// The attributes that are shown, with commas between them.
    pub(crate) attributes: Option<String>,
    /// The attributes that are not shown, with commas between them.
    pub(crate) excluded_attributes: Option<String>,
}

/// `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

impl Asked {
    /// Which attributes are shown.
    pub(crate) fn projection(&self) -> Result<Projection, ScimError> {
        Projection::read(self.attributes.as_deref(), self.excluded_attributes.as_deref())
    }
}

impl From<Asked> for Parameters {
    fn from(asked: Asked) -> Self {
        Self {
            filter: asked.filter,
            sort_by: asked.sort_by,
            sort_order: asked.sort_order,
            start_index: asked.start_index,
            count: asked.count,
            attributes: asked.attributes,
            excluded_attributes: asked.excluded_attributes,
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
        let known = [imp_scim::MEDIA_TYPE, "application/json"];
        if !known.iter().any(|it| it.eq_ignore_ascii_case(kind)) {
            let detail = "The body must be application/scim+json.";
            return Err(ScimError::new(415, detail).into());
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| {
            ScimError::new(rejection.status().as_u16(), "The body cannot be read.")
        })?;
        let value = serde_json::from_slice(&bytes);
        Ok(Self(value.map_err(|error| {
            ScimError::bad(ScimType::InvalidSyntax, format!("The body is not JSON: {error}"))
        })?))
    }
}

/// The parameters of the address, or why they are none.
pub(crate) struct Parsed(pub(crate) Asked);

impl<S: Send + Sync> FromRequestParts<S> for Parsed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let asked = Query::<Asked>::from_request_parts(parts, state).await;
        let asked = asked
            .map_err(|rejection| ScimError::bad(ScimType::InvalidValue, rejection.body_text()))?;
        Ok(Self(asked.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Self, std::convert::Infallible> {
        let text = |name: HeaderName| {
            let value = parts.headers.get(name)?;
            // What is no text names no version of ours.
            Some(value.to_str().unwrap_or_default().to_owned())
        };
        Ok(Self { if_match: text(IF_MATCH), if_none_match: text(IF_NONE_MATCH) })
    }
}
