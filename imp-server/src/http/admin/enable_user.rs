//! `DELETE /v1/users/{user}/disablement`
use axum::extract::State;
use imp_api::admin::User;
use imp_identity::UserId;

use crate::app::{self, App};
use crate::command::{self, EnableUserError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Lets a user be authenticated again.
#[utoipa::path(
    delete, path = "/v1/users/{user}/disablement", tag = "people", operation_id = "enable_user",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses(
        (status = 200, description = "active", body = User),
        (status = 404, description = "no such user", body = imp_api::Problem),
        (status = 409, description = "active already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn enable(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<UserId>,
) -> Result<Json<User>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::enable_user(context, administrator.actor(), id).await?;
    Ok(Json(answer::user(&user)))
}

impl From<EnableUserError> for ProblemResponse {
    fn from(error: EnableUserError) -> Self {
        match &error {
            EnableUserError::NotFound => problem::NOT_FOUND.because(&error),
            EnableUserError::AlreadyActive => problem::USER_STATE.because(&error),
            EnableUserError::Storage(source) => problem::storage(&error, source),
        }
    }
}
