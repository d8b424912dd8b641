//! `POST /v1/security-keys/assertion`
use axum::extract::State;
use imp_api::security_key::{AnswerKey, KeyAccepted};
use imp_service::http::problem::BODY_INVALID;

use crate::app::{self, App};
use crate::command::{self, AnswerKeyError, KeyAnswer, UserSession};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, answer as shown, problem};

/// Decides what a key's answer opens, resumes, confirms or ends.
#[utoipa::path(
    post, path = "/v1/security-keys/assertion", tag = "taps", operation_id = "answer_key",
    request_body = AnswerKey, security(("machine" = [])),
    responses(
        (status = 200, description = "accepted", body = KeyAccepted),
        (status = 403, description = "refused; `detail` says why", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn answer(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(AnswerKey { challenge, answer }): Json<AnswerKey>,
) -> Result<Json<KeyAccepted>, ProblemResponse> {
    let answer = KeyAnswer { workstation: workstation.id, challenge, answer };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (purpose, found) = command::answer_key(context, &app.webauthn, answer).await?;
    let UserSession { session, user } = found;
    Ok(Json(KeyAccepted { purpose, session: shown::session(&session, &user) }))
}

impl From<AnswerKeyError> for ProblemResponse {
    fn from(error: AnswerKeyError) -> Self {
        match &error {
            AnswerKeyError::Invalid(_) => BODY_INVALID.because(&error),
            AnswerKeyError::Refused(reason) => {
                problem::KEY_REFUSED.because(&error).with_detail(reason.code().to_owned())
            }
            AnswerKeyError::Storage(source) => problem::storage(&error, source),
        }
    }
}
