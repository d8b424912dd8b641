//! ACME (RFC 8555, RFC 9773, draft-ietf-acme-device-attest-10), an endpoint a file. Clients sign every request with their
//! account's key; errors are those of ACME (§6.7).
use axum::extract::DefaultBodyLimit;
use imp_pki::acme::jws;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod authorization;
pub(crate) mod certificate;
pub(crate) mod challenge;
pub(crate) mod directory;
pub(crate) mod key_change;
pub(crate) mod nonce;
pub(crate) mod order;
pub(crate) mod renewal;
pub(crate) mod revoke;
pub(crate) mod signed;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(directory::directory))
        .routes(routes!(nonce::nonce))
        .routes(routes!(account::register))
        .routes(routes!(account::change))
        .routes(routes!(account::orders))
        .routes(routes!(key_change::change))
        .routes(routes!(order::order))
        .routes(routes!(order::show))
        .routes(routes!(order::finalize))
        .routes(routes!(authorization::show))
        .routes(routes!(challenge::answer_challenge))
        .routes(routes!(certificate::show))
        .routes(routes!(revoke::revoke))
        .routes(routes!(renewal::window))
        .layer(DefaultBodyLimit::max(jws::LARGEST))
}

#[cfg(test)]
mod tests;
