//! Signed tokens that the server gives: access tokens (RFC 9068), ID tokens (OpenID Connect Core §2), logout tokens (OpenID
//! Connect Back-Channel Logout §2.4).
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::{ClientId, GrantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::audience::Audience;
use crate::jose::{Algorithm, Compact, JwsError, SigningKey, SigningKeyError, Thumbprint};
use crate::keys::KeySet;
use crate::scope::Scope;

/// How long a logout token counts (§2.4 recommends two minutes at most).
pub const LOGOUT_LIFETIME: SignedDuration = SignedDuration::from_secs(120);

/// `cnf`: the key that whoever brings the token must have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// RFC 9449 §6.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// RFC 8705 §3.1.
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
}

/// `act`: who acts in somebody's name (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingParty {
    /// Who.
    pub sub: String,
}

/// How the person was authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationClaims {
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How sure it makes: [`crate::acr::truthful`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The person, or the client itself.
    pub sub: String,
    /// The resource servers.
    pub aud: Audience,
    /// The client.
    pub client_id: ClientId,
    /// What was granted.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// Its name.
    pub jti: String,
    /// How the person was authenticated.
    #[serde(flatten)]
    pub authentication: AuthenticationClaims,
    /// The key it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingParty>,
    /// The grant it comes from: with it the server finds the person, and whether she took it back. Names nobody to others.
    #[serde(rename = "imp_grant", default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
}

/// The claims of an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaims {
    /// The issuer.
    pub iss: String,
    /// The person.
    pub sub: String,
    /// The client.
    pub aud: Audience,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// The client again (§2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// From the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How she was authenticated.
    #[serde(flatten)]
    pub authentication: AuthenticationClaims,
    /// Of the access token: [`at_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The browser's sign-on, as this client knows it: [`crate::subject::PairwiseKey::session`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Claims that the `claims` parameter asked for.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Whom a logout token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The issuer.
    pub issuer: String,
    /// The client.
    pub client: ClientId,
    /// The person, as the client knows her.
    pub subject: String,
    /// The browser's sign-on, as the client knows it.
    pub session: Option<String>,
    /// The token's own name.
    pub jti: String,
}

/// Why a token of this server is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token, or not of this server's keys.
    #[error("the token is not believed")]
    Token(#[from] JwsError),
    /// `typ` says that it is something else.
    #[error("the token is of another type")]
    Type,
    /// No key of the server has its `kid`.
    #[error("the token's key is not known")]
    UnknownKey,
    /// `iss` is somebody else.
    #[error("the token has another issuer")]
    Issuer,
    /// It ended.
    #[error("the token has expired")]
    Expired,
}

impl AuthenticationClaims {
    /// What is true of an authentication, with `acr` as the application wanted it said.
    pub fn of(
        authentication: &imp_identity::authentication::Authentication,
        wanted: &[String],
    ) -> Self {
        Self {
            auth_time: Some(authentication.at.as_second()),
            acr: Some(crate::acr::truthful(wanted, authentication).to_owned()),
            amr: authentication.methods.iter().map(|method| method.code().to_owned()).collect(),
        }
    }
}

/// Signs an access token.
pub fn issue_access(key: &SigningKey, claims: &AccessClaims) -> Result<String, SigningKeyError> {
    key.sign("at+jwt", claims)
}

/// Signs an ID token.
pub fn issue_id(key: &SigningKey, claims: &IdClaims) -> Result<String, SigningKeyError> {
    key.sign("JWT", claims)
}

/// Signs a logout token.
pub fn issue_logout(
    key: &SigningKey,
    logout: &Logout,
    now: Timestamp,
) -> Result<String, SigningKeyError> {
    let mut claims = json!({
        "iss": logout.issuer,
        "aud": logout.client,
        "iat": now.as_second(),
        "exp": (now + LOGOUT_LIFETIME).as_second(),
        "jti": logout.jti,
        "sub": logout.subject,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    if let Some(session) = &logout.session {
        claims["sid"] = json!(session);
    }
    key.sign("logout+jwt", &claims)
}

/// `at_hash`: the left half of the hash that belongs to the ID token's algorithm (OpenID Connect Core §3.1.3.6); SHA-512 for
/// Ed25519.
pub fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => &digest::SHA256,
        Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 => &digest::SHA384,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(hash, access_token.as_bytes());
    BASE64URL_NOPAD.encode(&digest.as_ref()[..digest.as_ref().len() / 2])
}

/// The claims of an access token of this server that has not expired. Whom it is for, whether its grant was taken back, and its
/// binding ([`crate::bearer::check_binding`]) are the caller's to check.
pub fn verify_access(
    token: &str,
    keys: &KeySet,
    issuer: &str,
    now: Timestamp,
) -> Result<AccessClaims, TokenError> {
    let claims: AccessClaims = verify(token, keys, "at+jwt")?;
    if claims.iss != issuer {
        return Err(TokenError::Issuer);
    }
    if claims.exp > now.as_second() { Ok(claims) } else { Err(TokenError::Expired) }
}

/// The claims of an ID token of this server, expired or not: a hint (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2).
pub fn verify_hint(token: &str, keys: &KeySet, issuer: &str) -> Result<IdClaims, TokenError> {
    let claims: IdClaims = verify(token, keys, "JWT")?;
    if claims.iss == issuer { Ok(claims) } else { Err(TokenError::Issuer) }
}

fn verify<C: serde::de::DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    typ: &str,
) -> Result<C, TokenError> {
    let token = Compact::parse(token)?;
    if token.header.typ.as_deref() != Some(typ) {
        return Err(TokenError::Type);
    }
    let key =
        token.header.kid.as_deref().and_then(|id| keys.find(id)).ok_or(TokenError::UnknownKey)?;
    Ok(token.verify(key)?)
}

#[cfg(test)]
mod tests;
