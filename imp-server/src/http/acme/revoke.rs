//! `POST /acme/revoke-certificate`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer::{Body, Said, answer};
use super::signed::{Asker, Posted};
use crate::app::{self, App};
use crate::command::acme::{AcmeError, Revoker, revoke_acme_certificate};

/// Revokes a certificate, for its account or for whoever has its key (RFC 8555 §7.6).
#[utoipa::path(
    post, path = "/acme/revoke-certificate", tag = "acme", operation_id = "acme_revoke_certificate",
    request_body(content = Object, content_type = "application/jose+json"),
    responses(
        (status = 200, description = "it counts no longer"),
        (status = 403, description = "it belongs to another account", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn revoke(State(app): State<App>, posted: Posted) -> Response {
    let mut asker = Asker::default();
    let said = revoked(&app, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn revoked(app: &App, posted: &Posted, asker: &mut Asker) -> Result<Said, AcmeError> {
    let mut rng = app::rng();
    if posted.is_by_account() {
        let (client, payload) = posted.by_account(app, asker).await?;
        let context = &mut app.context(&mut rng);
        revoke_acme_certificate(context, Revoker::Account(&client), &payload).await?;
    } else {
        let (key, payload) = posted.by_key(app)?;
        let context = &mut app.context(&mut rng);
        revoke_acme_certificate(context, Revoker::Key(&key), &payload).await?;
    }
    Ok(Said::with(StatusCode::OK, Body::Nothing))
}
