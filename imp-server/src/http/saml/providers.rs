//! `/v1/service-providers`: administrators register applications that speak SAML.
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::saml::{
    NameKind, RegisterServiceProvider, ServiceProvider as Shown, ServiceProviders, SignOutWay,
};
use imp_identity::ClientId;
use imp_saml::{NameIdFormat, ServiceProvider};
use serde::Deserialize;

use super::told;
use crate::app::{self, App};
use crate::command::{self, RegisterProviderError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, Query, problem};
use crate::saml::RegisteredProvider;

/// The longest session that an application may be allowed, in minutes.
const LONGEST: u32 = 24 * 60;

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

/// Lists applications that speak SAML, oldest first.
#[utoipa::path(
    get, path = "/v1/service-providers", tag = "applications", operation_id = "service_providers",
    params(Page), security(("person" = [])),
    responses((status = 200, description = "a page", body = ServiceProviders))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Administrator,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<ServiceProviders>, ProblemResponse> {
    let page = command::list_service_providers(&app.storage, after, limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let service_providers = page.items.into_iter().map(shown).collect();
    Ok(Json(ServiceProviders { service_providers, next: page.next }))
}

/// Registers an application that speaks SAML, by its metadata.
#[utoipa::path(
    post, path = "/v1/service-providers", tag = "applications", operation_id = "register_service_provider",
    request_body = RegisterServiceProvider, security(("person" = [])),
    responses(
        (status = 201, description = "registered", body = Shown),
        (status = 409, description = "there is one with this entity ID", body = imp_api::Problem),
        (status = 422, description = "it cannot be registered like this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn register(
    State(app): State<App>,
    administrator: Administrator,
    Json(body): Json<RegisterServiceProvider>,
) -> Result<(StatusCode, Json<Shown>), ProblemResponse> {
    let provider = read(&body)?;
    let mut rng = app::rng();
    let (context, actor) = (&mut app.context(&mut rng), administrator.actor());
    let made = command::register_service_provider(context, &actor, body.name, provider).await?;
    Ok((StatusCode::CREATED, Json(shown(made))))
}

/// Shows an application that speaks SAML.
#[utoipa::path(
    get, path = "/v1/service-providers/{client_id}", tag = "applications", operation_id = "service_provider",
    params(("client_id" = String, Path, description = "the application")), security(("person" = [])),
    responses(
        (status = 200, description = "the application", body = Shown),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    _: Administrator,
    Path(id): Path<ClientId>,
) -> Result<Json<Shown>, ProblemResponse> {
    Ok(Json(shown(find(&app, id).await?)))
}

/// Replaces what is registered of an application that speaks SAML, such as its certificates; its name stays.
#[utoipa::path(
    put, path = "/v1/service-providers/{client_id}", tag = "applications", operation_id = "change_service_provider",
    params(("client_id" = String, Path, description = "the application")),
    request_body = RegisterServiceProvider, security(("person" = [])),
    responses(
        (status = 200, description = "changed", body = Shown),
        (status = 404, description = "there is none", body = imp_api::Problem),
        (status = 409, description = "another one has this entity ID", body = imp_api::Problem),
        (status = 422, description = "it cannot be registered like this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(client.id = %id))]
pub(crate) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ClientId>,
    Json(body): Json<RegisterServiceProvider>,
) -> Result<Json<Shown>, ProblemResponse> {
    let provider = read(&body)?;
    let mut rng = app::rng();
    let (context, actor) = (&mut app.context(&mut rng), administrator.actor());
    Ok(Json(shown(command::change_service_provider(context, &actor, id, provider).await?)))
}

/// Removes an application that speaks SAML: nobody is signed on to it any longer.
#[utoipa::path(
    delete, path = "/v1/service-providers/{client_id}", tag = "applications", operation_id = "remove_service_provider",
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
    find(&app, id).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::remove_client(context, &administrator.actor(), id).await?;
    app.oauth.expire();
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: ClientId) -> Result<RegisteredProvider, ProblemResponse> {
    let found = command::service_provider(&app.storage, id).await.map_err(problem::unread)?;
    found.ok_or_else(|| problem::NOT_FOUND.says("No application with this identifier speaks SAML."))
}

fn read(body: &RegisterServiceProvider) -> Result<ServiceProvider, ProblemResponse> {
    let invalid = |why: String| {
        let title = "The application cannot be registered like this.";
        problem::CLIENT_INVALID.says(title).with_detail(why)
    };
    if body.session_minutes.is_some_and(|minutes| !(1..=LONGEST).contains(&minutes)) {
        return Err(invalid("session_minutes: 1 to 1440 are expected".to_owned()));
    }
    let read = ServiceProvider::from_metadata(body.metadata.as_bytes());
    let mut provider = read.map_err(|error| invalid(told(&error)))?;
    provider.name_id = match body.name_id {
        NameKind::Persistent => NameIdFormat::Persistent,
        NameKind::Transient => NameIdFormat::Transient,
        NameKind::Username => NameIdFormat::Username,
    };
    provider.attributes = body.attributes;
    provider.session_minutes = body.session_minutes;
    provider.ignores_walk_away = body.ignores_walk_away;
    Ok(provider)
}

fn shown(found: RegisteredProvider) -> Shown {
    let RegisteredProvider { stored, provider } = found;
    let sign_out = match (&provider.soap_logout, &provider.redirect_logout) {
        (Some(_), _) => SignOutWay::Soap,
        (None, Some(_)) => SignOutWay::Redirect,
        (None, None) => SignOutWay::None,
    };
    Shown {
        client_id: stored.id,
        name: stored.name,
        name_id: match provider.name_id {
            NameIdFormat::Persistent => NameKind::Persistent,
            NameIdFormat::Transient => NameKind::Transient,
            NameIdFormat::Username => NameKind::Username,
        },
        assertion_consumers: provider
            .assertion_consumers
            .into_iter()
            .map(|consumer| consumer.location)
            .collect(),
        entity_id: provider.entity_id,
        attributes: provider.attributes,
        session_minutes: provider.session_minutes,
        signs_requests: provider.signs_requests,
        sign_out,
        ignores_walk_away: provider.ignores_walk_away,
        revision: stored.revision,
        registered_at: stored.registered_at,
    }
}

impl From<RegisterProviderError> for ProblemResponse {
    fn from(error: RegisterProviderError) -> Self {
        match &error {
            RegisterProviderError::Taken | RegisterProviderError::TooMany => {
                problem::CLIENT_STATE.because(&error)
            }
            RegisterProviderError::NotFound => problem::NOT_FOUND.because(&error),
            RegisterProviderError::Storage(source) => problem::storage(&error, source),
        }
    }
}
