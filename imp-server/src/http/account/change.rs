//! `POST /account/credentials/rename`, `/account/credentials/remove`, `/account/sign-ons/end`
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use imp_identity::name::Label;
use imp_identity::sign_on::SignOnEnd;
use imp_identity::{Actor, CredentialId, SignOnId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::FullHolder;
use crate::app::{self, App};
use crate::command::{self, ChangeCredentialError};
use crate::http::sign_in::language::spoken;
use crate::http::sign_in::origin::OwnPage;
use crate::http::sign_in::{html, sign_out};
use crate::http::{ProblemResponse, problem};

pub(super) const HERE: &str = "/account";

/// What it is called from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    #[schema(value_type = Uuid)]
    credential: CredentialId,
    /// 1 to 128 characters.
    name: String,
}

/// Which credential.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remove {
    #[schema(value_type = Uuid)]
    credential: CredentialId,
}

/// Which sign-on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    #[schema(value_type = Uuid)]
    sign_on: SignOnId,
}

pub(super) fn read<T>(form: Result<Form<T>, FormRejection>) -> Result<T, ProblemResponse> {
    form.map(|Form(form)| form)
        .map_err(|_| problem::QUERY_INVALID.says("The form is not what is expected."))
}

/// Calls one of her credentials something else.
#[utoipa::path(
    post, path = "/account/credentials/rename", tag = "pages", operation_id = "rename_credential",
    request_body(content = Rename, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes back", content_type = "text/html", body = String),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "she has no such credential", body = imp_api::Problem),
        (status = 422, description = "not a name", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn rename(
    State(app): State<App>,
    _own: OwnPage,
    FullHolder(holder): FullHolder,
    form: Result<Form<Rename>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Rename { credential, name } = read(form)?;
    let Ok(name) = name.parse::<Label>() else {
        let said = (spoken().account, spoken().name_invalid);
        return html::message(&app, StatusCode::UNPROCESSABLE_ENTITY, said);
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::rename_credential(context, holder.user.id, credential, name).await?;
    html::go_on(&app, HERE)
}

/// Removes one of her credentials, never her last way to sign in. What it opened ends.
#[utoipa::path(
    post, path = "/account/credentials/remove", tag = "pages",
    operation_id = "remove_own_credential",
    request_body(content = Remove, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes back", content_type = "text/html", body = String),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "she has no such credential", body = imp_api::Problem),
        (status = 409, description = "it is her last way to sign in", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn remove(
    State(app): State<App>,
    _own: OwnPage,
    FullHolder(holder): FullHolder,
    form: Result<Form<Remove>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Remove { credential } = read(form)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    match command::remove_own_credential(context, holder.user.id, credential).await {
        Ok(_) => html::go_on(&app, HERE),
        Err(ChangeCredentialError::LastWay) => {
            let said = (spoken().account, spoken().last_way);
            html::message(&app, StatusCode::CONFLICT, said)
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends one of her sign-ons, in whichever browser.
#[utoipa::path(
    post, path = "/account/sign-ons/end", tag = "pages", operation_id = "end_own_sign_on",
    request_body(content = End, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes back", content_type = "text/html", body = String),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "she has no such sign-on", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn end(
    State(app): State<App>,
    _own: OwnPage,
    FullHolder(holder): FullHolder,
    form: Result<Form<End>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let End { sign_on } = read(form)?;
    let user = holder.user.id;
    let own = command::sign_ons_of_user(&app.storage, user, app.now()).await;
    if !own.map_err(problem::unread)?.iter().any(|one| one.id == sign_on) {
        return Err(problem::NOT_FOUND.says("You have no such sign-on."));
    }
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let ended =
        command::end_sign_on(context, &Actor::User(user), sign_on, SignOnEnd::SignedOut).await;
    ended.map_err(problem::unread)?;
    if sign_on == holder.sign_on.id { sign_out::signed_out(&app) } else { html::go_on(&app, HERE) }
}
