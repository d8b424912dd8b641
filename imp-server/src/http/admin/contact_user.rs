//! `PUT /v1/users/{user}/contact`
use axum::extract::State;
use imp_api::admin::{ContactUser, User};
use imp_identity::UserId;

use crate::app::{self, App};
use crate::command::{self, ContactUserError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Sets or removes the e-mail address to which notices go.
#[utoipa::path(
    put, path = "/v1/users/{user}/contact", tag = "people", operation_id = "contact_user",
    request_body = ContactUser,
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses(
        (status = 200, description = "the user", body = User),
        (status = 404, description = "no such user", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn contact(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<UserId>,
    Json(ContactUser { email }): Json<ContactUser>,
) -> Result<Json<User>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::contact_user(context, administrator.actor(), id, email).await?;
    Ok(Json(answer::user(&user)))
}

impl From<ContactUserError> for ProblemResponse {
    fn from(error: ContactUserError) -> Self {
        match &error {
            ContactUserError::NotFound => problem::NOT_FOUND.because(&error),
            ContactUserError::Storage(source) => problem::storage(&error, source),
        }
    }
}
