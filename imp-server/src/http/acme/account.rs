//! Accounts (RFC 8555 §7.3).
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use imp_identity::AcmeOrderId;
use imp_pki::acme::account::AccountStatus;
use serde_json::{Value, json};

use super::answer::{Body, Said, answer};
use super::signed::{Asker, Posted, named};
use crate::app::{self, App};
use crate::command::acme::{
    AccountWish, AcmeClient, AcmeError, PolicyRefusal, acme_orders_of, change_acme_account, refuse,
    register_acme_account,
};
use crate::http::{Path, Query};

/// How many orders are listed at a time.
const PAGE: u32 = 50;

/// Finds or makes an account (§7.3, §7.3.1).
#[utoipa::path(
    post, path = "/acme/new-account", tag = "acme", operation_id = "acme_new_account",
    request_body(content = Object, content_type = "application/jose+json"),
    responses(
        (status = 200, description = "the account of this key", body = serde_json::Value),
        (status = 201, description = "a new account", body = serde_json::Value),
        (status = 403, description = "no external account binding, or one that does not count", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn register(State(app): State<App>, posted: Posted) -> Response {
    let said = registered(&app, &posted).await;
    answer(&app, Asker::default(), said).await
}

async fn registered(app: &App, posted: &Posted) -> Result<Said, AcmeError> {
    let (key, payload) = posted.by_key(app)?;
    let mut rng = app::rng();
    let wish = AccountWish {
        key,
        payload: &payload,
        url: &posted.url,
        binding_required: app.config.acme.binding_required,
    };
    let context = &mut app.context(&mut rng);
    let (client, made) = register_acme_account(context, &app.acme.sealer, wish).await?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    let said = Said::with(status, Body::Json(shown(app, &client)));
    Ok(said.at(url(app, &client)))
}

/// Shows an account, changes its contacts, or gives it up (§7.3.2, §7.3.6).
#[utoipa::path(
    post, path = "/acme/account/{account}", tag = "acme", operation_id = "acme_account",
    params(("account" = String, Path, description = "the account")),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "the account", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn change(
    State(app): State<App>,
    Path(account): Path<String>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = changed(&app, &account, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn changed(
    app: &App,
    account: &str,
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    own(&client, account)?;
    let mut rng = app::rng();
    let client = change_acme_account(&mut app.context(&mut rng), client, &payload).await?;
    Ok(Said::json(shown(app, &client)))
}

fn own(client: &AcmeClient, account: &str) -> Result<(), AcmeError> {
    if client.account.id == named(account)? { Ok(()) } else { Err(refuse(PolicyRefusal::NotYours)) }
}

/// After which order the list goes on.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Cursor {
    /// The last order of the page before.
    cursor: Option<String>,
}

/// An account's orders (§7.1.2.1).
#[utoipa::path(
    post, path = "/acme/account/{account}/orders", tag = "acme", operation_id = "acme_orders",
    params(("account" = String, Path, description = "the account"), Cursor),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "addresses of orders", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn orders(
    State(app): State<App>,
    Path(account): Path<String>,
    Query(cursor): Query<Cursor>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = listed(&app, &account, (cursor.cursor.as_deref(), &posted), &mut asker).await;
    answer(&app, asker, said).await
}

async fn listed(
    app: &App,
    account: &str,
    (cursor, posted): (Option<&str>, &Posted),
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let client = posted.as_get(app, asker).await?;
    own(&client, account)?;
    let after = cursor.map(named::<AcmeOrderId>).transpose()?;
    let orders = acme_orders_of(&app.storage, &client, after, PAGE).await?;
    let urls: Vec<_> = orders.iter().map(|id| app.acme.url(format_args!("/order/{id}"))).collect();
    Ok(Said::json(json!({ "orders": urls })))
}

/// The address of an account.
pub(super) fn url(app: &App, client: &AcmeClient) -> String {
    app.acme.url(format_args!("/account/{}", client.account.id))
}

fn shown(app: &App, client: &AcmeClient) -> Value {
    let account = &client.account;
    let mut shown = json!({ "status": account.status.code(), "contact": account.contacts });
    if account.status == AccountStatus::Valid {
        shown["orders"] = json!(format!("{}/orders", url(app, client)));
    }
    shown
}
