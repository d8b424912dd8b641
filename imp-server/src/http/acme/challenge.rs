//! `POST /acme/challenge/{authorization}/{kind}`
use axum::extract::State;
use axum::response::Response;
use imp_pki::acme::{Authorization, AuthorizationState, ChallengeKind, Problem, Refused as _};

use super::answer::{Said, answer};
use super::authorization;
use super::signed::{Asker, Posted, named};
use crate::acme::validate;
use crate::app::{self, App};
use crate::command::acme::{
    AcmeError, AcmeRefusal, Look, begin_acme_challenge, find_acme_authorization,
    settle_acme_challenge,
};
use crate::http::Path;

/// When it is worth asking again, in seconds.
const AGAIN: u32 = 2;

/// The client says that a challenge is met (RFC 8555 §7.5.1): it is looked at once, before this is answered, and some more times
/// later if it is not met.
#[utoipa::path(
    post, path = "/acme/challenge/{authorization}/{kind}", tag = "acme", operation_id = "acme_challenge",
    params(
        ("authorization" = String, Path, description = "the authorization"),
        ("kind" = String, Path, description = "http-01, dns-01, tls-alpn-01 or device-attest-01"),
    ),
    request_body(content = Object, content_type = "application/jose+json"),
    responses((status = 200, description = "the challenge", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn answer_challenge(
    State(app): State<App>,
    Path((authorization, kind)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let mut asker = Asker::default();
    let said = answered(&app, (&authorization, &kind), &posted, &mut asker).await;
    answer(&app, asker, said).await
}

async fn answered(
    app: &App,
    (authorization, kind): (&str, &str),
    posted: &Posted,
    asker: &mut Asker,
) -> Result<Said, AcmeError> {
    let (client, payload) = posted.by_account(app, asker).await?;
    let (id, kind) = (named(authorization)?, named::<ChallengeKind>(kind)?);
    if payload.is_empty() {
        let found = find_acme_authorization(&app.storage, &client, id).await?;
        return Ok(said(app, &found, kind));
    }
    let mut rng = app::rng();
    let begun = begin_acme_challenge(&mut app.context(&mut rng), &client, id, kind).await?;
    let (found, look) = begun;
    let Some(look) = look else { return Ok(said(app, &found, kind)) };
    let found = match kind {
        ChallengeKind::DeviceAttest01 => attested(app, &look, &payload, asker).await?,
        ChallengeKind::Http01 | ChallengeKind::Dns01 | ChallengeKind::TlsAlpn01 => {
            looked(app, &look).await?
        }
    };
    Ok(said(app, &found, kind))
}

/// An attestation is decided at once: it does not change.
async fn attested(
    app: &App,
    look: &Look,
    payload: &[u8],
    asker: &mut Asker,
) -> Result<Authorization, AcmeError> {
    let found = look.attested(payload, &app.acme.attestation_roots, app.now());
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    match found {
        Ok(key) => settle_acme_challenge(context, look, Ok(Some(key)), 1).await,
        Err((problem, word)) => {
            let settled = settle_acme_challenge(context, look, Err(problem.clone()), 1).await?;
            let refusal = AcmeRefusal { problem, word, device: Some(look.device), recorded: false };
            // The answer is the challenge, which says why.
            super::answer::record(app, asker, &refusal).await;
            Ok(settled)
        }
    }
}

/// Looks once at a challenge, and stores what was found.
pub(crate) async fn looked(app: &App, look: &Look) -> Result<Authorization, AcmeError> {
    let validator = &app.acme.validator;
    let (kind, token) = (look.kind, look.token.as_str());
    let found = validator.look(kind, &look.identifier, token, &look.expected).await;
    let found: Result<Option<Vec<u8>>, Problem> = match found {
        Ok(()) => Ok(None),
        Err(error) => {
            let word = error.word();
            tracing::info!(device.id = %look.device, word, "an ACME challenge is not met");
            Err(validate::problem(&error, kind))
        }
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let settled = settle_acme_challenge(context, look, found, app.config.acme.tries).await?;
    if let AuthorizationState::Invalid { problem, .. } = &settled.state {
        let (word, device) = ("challenge-not-met", Some(look.device));
        let refusal = AcmeRefusal { problem: problem.clone(), word, device, recorded: false };
        let asker = Asker { name: look.device.to_string(), client: None };
        super::answer::record(app, &asker, &refusal).await;
    }
    Ok(settled)
}

fn said(app: &App, found: &Authorization, kind: ChallengeKind) -> Said {
    let mut said = Said::json(authorization::challenge(app, found, kind));
    said.up = Some(authorization::url(app, found));
    if matches!(found.state, AuthorizationState::Processing { .. }) {
        said.again = Some(AGAIN);
    }
    said
}
