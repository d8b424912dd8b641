//! `/v1/clients`: administrators register applications.
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::oauth::{Client, ClientRegistered, Clients};
use imp_delivery::Voucher;
use imp_identity::{ClientId, Secret};
use imp_oauth::OAuthError;
use imp_oauth::client::Metadata;
use serde::Deserialize;
use serde_json::Value;

use crate::app::{self, App};
use crate::command::{self, ChangeClientError, RegisterClientError, Registrar};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, Query, problem};
use crate::oauth::RegisteredClient;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The application after which the page begins.
    #[param(value_type = Option<String>)]
    after: Option<ClientId>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists applications, oldest first.
#[utoipa::path(
    get, path = "/v1/clients", tag = "applications", operation_id = "clients", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Clients))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Administrator,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<Clients>, ProblemResponse> {
    let page = command::list_clients(&app.storage, after, limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let clients = page.items.iter().map(client).collect::<Result<_, _>>()?;
    Ok(Json(Clients { clients, next: page.next }))
}

/// Registers an application: the body has the members of RFC 7591 §2, and our own.
#[utoipa::path(
    post, path = "/v1/clients", tag = "applications", operation_id = "register_client",
    request_body = Value, security(("person" = [])),
    responses(
        (status = 201, description = "registered; its secret is shown once", body = ClientRegistered),
        (status = 422, description = "it cannot be registered like this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn register(
    State(app): State<App>,
    administrator: Administrator,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<ClientRegistered>), ProblemResponse> {
    let metadata = metadata(&app, &body).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (actor, registrar) = (administrator.actor(), Registrar::Administrator);
    let registered = command::register_client(context, &actor, metadata, registrar).await?;
    app.oauth.expire();
    Ok((StatusCode::CREATED, Json(answer(&registered.client, registered.secret)?)))
}

/// Shows what is registered of an application.
#[utoipa::path(
    get, path = "/v1/clients/{client_id}", tag = "applications", operation_id = "client",
    params(("client_id" = String, Path, description = "the application")), security(("person" = [])),
    responses(
        (status = 200, description = "the application", body = Client),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    _: Administrator,
    Path(id): Path<ClientId>,
) -> Result<Json<Client>, ProblemResponse> {
    let found = command::find_client(&app.storage, id).await.map_err(problem::unread)?;
    let found = found.ok_or_else(|| problem::NOT_FOUND.says("No such application."))?;
    Ok(Json(client(&found)?))
}

/// Replaces what is registered of an application. One that needs a secret now and had none gets one.
#[utoipa::path(
    put, path = "/v1/clients/{client_id}", tag = "applications", operation_id = "change_client",
    params(("client_id" = String, Path, description = "the application")),
    request_body = Value, security(("person" = [])),
    responses(
        (status = 200, description = "changed", body = ClientRegistered),
        (status = 404, description = "there is none", body = imp_api::Problem),
        (status = 422, description = "it cannot be registered like this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(client.id = %id))]
pub(crate) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ClientId>,
    Json(body): Json<Value>,
) -> Result<Json<ClientRegistered>, ProblemResponse> {
    let metadata = metadata(&app, &body).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let changed = command::change_client(context, &administrator.actor(), id, metadata).await?;
    app.oauth.expire();
    Ok(Json(answer(&changed.client, changed.secret)?))
}

/// Replaces an application's secret: the old one counts no longer.
#[utoipa::path(
    post, path = "/v1/clients/{client_id}/secret", tag = "applications", operation_id = "renew_client_secret",
    params(("client_id" = String, Path, description = "the application")), security(("person" = [])),
    responses(
        (status = 200, description = "replaced; the new one is shown once", body = ClientRegistered),
        (status = 404, description = "there is none", body = imp_api::Problem),
        (status = 409, description = "it has no secret", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(client.id = %id))]
pub(crate) async fn secret(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ClientId>,
) -> Result<Json<ClientRegistered>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let renewed = command::renew_client_secret(context, &administrator.actor(), id).await?;
    app.oauth.expire();
    Ok(Json(answer(&renewed.client, renewed.secret)?))
}

/// Removes an application: what it was granted counts no longer.
#[utoipa::path(
    delete, path = "/v1/clients/{client_id}", tag = "applications", operation_id = "remove_client",
    params(("client_id" = String, Path, description = "the application")), security(("person" = [])),
    responses(
        (status = 204, description = "removed"),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(client.id = %id))]
pub(crate) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ClientId>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::remove_client(context, &administrator.actor(), id).await?;
    app.oauth.expire();
    Ok(StatusCode::NO_CONTENT)
}

/// As administrators see it.
pub(crate) fn client(client: &RegisteredClient) -> Result<Client, ProblemResponse> {
    let metadata = serde_json::to_value(&client.metadata);
    Ok(Client {
        client_id: client.id,
        metadata: metadata.map_err(|error| problem::internal(&error))?,
        revision: client.revision,
        registered_at: client.registered_at,
    })
}

fn answer(
    registered: &RegisteredClient,
    client_secret: Option<Secret<String>>,
) -> Result<ClientRegistered, ProblemResponse> {
    Ok(ClientRegistered { client: client(registered)?, client_secret })
}

async fn metadata(app: &App, body: &Value) -> Result<Metadata, ProblemResponse> {
    let text = body.to_string();
    let invalid = |why: String| {
        let title = "The application cannot be registered like this.";
        problem::CLIENT_INVALID.says(title).with_detail(why)
    };
    let metadata = Metadata::parse(text.as_bytes())
        // With the source: the protocol's form has both.
        .map_err(|error| invalid(OAuthError::from(error).description.into_owned()))?;
    let sector = app.oauth.check_sector(&metadata, Voucher::Administrator).await;
    sector.map_err(|error| invalid(error.told()))?;
    Ok(metadata)
}

impl From<RegisterClientError> for ProblemResponse {
    fn from(error: RegisterClientError) -> Self {
        match &error {
            RegisterClientError::Name => problem::CLIENT_INVALID.because(&error),
            RegisterClientError::TooMany => problem::CLIENT_STATE.because(&error),
            RegisterClientError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ChangeClientError> for ProblemResponse {
    fn from(error: ChangeClientError) -> Self {
        match &error {
            ChangeClientError::NotFound => problem::NOT_FOUND.because(&error),
            ChangeClientError::Name => problem::CLIENT_INVALID.because(&error),
            ChangeClientError::NoSecret => problem::CLIENT_STATE.because(&error),
            ChangeClientError::Storage(source) => problem::storage(&error, source),
        }
    }
}
