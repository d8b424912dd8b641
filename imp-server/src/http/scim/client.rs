//! Who provisions: an application, with an access token of its own that has the scope `scim`.
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use imp_identity::Actor;

use crate::app::App;
use crate::http::oauth::access_token::TokenCaller;
use crate::http::{ProblemResponse, problem};

/// A provisioning client, as the cause of events.
pub(crate) struct ScimClient(pub(crate) Actor);

impl FromRequestParts<App> for ScimClient {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ProblemResponse> {
        let caller = parts.extensions.get::<TokenCaller>();
        let caller =
            caller.ok_or_else(|| problem::SIGN_IN_REQUIRED.says("An access token is needed."))?;
        Ok(Self(Actor::Client(caller.client)))
    }
}
