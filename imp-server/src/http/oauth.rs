//! The OpenID provider: OAuth 2.0 and OpenID Connect endpoints, an endpoint a file. Errors are those of RFC 6749, not problems;
//! what a person sees is a page.
pub(crate) mod access_token;
pub(crate) mod authorize;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod clients;
pub(crate) mod cors;
pub(crate) mod device;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod issue;
pub(crate) mod logout;
pub(crate) mod page;
pub(crate) mod par;
pub(crate) mod proof;
pub(crate) mod refused;
pub(crate) mod register;
pub(crate) mod resume;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The largest body of a request to the provider, in bytes: an assertion and what goes with it.
const LARGEST_BODY: usize = 48 * 1024;

/// The routes of the provider.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(discovery::openid))
        .routes(routes!(discovery::oauth))
        .routes(routes!(discovery::jwks))
        .routes(routes!(authorize::ask, authorize::ask_by_form))
        .routes(routes!(resume::resume))
        .routes(routes!(par::push))
        .routes(routes!(token::token))
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
        .routes(routes!(userinfo::userinfo, userinfo::userinfo_by_form))
        .routes(routes!(logout::ask, logout::confirm))
        .routes(routes!(device::open))
        .routes(routes!(device::page::show, device::page::answer))
        .routes(routes!(device::page::resume))
        .routes(routes!(register::register))
        .routes(routes!(register::read, register::remove))
        .routes(routes!(clients::list, clients::register))
        .routes(routes!(clients::show, clients::change, clients::remove))
        .routes(routes!(clients::secret))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

#[cfg(test)]
mod tests;
