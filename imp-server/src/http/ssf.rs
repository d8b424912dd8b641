//! The transmitter of the `OpenID` Shared Signals Framework 1.0: receivers manage their streams and poll them.
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use imp_identity::StreamId;
use serde::Deserialize;

use super::caller::bearer;
use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::{self, Author};
use crate::stream::Receiver;

mod body;
pub(crate) mod configuration;
pub(crate) mod poll;
pub(crate) mod status;
pub(crate) mod streams;
pub(crate) mod verify;

/// A receiver with its token.
#[derive(Clone)]
pub(crate) struct ReceiverPeer(pub(crate) Receiver);

/// Which stream.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The stream.
    #[param(value_type = String)]
    stream_id: StreamId,
}

impl ReceiverPeer {
    /// The receiver whose token this is.
    pub(super) async fn authenticate(parts: &Parts, app: &App) -> Result<Self, ProblemResponse> {
        let required = || problem::SIGN_IN_REQUIRED.says("A receiver's token is needed.");
        let token = bearer(parts).ok_or_else(required)?;
        let found = command::authenticate_receiver(&app.storage, token).await;
        found.map_err(problem::unread)?.map(Self).ok_or_else(required)
    }

    /// As whoever asks for changes.
    pub(crate) const fn author(&self) -> Author {
        Author::receiver(self.0.id)
    }
}

impl FromRequestParts<App> for ReceiverPeer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ProblemResponse> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| problem::SIGN_IN_REQUIRED.says("A receiver's token is needed."))
    }
}
