//! `GET /v1/connections/policy`
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::http::ProblemResponse;
use crate::http::caller::MachinePeer;

/// The signed copy of the policy, with the machines that it speaks of, for whoever has to decide without the server: the whole
/// one for gateways and workstations, for other devices what names them.
#[utoipa::path(
    get, path = "/v1/connections/policy", tag = "connections", operation_id = "connection_policy",
    params(("If-None-Match" = Option<String>, Header, description = "the `ETag` of the copy that the machine has")),
    security(("machine" = [])),
    responses(
        (status = 200, description = "a JWS in the compact form (RFC 7515), ES256", body = String, content_type = "application/jose"),
        (status = 304, description = "the copy that the machine has is good"),
        (status = 403, description = "a phone", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn copy(
    State(app): State<App>,
    machine: MachinePeer,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let tag = headers.get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let by = (app.keys.statement_key(), app.now());
    let Some(copy) = app.connections.copy(&app.storage, by, (&machine.spiffe_id, tag)).await?
    else {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    };
    let headers = [
        (CONTENT_TYPE, "application/jose".to_owned()),
        (ETAG, copy.tag()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok((headers, copy.jws.as_str().to_owned()).into_response())
}
