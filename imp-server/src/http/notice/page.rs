//! `GET` and `POST /notices/{link}`
use std::sync::LazyLock;

use askama::Template as _;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Form, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use data_encoding::BASE64;
use imp_identity::Actor;
use serde::Deserialize;

use crate::app::{self, App};
use crate::command::{self, Notice};
use crate::http::{Path, ProblemResponse, problem};
use crate::store::Tables as _;

const STYLE: &str = "body{font:1.125rem/1.5 system-ui,sans-serif;margin:1rem;color:#111;background:#fff}\
    main{max-width:44rem;margin:auto}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.5rem .25rem;overflow-wrap:break-word;border-bottom:1px solid #767676}\
    button{font:inherit;padding:.5rem;min-height:2.75rem}\
    .said{border:2px solid #111;padding:.75rem;font-weight:bold}";

/// Nothing is loaded, nothing is run; the one form goes back here.
static SECURITY_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = BASE64.encode(digest(&SHA256, STYLE.as_bytes()).as_ref());
    HeaderValue::from_str(&format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ))
    .ok()
});

#[derive(askama::Template)]
#[template(path = "notice.html")]
struct Page {
    style: &'static str,
    day: String,
    case: Option<u64>,
    uses: Vec<Line>,
}

struct Line {
    index: u64,
    time: String,
    deed: &'static str,
    place: String,
    disputed: bool,
}

/// Which use was not she.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotMe {
    /// The entry's leaf index.
    index: u64,
}

/// Shows what a notice tells, with a button beside each use. Reading changes nothing: mail filters open links, too.
#[utoipa::path(
    get, path = "/notices/{link}", tag = "self", operation_id = "show_notice",
    params(("link" = String, Path, description = "from the mail")),
    responses(
        (status = 200, description = "a page", content_type = "text/html", body = String),
        (status = 404, description = "the link does not count (any more)", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(link): Path<String>,
) -> Result<Response, ProblemResponse> {
    page(&app, &link, None).await
}

/// Opens a case about one use.
#[utoipa::path(
    post, path = "/notices/{link}", tag = "self", operation_id = "dispute_noticed_use",
    params(("link" = String, Path, description = "from the mail")),
    responses(
        (status = 200, description = "a case is open; the page says its number", content_type = "text/html", body = String),
        (status = 404, description = "the link does not count, or tells of no such use", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn dispute(
    State(app): State<App>,
    Path(link): Path<String>,
    form: Result<Form<NotMe>, axum::extract::rejection::FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(NotMe { index })) = form else {
        return Err(problem::QUERY_INVALID.says("The form does not say which use."));
    };
    let notice = notice(&app, &link).await?.0;
    if !notice.entries.contains(&index) {
        return Err(unknown());
    }
    let (user, actor) = (notice.user, Actor::User(notice.user));
    let dispute = command::Dispute { user, actor, index, notice: Some(notice.id), comment: None };
    let disputed = command::dispute_use(&mut app.context(&mut app::rng()), dispute).await?;
    page(&app, &link, Some(disputed.number)).await
}

fn unknown() -> ProblemResponse {
    problem::NOT_FOUND.says("This link does not count, or no longer.")
}

async fn notice(
    app: &App,
    link: &str,
) -> Result<(Notice, Vec<imp_review::notice::Use>), ProblemResponse> {
    let zone = super::zone(app).await?;
    let mut rng = app::rng();
    let found = command::notice_of_link(&app.context(&mut rng), link, &zone).await;
    found.map_err(problem::unread)?.ok_or_else(unknown)
}

async fn page(app: &App, link: &str, case: Option<u64>) -> Result<Response, ProblemResponse> {
    let (notice, uses) = notice(app, link).await?;
    let mut reading = app.storage.read().await.map_err(problem::unread)?;
    let mut lines = Vec::with_capacity(uses.len());
    for one in uses {
        let case = reading.notices().dispute(notice.user, one.index).await;
        lines.push(Line {
            index: one.index,
            time: format!("{:02}:{:02}", one.local.hour(), one.local.minute()),
            deed: one.deed,
            place: one.place.unwrap_or_default(),
            disputed: case.map_err(problem::unread)?.is_some(),
        });
    }
    let page = Page { style: STYLE, day: notice.day.to_string(), case, uses: lines };
    let text = page.render().map_err(|error| problem::internal(&error))?;
    let mut response = Html(text).into_response();
    if let Some(policy) = SECURITY_POLICY.clone() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
