//! `POST /v1/users/{user}/sign-in-code`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::SignInCode;
use imp_identity::UserId;

use crate::app::{self, App};
use crate::command::{self, IssueSignInCodeError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Makes a one-time code with which a user signs in.
#[utoipa::path(
    post, path = "/v1/users/{user}/sign-in-code", tag = "people",
    operation_id = "issue_sign_in_code",
    params(("user" = Uuid, Path, description = "the user")), security(("person" = [])),
    responses(
        (status = 201, description = "the code", body = SignInCode),
        (status = 404, description = "no such user", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn issue(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<UserId>,
) -> Result<(StatusCode, Json<SignInCode>), ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let command::SignInCode { code, expires_at } =
        command::issue_sign_in_code(context, administrator.actor(), id).await?;
    Ok((StatusCode::CREATED, Json(SignInCode { code, expires_at })))
}

impl From<IssueSignInCodeError> for ProblemResponse {
    fn from(error: IssueSignInCodeError) -> Self {
        match &error {
            IssueSignInCodeError::NotFound => problem::NOT_FOUND.because(&error),
            IssueSignInCodeError::UserDisabled => problem::USER_DISABLED.because(&error),
            IssueSignInCodeError::Storage(source) => problem::storage(&error, source),
        }
    }
}
