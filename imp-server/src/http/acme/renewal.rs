//! `GET /acme/renewal-info/{id}`
use axum::extract::State;
use axum::response::Response;
use imp_pki::acme::CertificateId;
use serde_json::json;

use super::answer::{Said, answer};
use super::signed::{Asker, named};
use crate::app::App;
use crate::command::acme::{AcmeError, acme_renewal_window};
use crate::http::Path;

/// When it is worth asking again, in seconds: six hours (RFC 9773 §4.3).
const AGAIN: u32 = 6 * 3600;

/// When a certificate should be renewed (RFC 9773 §4.2).
#[utoipa::path(
    get, path = "/acme/renewal-info/{id}", tag = "acme", operation_id = "acme_renewal_info",
    params(("id" = String, Path, description = "the certificate (RFC 9773 §4.1)")),
    responses((status = 200, description = "between which instants", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn window(State(app): State<App>, Path(id): Path<String>) -> Response {
    let said = suggested(&app, &id).await;
    answer(&app, Asker::default(), said).await
}

async fn suggested(app: &App, id: &str) -> Result<Said, AcmeError> {
    let id: CertificateId = named(id)?;
    let (start, end) = acme_renewal_window(&app.storage, &id).await?;
    let window = json!({ "start": start.to_string(), "end": end.to_string() });
    let mut said = Said::json(json!({ "suggestedWindow": window }));
    said.again = Some(AGAIN);
    Ok(said)
}
