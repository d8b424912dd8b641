//! What browsers are told.
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::InteractionId;
use imp_identity::authentication::SignInRefusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::cookie;
use crate::command::{InteractionError, SignInError, SignedOn};
use crate::http::{Json, ProblemResponse, problem};

/// Where the page goes next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Next {
    /// A path of this server.
    pub(crate) next: String,
}

/// The page of an interaction, which decides what comes next.
pub(crate) fn page_of(interaction: InteractionId) -> String {
    format!("/sign-in?interaction={interaction}")
}

/// Signs the browser on; its script goes on.
pub(crate) fn signed_on(interaction: InteractionId, signed_on: &SignedOn) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, cookie::sign_on(&signed_on.cookie));
    tracing::info!(user.id = %signed_on.sign_on.user, "a browser is signed on");
    (headers, Json(Next { next: page_of(interaction) })).into_response()
}

/// Says no more than helps the one who may: whether somebody exists, is disabled, or has which key stays in the log.
const fn words(refusal: SignInRefusal) -> &'static str {
    match refusal {
        SignInRefusal::NotVerified => {
            "The key did not ask for a PIN, a finger or a face. It has to."
        }
        SignInRefusal::Expired => "This took too long. Try again.",
        SignInRefusal::NoSession => "Nobody is signed in on this computer, or it is locked.",
        SignInRefusal::OtherBrowser => "The number was another one. Begin again.",
        SignInRefusal::Delayed => "Too many attempts. Wait a moment.",
        SignInRefusal::Unknown
        | SignInRefusal::Signature
        | SignInRefusal::Counter
        | SignInRefusal::UserDisabled
        | SignInRefusal::Policy => "This did not work. Try another way, or ask an officer.",
    }
}

impl From<InteractionError> for ProblemResponse {
    fn from(error: InteractionError) -> Self {
        match &error {
            InteractionError::Unknown
            | InteractionError::OtherBrowser
            | InteractionError::Unanswered => problem::INTERACTION_OVER
                .says("This sign-in is over. Begin again at the application."),
            InteractionError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<SignInError> for ProblemResponse {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused(refusal) => {
                tracing::info!(refusal = refusal.code(), "a sign-in was refused");
                problem::SIGN_ON_REFUSED.says(words(refusal))
            }
            SignInError::Interaction(error) => error.into(),
            SignInError::Unavailable(error) => problem::PASSKEYS_UNAVAILABLE.because(&error),
            SignInError::Storage(ref source) => problem::storage(&error, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_learns_who_exists() {
        let unknown = words(SignInRefusal::Unknown);
        assert_eq!(words(SignInRefusal::UserDisabled), unknown);
        assert_eq!(words(SignInRefusal::Signature), unknown);
        assert_eq!(words(SignInRefusal::Counter), unknown);
    }
}
