//! `POST /v1/cases`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::audit::{Case, OpenCase};

use super::answer;
use crate::app::{self, App};
use crate::command::{self, ChangeCaseError};
use crate::http::admin::names;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, problem};

/// Opens a case about entries of the log.
#[utoipa::path(
    post, path = "/v1/cases", tag = "audit", operation_id = "open_case",
    request_body = OpenCase, security(("person" = [])),
    responses(
        (status = 201, description = "the case", body = Case),
        (status = 422, description = "it is about nothing, or about what the log does not have", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn open(
    State(app): State<App>,
    reader: Reader,
    Json(OpenCase { title, entries }): Json<OpenCase>,
) -> Result<(StatusCode, Json<Case>), ProblemResponse> {
    let title = title.as_deref().map(|title| names::field("title", title)).transpose()?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let open = command::OpenCase { title, entries };
    let case = command::open_case(context, &reader.actor(), open).await?;
    Ok((StatusCode::CREATED, Json(answer::case(&case))))
}

impl From<ChangeCaseError> for ProblemResponse {
    fn from(error: ChangeCaseError) -> Self {
        match &error {
            ChangeCaseError::NotFound => problem::NOT_FOUND.because(&error),
            ChangeCaseError::TitleMissing
            | ChangeCaseError::EntryNotFound { .. }
            | ChangeCaseError::NotAuditor => problem::CASE_INVALID.because(&error),
            ChangeCaseError::Refused(_) => problem::CASE_STATE.because(&error),
            ChangeCaseError::Storage(source) => problem::storage(&error, source),
        }
    }
}
