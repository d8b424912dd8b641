//! Provisioning by other systems: SCIM 2.0 (RFC 7644). Errors are those of SCIM, not problems.
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::command::scim::Rules;

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod bulk;
pub(crate) mod client;
pub(crate) mod discovery;
pub(crate) mod groups;
mod kind;
pub(crate) mod search;
pub(crate) mod users;

/// Where the service is.
pub(crate) const BASE: &str = "/scim/v2";
/// The most resources in one answer.
const RESULTS: usize = 200;
/// The most operations in one bulk request: each is a transaction.
const OPERATIONS: usize = 500;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::search))
        .routes(routes!(users::show, users::replace, users::patch, users::remove))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::search))
        .routes(routes!(groups::show, groups::replace, groups::patch, groups::remove))
        .routes(routes!(bulk::bulk))
        .routes(routes!(search::search))
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::schemas))
        .routes(routes!(discovery::schema))
        .routes(routes!(discovery::resource_types))
        .routes(routes!(discovery::resource_type))
}

/// What the configuration says of provisioning.
pub(crate) fn rules(app: &App) -> Rules {
    let directory = &app.config.directory;
    Rules {
        grants: directory.roles.iter().copied().collect(),
        group_roles: directory
            .group_roles
            .iter()
            .map(|(name, role)| (name.0.clone(), *role))
            .collect(),
        base: format!("{}{BASE}", app.issuer),
    }
}
