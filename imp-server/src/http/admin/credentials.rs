//! `GET /v1/users/{user}/credentials`, `POST /v1/users/{user}/credentials/{credential}/removal`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::{Credentials, Revoke};
use imp_identity::{CredentialId, UserId};

use crate::app::{self, App};
use crate::command;
use crate::http::caller::Officer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Lists a user's passkeys and security keys.
#[utoipa::path(
    get, path = "/v1/users/{user}/credentials", tag = "people", operation_id = "credentials",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses((status = 200, description = "her passkeys and security keys", body = Credentials))
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn list(
    State(app): State<App>,
    _: Officer,
    Path(id): Path<UserId>,
) -> Result<Json<Credentials>, ProblemResponse> {
    let found = command::credentials_of_user(&app.storage, id).await.map_err(problem::unread)?;
    Ok(Json(Credentials { credentials: found.iter().map(answer::credential).collect() }))
}

/// Removes one, also the last: a one-time code is the way back. What it opened ends.
#[utoipa::path(
    post, path = "/v1/users/{user}/credentials/{credential}/removal", tag = "people",
    operation_id = "remove_credential", request_body = Revoke,
    params(
        ("user" = Uuid, Path, description = "the user"),
        ("credential" = Uuid, Path, description = "the credential"),
    ),
    security(("person" = [])),
    responses(
        (status = 204, description = "removed"),
        (status = 404, description = "she has no such credential", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %user, credential.id = %credential))]
pub(crate) async fn remove(
    State(app): State<App>,
    officer: Officer,
    Path((user, credential)): Path<(UserId, CredentialId)>,
    Json(Revoke { reason }): Json<Revoke>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::remove_credential(context, &officer.actor(), user, credential, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
