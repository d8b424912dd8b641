//! `HEAD /acme/new-nonce`
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::answer::{Body, Said, answer};
use super::signed::Asker;
use crate::app::App;

/// A nonce for the first request (RFC 8555 §7.2).
#[utoipa::path(
    get, path = "/acme/new-nonce", tag = "acme", operation_id = "acme_new_nonce",
    responses(
        (status = 200, description = "a nonce in `Replay-Nonce`, to HEAD"),
        (status = 204, description = "a nonce in `Replay-Nonce`"),
    )
)]
pub(crate) async fn nonce(State(app): State<App>, method: Method) -> Response {
    let status = if method == Method::HEAD { StatusCode::OK } else { StatusCode::NO_CONTENT };
    answer(&app, Asker::default(), Ok(Said::with(status, Body::Nothing))).await
}
