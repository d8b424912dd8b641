//! What browsers are told.
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::InteractionId;
use imp_identity::authentication::SignInRefusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::cookie;
use super::text::ENGLISH;
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

/// Says no more than helps the one who may: whether somebody exists, is disabled, or has which key stays in the log. The first
/// word is for the page, which says the rest in its own language.
const fn words(refusal: SignInRefusal) -> (&'static str, &'static str) {
    let text = &ENGLISH;
    match refusal {
        SignInRefusal::NotVerified => ("not-verified", text.refused_not_verified),
        SignInRefusal::Expired => ("expired", text.refused_expired),
        SignInRefusal::NoSession => ("no-session", text.refused_no_session),
        SignInRefusal::OtherBrowser => ("other-browser", text.refused_other_browser),
        SignInRefusal::Delayed => ("delayed", text.refused_delayed),
        SignInRefusal::Unknown
        | SignInRefusal::Signature
        | SignInRefusal::Counter
        | SignInRefusal::UserDisabled
        | SignInRefusal::Policy => ("other", text.refused_other),
    }
}

impl From<InteractionError> for ProblemResponse {
    fn from(error: InteractionError) -> Self {
        match &error {
            InteractionError::Unknown
            | InteractionError::OtherBrowser
            | InteractionError::Unanswered => problem::INTERACTION_OVER
                .says("This sign-in is over. Begin again at the application.")
                .with_detail("over"),
            InteractionError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<SignInError> for ProblemResponse {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused(refusal) => {
                tracing::info!(refusal = refusal.code(), "a sign-in was refused");
                let (why, words) = words(refusal);
                problem::SIGN_ON_REFUSED.says(words).with_detail(why)
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
