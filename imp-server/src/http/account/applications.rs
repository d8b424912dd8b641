//! `POST /account/applications/withdraw`, and the lines of the page about applications.
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use imp_identity::{ClientId, UserId};
use imp_storage::StorageError;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;

use super::FullHolder;
use super::change::{HERE, read};
use super::page::wall_clock;
use crate::app::{self, App};
use crate::command::{self, OwnApplication};
use crate::http::sign_in::html;
use crate::http::sign_in::language::spoken;
use crate::http::sign_in::page::sentence;
use crate::http::{ProblemResponse, problem};

/// Which application.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    #[schema(value_type = Uuid)]
    client: ClientId,
}

/// An application on the page.
pub(super) struct ApplicationLine {
    pub(super) id: ClientId,
    pub(super) name: String,
    pub(super) may: Vec<String>,
    pub(super) since: String,
    pub(super) until: String,
}

/// What applications hold in a user's name.
pub(super) async fn lines(
    app: &App,
    user: UserId,
    zone: &TimeZone,
) -> Result<Vec<ApplicationLine>, StorageError> {
    let mut lines = Vec::new();
    for one in command::applications_of_user(&app.storage, user, app.now()).await? {
        if let Some(client) = app.oauth.client(&app.storage, one.client).await? {
            lines.push(line(&one, client.metadata.name.clone(), zone));
        }
    }
    Ok(lines)
}

fn line(one: &OwnApplication, name: String, zone: &TimeZone) -> ApplicationLine {
    let until = one.until.map(|at| wall_clock(at, zone));
    ApplicationLine {
        id: one.client,
        name,
        may: one.scopes.iter().filter_map(|scope| sentence(scope)).collect(),
        since: wall_clock(one.since, zone),
        until: until.unwrap_or_else(|| spoken().holds_nothing.to_owned()),
    }
}

/// Takes back what an application holds in her name. It counts no longer, and an application that has to ask her asks again.
#[utoipa::path(
    post, path = "/account/applications/withdraw", tag = "pages", operation_id = "withdraw_application",
    request_body(content = Withdraw, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes back", content_type = "text/html", body = String),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "it holds nothing in her name", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn withdraw(
    State(app): State<App>,
    _own: crate::http::sign_in::origin::OwnPage,
    FullHolder(holder): FullHolder,
    form: Result<Form<Withdraw>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Withdraw { client } = read(form)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let withdrawn = command::withdraw_application(context, holder.user.id, client).await;
    if withdrawn.map_err(problem::unread)? {
        html::go_on(&app, HERE)
    } else {
        Err(problem::NOT_FOUND.says("This application holds nothing in your name."))
    }
}
