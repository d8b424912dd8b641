//! `POST /v1/sign-in`
use axum::extract::State;
use imp_api::admin::{SignIn, SignedIn};

use super::names;
use crate::app::{self, App};
use crate::command::{self, RedeemSignInCodeError};
use crate::http::{Json, ProblemResponse, problem};

/// Signs a person in with a one-time code; with the administrator token, creates the first administrator.
#[utoipa::path(
    post, path = "/v1/sign-in", tag = "people", operation_id = "sign_in", request_body = SignIn,
    responses(
        (status = 200, description = "a bearer token", body = SignedIn),
        (status = 403, description = "the code does not count", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn sign_in(
    State(app): State<App>,
    Json(SignIn { code, first_administrator }): Json<SignIn>,
) -> Result<Json<SignedIn>, ProblemResponse> {
    let first = first_administrator.as_ref().map(names::new_user).transpose()?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let command::SignedIn { user, token, expires_at } =
        command::redeem_sign_in_code(context, &code, first).await?;
    tracing::info!(user.id = %user.id, "signed in with a one-time code");
    Ok(Json(SignedIn { user: user.id, token, expires_at }))
}

impl From<RedeemSignInCodeError> for ProblemResponse {
    fn from(error: RedeemSignInCodeError) -> Self {
        use RedeemSignInCodeError as E;
        match &error {
            E::Invalid => problem::CODE_INVALID.because(&error),
            E::Expired => problem::CODE_EXPIRED.because(&error),
            E::UserDisabled => problem::USER_DISABLED.because(&error),
            E::AdministratorMissing => problem::ADMINISTRATOR_MISSING.because(&error),
            E::AdministratorUnexpected => problem::ADMINISTRATOR_UNEXPECTED.because(&error),
            E::UsernameTaken => problem::USERNAME_TAKEN.because(&error),
            E::Storage(source) => problem::storage(&error, source),
        }
    }
}
