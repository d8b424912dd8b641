//! `GET /v1/users/{user}`
use axum::extract::State;
use imp_api::admin::User;
use imp_identity::UserId;

use crate::app::App;
use crate::command;
use crate::http::caller::Officer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// One user.
#[utoipa::path(
    get, path = "/v1/users/{user}", tag = "people", operation_id = "user",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses(
        (status = 200, description = "the user", body = User),
        (status = 404, description = "no such user", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn find(
    State(app): State<App>,
    _: Officer,
    Path(id): Path<UserId>,
) -> Result<Json<User>, ProblemResponse> {
    let user = command::find_user(&app.storage, id).await.map_err(problem::unread)?;
    let user = user.ok_or_else(|| problem::NOT_FOUND.says("There is no such user."))?;
    Ok(Json(answer::user(&user)))
}
