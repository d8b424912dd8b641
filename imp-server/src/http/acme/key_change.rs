//! `POST /acme/key-change`
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::account;
use super::answer::{Said, answer};
use super::signed::{Asker, Posted};
use crate::app::{self, App};
use crate::command::acme::{AcmeError, roll_acme_key_over};

/// Replaces an account's key (RFC 8555 §7.3.5).
#[utoipa::path(
    post, path = "/acme/key-change", tag = "acme", operation_id = "acme_key_change",
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "the account has the new key", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn change(State(app): State<App>, posted: Posted) -> Response {
    let mut asker = Asker::default();
    let said = changed(&app, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn changed(app: &App, posted: &Posted, asker: &mut Asker) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    let name = account::url(app, &client);
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    roll_acme_key_over(context, &client, &payload, (&posted.url, &name)).await?;
    let status = client.account.status.code();
    Ok(Said::json(json!({ "status": status, "contact": client.account.contacts })).at(name))
}
