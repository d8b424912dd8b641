//! `POST /v1/phones/self/erasure`
use axum::extract::State;
use imp_api::enrolment::{EnrolmentCompleted, EraseReference};

use crate::app::{self, App};
use crate::command::{self, EraseReferenceError};
use crate::http::caller::PhonePeer;
use crate::http::{Json, ProblemResponse, problem};

/// Records that the phone has erased its reference, and answers with a signed receipt of it.
#[utoipa::path(
    post, path = "/v1/phones/self/erasure", tag = "machines", operation_id = "erase_reference",
    request_body = EraseReference, security(("machine" = [])),
    responses(
        (status = 200, description = "the receipt", body = EnrolmentCompleted),
        (status = 409, description = "there was none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn erase(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Json(EraseReference { reference }): Json<EraseReference>,
) -> Result<Json<EnrolmentCompleted>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let receipt = command::erase_reference(context, phone.id, reference).await?;
    Ok(Json(EnrolmentCompleted { receipt: receipt.into() }))
}

impl From<EraseReferenceError> for ProblemResponse {
    fn from(error: EraseReferenceError) -> Self {
        match &error {
            EraseReferenceError::NothingToErase => problem::NOTHING_TO_ERASE.because(&error),
            EraseReferenceError::Sign(_) => problem::internal(&error),
            EraseReferenceError::Storage(source) => problem::storage(&error, source),
        }
    }
}
