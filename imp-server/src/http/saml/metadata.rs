//! `GET /saml/metadata`
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::app::{self, App};
use crate::http::{ProblemResponse, problem};

/// What applications must know of this identity provider, signed by it (saml-metadata-2.0-os).
#[utoipa::path(
    get, path = "/saml/metadata", tag = "saml", operation_id = "saml_metadata",
    responses((status = 200, description = "metadata", content_type = "application/samlmetadata+xml", body = String))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn metadata(State(app): State<App>) -> Result<Response, ProblemResponse> {
    let mut rng = app::rng();
    let metadata = super::provider(&app, &mut rng)?.metadata(app.now(), &mut rng);
    let metadata = metadata.map_err(|error| problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], metadata).into_response())
}
