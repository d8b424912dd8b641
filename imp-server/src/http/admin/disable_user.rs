//! `POST /v1/users/{user}/disablement`
use axum::extract::State;
use imp_api::admin::User;
use imp_identity::UserId;

use crate::app::{self, App};
use crate::command::{self, DisableUserError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Stops a user from being authenticated and ends her sessions.
#[utoipa::path(
    post, path = "/v1/users/{user}/disablement", tag = "people", operation_id = "disable_user",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses(
        (status = 200, description = "disabled", body = User),
        (status = 404, description = "no such user", body = imp_api::Problem),
        (status = 409, description = "disabled already, or the last administrator", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn disable(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<UserId>,
) -> Result<Json<User>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::disable_user(context, administrator.actor(), id).await?;
    Ok(Json(answer::user(&user)))
}

impl From<DisableUserError> for ProblemResponse {
    fn from(error: DisableUserError) -> Self {
        match &error {
            DisableUserError::NotFound => problem::NOT_FOUND.because(&error),
            DisableUserError::AlreadyDisabled => problem::USER_STATE.because(&error),
            DisableUserError::LastAdministrator => problem::LAST_ADMINISTRATOR.because(&error),
            DisableUserError::Storage(source) => problem::storage(&error, source),
        }
    }
}
