//! Making tokens.
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::user::User;
use imp_identity::{GrantId, Secret};
use imp_oauth::claims::{Person, select};
use imp_oauth::jose::{Algorithm, SigningKey, SigningKeyError};
use imp_oauth::keys::KeySet;
use imp_oauth::scope::OPENID;
use imp_oauth::token::TokenResponse;
use imp_oauth::tokens::{
    AccessClaims, ActingParty, AuthenticationClaims, Confirmation, IdClaims, at_hash, issue_access,
    issue_id,
};
use imp_oauth::{ErrorCode, OAuthError, Scope};
use imp_storage::{StorageError, Transaction};

use super::refused::{self, Refused, failed};
use crate::app::App;
use crate::oauth::RegisteredClient;
use crate::store::{Grant, Tables as _};

/// What an access token says.
pub(crate) struct Access<'a> {
    /// Whom it is about.
    pub(crate) subject: String,
    /// What it is good for.
    pub(crate) scope: &'a Scope,
    /// For whom it is, unless for the client's usual ones.
    pub(crate) resources: &'a [String],
    /// How the person was authenticated.
    pub(crate) authentication: AuthenticationClaims,
    /// What it is bound to.
    pub(crate) confirmation: Option<Confirmation>,
    /// Who acts in the person's name.
    pub(crate) actor: Option<String>,
    /// What it comes from.
    pub(crate) grant: Option<GrantId>,
}

/// An access token (RFC 9068) in its answer, signed as the client has its ID tokens signed.
pub(crate) fn access(
    app: &App,
    keys: &KeySet,
    client: &RegisteredClient,
    access: Access<'_>,
) -> Result<TokenResponse, Refused> {
    let now = app.now();
    let lifetime = i64::from(app.config.oauth.access_token_seconds);
    let token_type = match &access.confirmation {
        Some(Confirmation { jkt: Some(_), .. }) => "DPoP",
        Some(Confirmation { jkt: None, .. }) | None => "Bearer",
    };
    let claims = AccessClaims {
        iss: app.oauth.issuer().to_string(),
        sub: access.subject,
        aud: audience(app, client, access.scope, access.resources).into(),
        client_id: client.id,
        scope: access.scope.clone(),
        iat: now.as_second(),
        exp: now.as_second() + lifetime,
        jti: random_name(),
        authentication: access.authentication,
        cnf: access.confirmation,
        act: access.actor.map(|sub| ActingParty { sub }),
        grant: access.grant,
    };
    let key = signing(app, keys, client.metadata.id_token_algorithm)?;
    let token = issue_access(key, &claims).map_err(unsigned)?;
    Ok(TokenResponse {
        access_token: Secret::new(token),
        token_type,
        expires_in: lifetime,
        refresh_token: None,
        id_token: None,
        scope: claims.scope,
        issued_token_type: None,
    })
}

/// For whom an access token is: what was asked for, or else everything that the client is registered for; and this server,
/// where it is good for the userinfo endpoint or for nobody else.
fn audience(
    app: &App,
    client: &RegisteredClient,
    scope: &Scope,
    resources: &[String],
) -> Vec<String> {
    let mut audience =
        if resources.is_empty() { client.metadata.audiences.clone() } else { resources.to_vec() };
    let issuer = app.oauth.issuer();
    let own = scope.contains(OPENID) || audience.is_empty();
    if own && !audience.iter().any(|name| **name == **issuer) {
        audience.push(issuer.to_string());
    }
    audience
}

/// An ID token (OpenID Connect Core §2). `first` says whether it answers the authorization request itself.
pub(crate) fn id_token(
    app: &App,
    keys: &KeySet,
    client: &RegisteredClient,
    (grant, person): (&Grant, &Person),
    (access_token, first): (Option<&str>, bool),
) -> Result<Secret<String>, Refused> {
    let now = app.now();
    let algorithm = client.metadata.id_token_algorithm;
    let wanted = &grant.wishes.claims.id_token;
    let claims = IdClaims {
        iss: app.oauth.issuer().to_string(),
        sub: app.oauth.subject(grant.user, &client.metadata),
        aud: client.id.to_string().into(),
        iat: now.as_second(),
        exp: now.as_second() + i64::from(app.config.oauth.id_token_seconds),
        azp: Some(client.id.to_string()),
        nonce: grant.wishes.nonce.clone().filter(|_| first),
        authentication: authentication(grant),
        at_hash: access_token.map(|token| at_hash(token, algorithm)),
        sid: grant.sign_on.map(|sign_on| app.oauth.session(sign_on, client.id)),
        more: select(person, &Scope::default(), wanted, &client.metadata.scope),
    };
    let key = signing(app, keys, algorithm)?;
    issue_id(key, &claims).map(Secret::new).map_err(unsigned)
}

/// How the person of a grant was authenticated, as tokens say it.
pub(crate) fn authentication(grant: &Grant) -> AuthenticationClaims {
    AuthenticationClaims::of(&grant.authentication, &grant.wishes.acr_values)
}

/// What applications may learn of a user.
pub(crate) async fn person(
    transaction: &mut Transaction,
    user: &User,
) -> Result<Person, StorageError> {
    let groups = transaction.groups().of_user(user.id).await?;
    let profile = transaction.profiles().find(user.id).await?.map(|found| found.profile);
    let text = |label: &imp_identity::name::Label| label.to_string();
    Ok(Person {
        given_name: profile.as_ref().and_then(|profile| profile.given_name.as_ref().map(text)),
        family_name: profile.as_ref().and_then(|profile| profile.family_name.as_ref().map(text)),
        name: user.display_name.to_string(),
        username: user.username.to_string(),
        email: user.email.as_ref().map(|email| email.expose().to_owned()),
        email_verified: false,
        groups: groups.into_iter().map(|found| found.group.name.to_string()).collect(),
        roles: vec![user.role.code().to_owned()],
        department: user.unit.as_ref().map(ToString::to_string),
        updated_at: None,
    })
}

/// Tokens, with what the next proof must hold if one was shown.
pub(crate) fn answer(app: &App, tokens: &TokenResponse, proven: bool) -> Response {
    let mut response = refused::json(StatusCode::OK, tokens);
    if proven && let Ok(nonce) = HeaderValue::try_from(app.oauth.nonces().nonce(app.now())) {
        response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
    response
}

/// 128 random bits: the name of a token.
fn random_name() -> String {
    let mut random = [0; 16];
    rand::Rng::fill_bytes(&mut crate::app::rng(), &mut random);
    BASE64URL_NOPAD.encode(&random)
}

fn signing<'a>(
    app: &App,
    keys: &'a KeySet,
    algorithm: Algorithm,
) -> Result<&'a SigningKey, Refused> {
    keys.signing(algorithm, app.now()).ok_or_else(|| {
        tracing::error!(algorithm = algorithm.code(), "there is no key that signs tokens");
        OAuthError::new(ErrorCode::TemporarilyUnavailable, "there is no key yet: try again").into()
    })
}

fn unsigned(error: SigningKeyError) -> Refused {
    failed(&error, false)
}
