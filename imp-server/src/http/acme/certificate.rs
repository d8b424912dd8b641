//! `POST /acme/certificate/{order}`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer::{Body, Said, answer};
use super::signed::{Asker, Posted, named};
use crate::app::App;
use crate::command::acme::{AcmeError, acme_certificate};
use crate::http::Path;

/// The certificate of an order, with those above it (RFC 8555 §7.4.2).
#[utoipa::path(
    post, path = "/acme/certificate/{order}", tag = "acme", operation_id = "acme_certificate",
    params(("order" = String, Path, description = "the order")),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "certificates in PEM", body = String, content_type = "application/pem-certificate-chain"))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(order): Path<String>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = found(&app, &order, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn found(
    app: &App,
    order: &str,
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let client = posted.as_get(app, asker).await?;
    let chain = acme_certificate(&app.storage, &client, named(order)?).await?;
    Ok(Said::with(StatusCode::OK, Body::Pem(chain)))
}
