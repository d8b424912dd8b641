//! `GET /scim/v2/{ServiceProviderConfig,Schemas,ResourceTypes}` (RFC 7644 §4): what clients may know before they sign in.
use axum::extract::{Path, State};
use imp_scim::ScimError;
use imp_scim::list::list_response;
use imp_scim::schema::{self, Limits};

use super::answer::{Answer, Refused};
use super::body::Parsed;
use super::{OPERATIONS, RESULTS, rules};
use crate::app::App;

/// What the service does.
#[utoipa::path(
    get, path = "/scim/v2/ServiceProviderConfig", tag = "scim", operation_id = "scim_configuration",
    responses((status = 200, description = "what the service does", body = serde_json::Value, content_type = "application/scim+json"))
)]
pub(crate) async fn configuration(State(app): State<App>) -> Answer {
    let bulk_bytes = usize::try_from(app.config.http.largest_body).unwrap_or(usize::MAX);
    let limits = Limits { bulk_operations: OPERATIONS, bulk_bytes, results: RESULTS };
    Answer::document(schema::service_provider_config(&limits, &rules(&app).base))
}

/// The schemas.
#[utoipa::path(
    get, path = "/scim/v2/Schemas", tag = "scim", operation_id = "scim_schemas",
    responses((status = 200, description = "the schemas", body = serde_json::Value, content_type = "application/scim+json"))
)]
pub(crate) async fn schemas(
    State(app): State<App>,
    Parsed(asked): Parsed,
) -> Result<Answer, Refused> {
    unfiltered(asked.filter.as_deref())?;
    let base = rules(&app).base;
    let page = schema::schemas().map(|it| schema::schema_document(it, &base));
    Ok(Answer::document(list_response(page.len(), 0, &page)))
}

/// One schema, by its URN.
#[utoipa::path(
    get, path = "/scim/v2/Schemas/{schema}", tag = "scim", operation_id = "scim_schema",
    params(("schema" = String, Path, description = "its URN")),
    responses(
        (status = 200, description = "the schema", body = serde_json::Value, content_type = "application/scim+json"),
        (status = 404, description = "no such schema", body = serde_json::Value, content_type = "application/scim+json"),
    )
)]
pub(crate) async fn schema(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Answer, Refused> {
    let found = schema::schemas().into_iter().find(|it| it.id.eq_ignore_ascii_case(&id));
    let found = found.ok_or_else(|| ScimError::not_found("such schema"))?;
    Ok(Answer::document(schema::schema_document(found, &rules(&app).base)))
}

/// The types of resources.
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes", tag = "scim", operation_id = "scim_resource_types",
    responses((status = 200, description = "the types", body = serde_json::Value, content_type = "application/scim+json"))
)]
pub(crate) async fn resource_types(
    State(app): State<App>,
    Parsed(asked): Parsed,
) -> Result<Answer, Refused> {
    unfiltered(asked.filter.as_deref())?;
    let base = rules(&app).base;
    let page = schema::resource_types().map(|it| schema::resource_type_document(it, &base));
    Ok(Answer::document(list_response(page.len(), 0, &page)))
}

/// One type of resources, by its name.
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes/{type}", tag = "scim", operation_id = "scim_resource_type",
    params(("type" = String, Path, description = "its name")),
    responses(
        (status = 200, description = "the type", body = serde_json::Value, content_type = "application/scim+json"),
        (status = 404, description = "no such type", body = serde_json::Value, content_type = "application/scim+json"),
    )
)]
pub(crate) async fn resource_type(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Answer, Refused> {
    let found = schema::resource_types().into_iter().find(|it| it.name == name);
    let found = found.ok_or_else(|| ScimError::not_found("such type of resources"))?;
    Ok(Answer::document(schema::resource_type_document(found, &rules(&app).base)))
}

/// RFC 7644 §4: these are not filtered.
fn unfiltered(filter: Option<&str>) -> Result<(), ScimError> {
    match filter {
        None => Ok(()),
        Some(_) => Err(ScimError::new(403, "This cannot be filtered.")),
    }
}
