//! Who asks with an access token of this server.
use axum::http::header;
use axum::http::request::Parts;
use imp_identity::authentication::Authentication;
use imp_identity::user::User;
use imp_identity::{ClientId, Digest};
use imp_oauth::bearer::{self, BroughtToken, Scheme};
use imp_oauth::tokens::{AccessClaims, verify_access};
use imp_oauth::{ErrorCode, Form, OAuthError, Scope};
use imp_storage::{StorageError, Transaction};

use super::client::Asked;
use super::proof::{self, About};
use super::refused::Refused;
use crate::app::App;
use crate::command;
use crate::store::{Grant, Tables as _};

/// Who asks with an access token.
#[derive(Clone, Debug)]
pub(crate) struct TokenCaller {
    /// The application.
    pub(crate) client: ClientId,
    /// The person in whose name, if it is not the application's own.
    pub(crate) user: Option<User>,
    /// What it may.
    pub(crate) scope: Scope,
    /// How the person was authenticated.
    pub(crate) authentication: Option<Authentication>,
}

/// A token that counts: it is ours, has not expired, and neither it nor what it comes from was revoked.
pub(crate) struct Counting {
    pub(crate) claims: AccessClaims,
    /// In whose name; `None` for the application's own.
    pub(crate) granted: Option<(Grant, User)>,
}

/// Who asks at this server itself with a token: `path` is the request's, as the contract names it.
pub(crate) async fn authenticate_access_token(
    app: &App,
    parts: &Parts,
) -> Result<TokenCaller, Refused> {
    let path = parts.uri.path().to_owned();
    let counting = authenticate(app, parts, None, &path).await?;
    let (grant, user) = counting.granted.unzip();
    let AccessClaims { client_id, scope, aud, cnf, .. } = counting.claims;
    // What others are shown, too, one of them could bring here (RFC 9700 §2.3).
    let is_ours_alone = aud.iter().len() == 1;
    let scope = if is_ours_alone {
        scope
    } else {
        scope.without("imp").without("scim").without("connections")
    };
    let anybodys = cnf.is_none() && app.config.oauth.bound_tokens_only;
    let scope = if anybodys { scope.without("imp") } else { scope };
    Ok(TokenCaller {
        client: client_id,
        scope,
        authentication: grant.as_ref().map(|grant| grant.authentication.clone()),
        user,
    })
}

/// The token that a request brings in its header or in `body`, with its proof.
pub(super) async fn authenticate(
    app: &App,
    parts: &Parts,
    body: Option<&Form>,
    path: &str,
) -> Result<Counting, Refused> {
    let asked = Asked::of(parts, app);
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let brought = bearer::read(authorization, body)?;
    let Some(brought) = brought else {
        let error = OAuthError::new(ErrorCode::InvalidToken, "an access token is needed");
        return Err(Refused::challenging(error, bearer::challenge(Scheme::Bearer, None)));
    };
    check(app, &asked, &brought, path).await.map_err(|mut refused| {
        refused.challenge = Some(bearer::challenge(brought.scheme, Some(&refused.error)));
        // RFC 9449 §7.1: what is wrong with the proof is a 401 here.
        refused.unauthorized = true;
        refused
    })
}

async fn check(
    app: &App,
    asked: &Asked<'_>,
    brought: &BroughtToken,
    path: &str,
) -> Result<Counting, Refused> {
    let token = brought.token.expose();
    let about = About { method: asked.parts.method.as_str(), path, access_token: Some(token) };
    let proof = match brought.scheme {
        Scheme::Dpop => proof::read(app, asked, &about).await?,
        Scheme::Bearer => None,
    };
    let invalid = |text: &'static str| OAuthError::new(ErrorCode::InvalidToken, text);
    let counting = counting(app, token).await?;
    let counting = counting.ok_or_else(|| invalid("the token has expired or was revoked"))?;
    let confirmation = counting.claims.cnf.as_ref();
    bearer::check_binding(confirmation, brought.scheme, proof.as_ref(), asked.certificate())?;
    let issuer = app.oauth.issuer();
    if !counting.claims.aud.names(issuer) {
        return Err(invalid("the token is for somebody else").into());
    }
    Ok(counting)
}

/// A token, if it counts now. The database is asked: what was revoked counts no longer at once.
pub(super) async fn counting(app: &App, token: &str) -> Result<Option<Counting>, StorageError> {
    let now = app.now();
    let keys = app.oauth.keys(&app.storage).await?;
    let Ok(claims) = verify_access(token, &keys, app.oauth.issuer(), now) else { return Ok(None) };
    let mut reading = app.storage.read().await?;
    if reading.oauth().is_token_revoked(name(&claims)).await? {
        return Ok(None);
    }
    standing(&mut reading, claims, now).await
}

async fn standing(
    reading: &mut Transaction,
    claims: AccessClaims,
    now: jiff::Timestamp,
) -> Result<Option<Counting>, StorageError> {
    let Some(grant) = claims.grant else {
        let registered = reading.clients().find(claims.client_id).await?.is_some();
        return Ok(registered.then_some(Counting { claims, granted: None }));
    };
    let granted = command::counting_grant(reading, grant, now).await?;
    let own = granted.filter(|(grant, _)| grant.client == claims.client_id);
    Ok(own.map(|granted| Counting { claims, granted: Some(granted) }))
}

/// Under which a token that was given back is remembered.
pub(super) fn name(claims: &AccessClaims) -> Digest {
    Digest::of(&[b"imp access token", claims.jti.as_bytes()])
}
