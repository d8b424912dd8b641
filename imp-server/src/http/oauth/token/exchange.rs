//! Token exchange (RFC 8693): a workstation signs the user of its desktop on to an application of that desktop.
use imp_identity::spiffe::Machine;
use imp_identity::{Actor, SessionId, WorkstationId};
use imp_oauth::client::Consent;
use imp_oauth::exchange::{ExchangeRequest, TokenType};
use imp_oauth::scope::OFFLINE_ACCESS;
use imp_oauth::token::{TokenResponse, narrow};
use imp_oauth::{ErrorCode, OAuthError, Scope};

use super::Proven;
use crate::app;
use crate::command::{self, AuthenticateMachineError, NewGrant};
use crate::http::oauth::client::Asked;
use crate::http::oauth::issue::{self, Access};
use crate::http::oauth::refused::Refused;
use crate::store::{Grant, Tables as _, Wishes};

/// `grant_type` (RFC 8693 §2.1).
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Tokens for the session of the workstation whose certificate the request comes with.
pub(super) async fn exchange(
    proven: &Proven<'_>,
    asked: &Asked<'_>,
    request: ExchangeRequest,
) -> Result<TokenResponse, Refused> {
    if request.subject_type != TokenType::Session || request.actor.is_some() {
        let text = "only the session of a workstation is exchanged, which acts by its certificate";
        return Err(OAuthError::request(text).into());
    }
    if request.requested == TokenType::RefreshToken {
        let text = "a workstation exchanges its session again instead of refreshing";
        return Err(OAuthError::request(text).into());
    }
    let (app, metadata) = (proven.app, &proven.client.metadata);
    if metadata.consent != Consent::Never {
        let text =
            "people are asked before this application learns of them, and a desktop asks nobody";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, text).into());
    }
    if !request.targets.iter().all(|target| metadata.audiences.contains(target)) {
        let text = "the client is not registered for this resource";
        return Err(OAuthError::new(ErrorCode::InvalidTarget, text).into());
    }
    let (workstation, name) = workstation(proven, asked).await?;
    let session = request.subject_token.expose().parse::<SessionId>();
    let session = session.map_err(|_| OAuthError::request("subject_token is not a session"))?;
    let scope = narrow(&metadata.scope.clone().without(OFFLINE_ACCESS), request.scope)?;
    let (grant, user) = grant(proven, (session, workstation), scope, request.targets).await?;
    let person = issue::person(&mut app.storage.read().await?, &user).await?;
    let keys = app.oauth.keys(&app.storage).await?;
    if request.requested == TokenType::IdToken {
        let token = issue::id_token(app, &keys, &proven.client, (&grant, &person), (None, true))?;
        return Ok(TokenResponse {
            access_token: token,
            token_type: "N_A",
            expires_in: i64::from(app.config.oauth.id_token_seconds),
            refresh_token: None,
            id_token: None,
            scope: grant.scope,
            issued_token_type: Some(TokenType::IdToken.urn()),
        });
    }
    let access = Access {
        subject: app.oauth.subject(grant.user, metadata),
        scope: &grant.scope,
        resources: &grant.wishes.resources,
        authentication: issue::authentication(&grant),
        confirmation: proven.confirmation.clone(),
        actor: Some(name),
        grant: Some(grant.id),
    };
    let mut tokens = issue::access(app, &keys, &proven.client, access)?;
    tokens.issued_token_type = Some(TokenType::AccessToken.urn());
    Ok(tokens)
}

/// The workstation at the other end, with its SPIFFE ID.
async fn workstation(
    proven: &Proven<'_>,
    asked: &Asked<'_>,
) -> Result<(WorkstationId, String), Refused> {
    let refuse = || OAuthError::client("a workstation's certificate is needed");
    let peer = &asked.certificate.ok_or_else(refuse)?.peer;
    let Machine::Workstation(id) = peer.spiffe_id.machine else { return Err(refuse().into()) };
    let storage = &proven.app.storage;
    match command::authenticate_workstation(storage, id, &peer.public_key).await {
        Ok(_) => Ok((id, peer.spiffe_id.to_string())),
        Err(AuthenticateMachineError::Storage(error)) => Err(error.into()),
        Err(
            AuthenticateMachineError::Unknown
            | AuthenticateMachineError::Revoked
            | AuthenticateMachineError::OtherKey,
        ) => Err(refuse().into()),
    }
}

/// What the application is granted at the desktop: the same again, if it asked before.
async fn grant(
    proven: &Proven<'_>,
    (id, workstation): (SessionId, WorkstationId),
    scope: Scope,
    resources: Vec<String>,
) -> Result<(Grant, imp_identity::user::User), Refused> {
    let (app, now) = (proven.app, proven.app.now());
    let mut transaction = app.storage.begin().await?;
    let found = transaction.sessions().find(id).await?;
    // One answer for every reason: a workstation learns nothing of other workstations' sessions.
    let invalid = || OAuthError::grant("the session is not active at this workstation");
    let found = found.filter(|found| {
        found.session.workstation == workstation
            && found.session.is_active(now)
            && found.user.is_active()
    });
    let found = found.ok_or_else(invalid)?;
    let (session, user) = (found.session, found.user);
    let before = transaction.grants().of_session(id).await?;
    let same = before.into_iter().find(|grant| {
        grant.client == proven.client.id
            && grant.counts(now)
            && grant.scope == scope
            && grant.wishes.resources == resources
            && grant.authentication == session.authentication
    });
    if let Some(grant) = same {
        return Ok((grant, user));
    }
    let longest = app.config.oauth.longest_grant(false);
    let new = NewGrant {
        client: proven.client.id,
        user: user.id,
        sign_on: None,
        session: Some(id),
        workstation: Some(workstation),
        scope,
        authentication: session.authentication,
        wishes: Wishes { resources, ..Wishes::default() },
        offline: false,
        expires_at: session.expires_at.min(now + longest),
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let actor = Actor::Workstation(workstation);
    let grant = command::make_grant(context, &mut transaction, &actor, new).await?;
    transaction.commit().await?;
    Ok((grant, user))
}
