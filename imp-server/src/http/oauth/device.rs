//! `POST /oauth/device_authorization` (RFC 8628)
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use imp_oauth::client::GrantType;
use imp_oauth::device::{DeviceResponse, INTERVAL, LIFETIME};
use imp_oauth::token::{narrow, resources};
use imp_oauth::{ErrorCode, Form, OAuthError, Scope};

use super::body::FormBody;
use super::client::{Asked, authenticate};
use super::refused::{self, Refused};
use crate::app::{self, App};
use crate::command::{self, NewDevice};

pub(crate) mod page;

/// Lets a device without a browser wait for its user, who enters a code elsewhere.
#[utoipa::path(
    post, path = "/oauth/device_authorization", tag = "oauth", operation_id = "device_authorization",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "the codes (RFC 8628 §3.2)", body = serde_json::Value),
        (status = 400, description = "refused", body = serde_json::Value),
        (status = 401, description = "the application did not prove who it is", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn open(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    match wait(&app, &parts, &form).await {
        Ok(response) => refused::json(StatusCode::OK, &response),
        Err(refused) => refused.into_response(),
    }
}

async fn wait(app: &App, parts: &Parts, form: &Form) -> Result<DeviceResponse, Refused> {
    let client = authenticate(app, &Asked::of(parts, app), form).await?;
    if !client.metadata.may_use(GrantType::DeviceCode) {
        let text = "the client is not registered for devices";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, text).into());
    }
    let asked = form.get("scope").map(str::parse::<Scope>).transpose();
    let scope = narrow(&client.metadata.scope, asked.map_err(OAuthError::from)?)?;
    let resources = resources(form, &client.metadata)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let new = NewDevice { client: client.id, scope, resources };
    let opened = command::open_device(context, new).await?;
    let page = format!("{}/device", app.oauth.issuer());
    Ok(DeviceResponse {
        device_code: opened.device_code,
        verification_uri_complete: format!("{page}?user_code={}", opened.user_code),
        verification_uri: page,
        user_code: opened.user_code.to_string(),
        expires_in: LIFETIME.as_secs(),
        interval: INTERVAL,
    })
}
