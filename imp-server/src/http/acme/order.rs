//! Orders (RFC 8555 §7.4).
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use imp_pki::RequestError;
use imp_pki::acme::csr::CsrError;
use imp_pki::acme::{Authorization, Identifier, Order, OrderState};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::answer::{Body, Said, answer};
use super::signed::{Asker, Posted, named};
use crate::app::{self, App};
use crate::command::acme::{
    AcmeError, finalize_acme_order, order_acme_certificate, poll_acme_order, refuse,
};
use crate::http::Path;

/// When it is worth asking again for what is being processed, in seconds.
const AGAIN: u32 = 5;

/// Orders a certificate.
#[utoipa::path(
    post, path = "/acme/new-order", tag = "acme", operation_id = "acme_new_order",
    request_body(content = Object, content_type = "application/jose+json"),
    responses(
        (status = 201, description = "the order", body = serde_json::Value),
        (status = 403, description = "the account may not have a certificate for these names", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn order(State(app): State<App>, posted: Posted) -> Response {
    let mut asker = Asker::default();
    let said = ordered(&app, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn ordered(app: &App, posted: &Posted, asker: &mut Asker) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    let lifetime = SignedDuration::from_hours(app.config.acme.order_hours.into());
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (order, authorizations) =
        order_acme_certificate(context, &client, &payload, lifetime).await?;
    let body = Body::Json(shown(app, &order, &authorizations));
    Ok(Said::with(StatusCode::CREATED, body).at(url(app, &order)))
}

/// Shows an order.
#[utoipa::path(
    post, path = "/acme/order/{order}", tag = "acme", operation_id = "acme_order",
    params(("order" = String, Path, description = "the order")),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "the order", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(order): Path<String>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = polled(&app, &order, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn polled(
    app: &App,
    order: &str,
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let client = posted.as_get(app, asker).await?;
    let id = named(order)?;
    let mut rng = app::rng();
    let (order, authorizations) = poll_acme_order(&mut app.context(&mut rng), &client, id).await?;
    Ok(said(app, &order, &authorizations))
}

/// Takes the certificate request of an order, and issues its certificate.
#[utoipa::path(
    post, path = "/acme/order/{order}/finalize", tag = "acme", operation_id = "acme_finalize",
    params(("order" = String, Path, description = "the order")),
    request_body(content = Object, content_type = "application/jose+json"),
    responses(
        (status = 200, description = "the order", body = serde_json::Value),
        (status = 400, description = "the certificate request is not one of this order", body = serde_json::Value),
        (status = 403, description = "the order is not ready, or the device is refused", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn finalize(
    State(app): State<App>,
    Path(order): Path<String>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = finalized(&app, &order, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn finalized(
    app: &App,
    order: &str,
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    let id = named(order)?;
    let malformed = || refuse(CsrError::from(RequestError::Malformed));
    let payload: Value = serde_json::from_slice(&payload).map_err(|_| malformed())?;
    let request = payload["csr"].as_str().ok_or_else(malformed)?;
    let request = BASE64URL_NOPAD.decode(request.as_bytes()).map_err(|_| malformed())?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (order, authorizations) = finalize_acme_order(context, &client, id, request).await?;
    Ok(said(app, &order, &authorizations))
}

fn said(app: &App, order: &Order, authorizations: &[Authorization]) -> Said {
    let mut said = Said::json(shown(app, order, authorizations)).at(url(app, order));
    if matches!(order.state, OrderState::Processing { .. }) {
        said.again = Some(AGAIN);
    }
    said
}

/// The address of an order.
fn url(app: &App, order: &Order) -> String {
    app.acme.url(format_args!("/order/{}", order.id))
}

fn shown(app: &App, order: &Order, authorizations: &[Authorization]) -> Value {
    let url = url(app, order);
    let authorization = |it: &Authorization| app.acme.url(format_args!("/authorization/{}", it.id));
    let mut shown = json!({
        "status": order.status(app.now()),
        "expires": order.expires_at.to_string(),
        "identifiers": order.identifiers.iter().map(Identifier::to_json).collect::<Vec<_>>(),
        "authorizations": authorizations.iter().map(authorization).collect::<Vec<_>>(),
        "finalize": format!("{url}/finalize"),
    });
    if let Some(replaces) = &order.replaces {
        shown["replaces"] = json!(replaces.to_string());
    }
    match &order.state {
        OrderState::Valid { .. } => {
            let at = app.acme.url(format_args!("/certificate/{}", order.id));
            shown["certificate"] = json!(at);
        }
        OrderState::Invalid { problem } => shown["error"] = problem.to_json(),
        OrderState::Pending | OrderState::Ready | OrderState::Processing { .. } => {}
    }
    shown
}
