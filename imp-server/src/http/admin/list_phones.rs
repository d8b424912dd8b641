//! `GET /v1/users/{user}/phones`
use axum::extract::State;
use imp_api::admin::Phones;
use imp_identity::UserId;

use crate::app::App;
use crate::command;
use crate::http::caller::Officer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Lists a user's phones.
#[utoipa::path(
    get, path = "/v1/users/{user}/phones", tag = "people", operation_id = "phones",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses((status = 200, description = "her phones", body = Phones))
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn list(
    State(app): State<App>,
    _: Officer,
    Path(id): Path<UserId>,
) -> Result<Json<Phones>, ProblemResponse> {
    let phones = command::phones_of_user(&app.storage, id).await.map_err(problem::unread)?;
    Ok(Json(Phones { phones: phones.iter().map(answer::phone).collect() }))
}
