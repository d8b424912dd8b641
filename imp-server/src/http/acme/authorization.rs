//! Authorizations (RFC 8555 §7.5).
use axum::extract::State;
use axum::response::Response;
use imp_pki::acme::{Authorization, AuthorizationState, ChallengeKind};
use serde_json::{Value, json};

use super::answer::{Said, answer};
use super::signed::{Asker, Posted, named};
use crate::app::{self, App};
use crate::command::acme::{
    AcmeError, deactivate_acme_authorization, find_acme_authorization, refuse,
};
use crate::http::Path;
use imp_pki::acme::account::AccountError;

/// Shows an authorization, or gives it up (§7.5.2).
#[utoipa::path(
    post, path = "/acme/authorization/{authorization}", tag = "acme", operation_id = "acme_authorization",
    params(("authorization" = String, Path, description = "the authorization")),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "the authorization and its challenges", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(authorization): Path<String>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = found(&app, &authorization, &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn found(
    app: &App,
    authorization: &str,
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    let id = named(authorization)?;
    let found = if payload.is_empty() {
        find_acme_authorization(&app.storage, &client, id).await?
    } else {
        let wanted: Option<Value> = serde_json::from_slice(&payload).ok();
        if wanted.is_none_or(|wanted| wanted["status"] != "deactivated") {
            return Err(refuse(AccountError::Status));
        }
        let mut rng = app::rng();
        deactivate_acme_authorization(&mut app.context(&mut rng), &client, id).await?
    };
    Ok(Said::json(shown(app, &found)))
}

/// The address of an authorization.
pub(super) fn url(app: &App, it: &Authorization) -> String {
    app.acme.url(format_args!("/authorization/{}", it.id))
}

fn shown(app: &App, it: &Authorization) -> Value {
    let chosen = chosen(it);
    let challenges = ChallengeKind::for_identifier(&it.identifier).iter();
    // Once it is decided, only the challenge that decided it counts (§7.1.4).
    let challenges = challenges.filter(|kind| chosen.is_none_or(|chosen| chosen == **kind));
    let mut shown = json!({
        "status": it.status(app.now()),
        "expires": it.expires_at.to_string(),
        "identifier": it.identifier.to_json_of_authorization(),
        "challenges": challenges.map(|kind| challenge(app, it, *kind)).collect::<Vec<_>>(),
    });
    if it.identifier.is_wildcard() {
        shown["wildcard"] = json!(true);
    }
    shown
}

const fn chosen(it: &Authorization) -> Option<ChallengeKind> {
    match it.state {
        AuthorizationState::Processing { kind, .. }
        | AuthorizationState::Valid { kind, .. }
        | AuthorizationState::Invalid { kind, .. } => Some(kind),
        AuthorizationState::Pending | AuthorizationState::Deactivated => None,
    }
}

/// A challenge (§7.1.5, §8).
pub(super) fn challenge(app: &App, it: &Authorization, kind: ChallengeKind) -> Value {
    let url = app.acme.url(format_args!("/challenge/{}/{}", it.id, kind.code()));
    let mut shown = json!({ "type": kind.code(), "url": url, "token": it.token.as_str() });
    let status = match &it.state {
        AuthorizationState::Processing { kind: chosen, .. } if *chosen == kind => "processing",
        AuthorizationState::Valid { kind: chosen, at, .. } if *chosen == kind => {
            shown["validated"] = json!(at.to_string());
            "valid"
        }
        AuthorizationState::Invalid { kind: chosen, problem } if *chosen == kind => {
            shown["error"] = problem.to_json();
            "invalid"
        }
        AuthorizationState::Pending
        | AuthorizationState::Processing { .. }
        | AuthorizationState::Valid { .. }
        | AuthorizationState::Invalid { .. }
        | AuthorizationState::Deactivated => "pending",
    };
    shown["status"] = json!(status);
    shown
}
