//! Signing people on in browsers: the pages, and what they ask of the server.
pub(crate) mod answer;
pub(crate) mod assets;
pub(crate) mod code;
pub(crate) mod cookie;
pub(crate) mod decide;
pub(crate) mod handover;
pub(crate) mod html;
pub(crate) mod language;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod passkey;
pub(crate) mod phone;
pub(crate) mod sign_out;
pub(crate) mod text;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The largest body of a browser, in bytes: an attestation with its certificates.
const LARGEST: usize = 64 * 1024;

/// The pages, and what their scripts ask.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(page::show))
        .routes(routes!(passkey::begin))
        .routes(routes!(passkey::finish))
        .routes(routes!(handover::redeem))
        .routes(routes!(phone::begin))
        .routes(routes!(phone::poll))
        .routes(routes!(phone::show, phone::answer))
        .routes(routes!(code::redeem))
        .routes(routes!(decide::consent))
        .routes(routes!(decide::cancel))
        .routes(routes!(sign_out::show, sign_out::sign_out))
        .routes(routes!(assets::asset))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn(language::speak))
}
