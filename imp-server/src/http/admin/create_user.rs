//! `POST /v1/users`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::{CreateUser, User};

use super::names;
use crate::app::{self, App};
use crate::command::{self, CreateUserError};
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse, answer, problem};

/// Creates a user.
#[utoipa::path(
    post, path = "/v1/users", tag = "people", operation_id = "create_user",
    request_body = CreateUser, security(("person" = [])),
    responses(
        (status = 201, description = "created", body = User),
        (status = 409, description = "the username is taken", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn create(
    State(app): State<App>,
    administrator: Administrator,
    Json(body): Json<CreateUser>,
) -> Result<(StatusCode, Json<User>), ProblemResponse> {
    let new = names::new_user(&body)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::create_user(context, administrator.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(answer::user(&user))))
}

impl From<CreateUserError> for ProblemResponse {
    fn from(error: CreateUserError) -> Self {
        match &error {
            CreateUserError::UsernameTaken => problem::USERNAME_TAKEN.because(&error),
            CreateUserError::Storage(source) => problem::storage(&error, source),
        }
    }
}
