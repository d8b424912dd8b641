//! Demonstrating proof of possession (RFC 9449).
mod nonce;

use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::Url;

use crate::error::{ErrorCode, OAuthError};
use crate::jose::{Compact, Jwk, JwsError, Thumbprint};

pub use nonce::NonceKey;

/// How old a proof may be.
pub const MAX_AGE: SignedDuration = SignedDuration::from_secs(60);
/// How far ahead the client's clock may be.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(10);

/// What a proof is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's URL, without query, as the outside names it.
    pub url: &'a str,
    /// The access token that the request brings: none at the token endpoint.
    pub access_token: Option<&'a str>,
    /// Where nonces are wanted: their key.
    pub nonces: Option<&'a NonceKey>,
    /// The time.
    pub now: Timestamp,
}

/// A proof that holds, if nobody brought it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key's thumbprint: what tokens are bound to.
    pub jkt: Thumbprint,
    /// To be remembered until `until`: refuse with [`DpopError::Replayed`] when it is known already.
    pub replay: Digest,
    /// When it may be forgotten.
    pub until: Timestamp,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// It is no signed token, or its own key did not sign it.
    #[error("the DPoP proof is not believed")]
    Token(#[from] JwsError),
    /// `typ` is not `dpop+jwt`.
    #[error("the DPoP proof has another type")]
    Type,
    /// `jwk` is missing or no public key.
    #[error("the DPoP proof has no usable key")]
    Key,
    /// `htm` or `htu` names another request.
    #[error("the DPoP proof is for another request")]
    Request,
    /// `ath` belongs to another token, or is missing.
    #[error("the DPoP proof is for another access token")]
    AccessToken,
    /// `iat` is too old or lies ahead.
    #[error("the DPoP proof is too old or from the future")]
    Time,
    /// `jti` is missing, empty or longer than 256.
    #[error("the DPoP proof has no usable jti")]
    Jti,
    /// There is no nonce, or an old one (§8).
    #[error("the DPoP proof needs the nonce of the DPoP-Nonce header")]
    Nonce,
    /// It was used before.
    #[error("the DPoP proof was used before")]
    Replayed,
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        let code = match error {
            DpopError::Nonce => ErrorCode::UseDpopNonce,
            DpopError::Token(_)
            | DpopError::Type
            | DpopError::Key
            | DpopError::Request
            | DpopError::AccessToken
            | DpopError::Time
            | DpopError::Jti
            | DpopError::Replayed => ErrorCode::InvalidDpopProof,
        };
        Self::new(code, error.to_string())
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// Verifies the one `DPoP` header of a request (§4.3).
pub fn verify(header: &str, expected: &Expected<'_>) -> Result<Proof, DpopError> {
    let token = Compact::parse(header)?;
    if token.header.typ.as_deref() != Some("dpop+jwt") {
        return Err(DpopError::Type);
    }
    let key = token.header.jwk.as_ref().ok_or(DpopError::Key)?;
    let key = Jwk::from_json(key).map_err(|_| DpopError::Key)?;
    let claims: Claims = token.verify(&key)?;
    if claims.htm != expected.method || !same_resource(&claims.htu, expected.url) {
        return Err(DpopError::Request);
    }
    check_access_token(claims.ath.as_deref(), expected.access_token)?;
    if let Some(nonces) = expected.nonces
        && !claims.nonce.is_some_and(|nonce| nonces.accepts(&nonce, expected.now))
    {
        return Err(DpopError::Nonce);
    }
    let issued_at = instant(claims.iat).ok_or(DpopError::Time)?;
    // Durations cannot overflow, whatever `iat` is; the sum below cannot after this.
    let age = expected.now.duration_since(issued_at);
    if age > MAX_AGE || age < -LEEWAY {
        return Err(DpopError::Time);
    }
    if !(1..=256).contains(&claims.jti.len()) {
        return Err(DpopError::Jti);
    }
    let jkt = key.thumbprint();
    let replay = Digest::of(&[jkt.digest().as_bytes(), claims.jti.as_bytes()]);
    Ok(Proof { jkt, replay, until: issued_at + MAX_AGE + LEEWAY })
}

/// `ath` of an access token.
pub fn ath(access_token: &str) -> String {
    BASE64URL_NOPAD.encode(Digest::of(&[access_token.as_bytes()]).as_bytes())
}

fn check_access_token(ath: Option<&str>, access_token: Option<&str>) -> Result<(), DpopError> {
    let Some(access_token) = access_token else { return Ok(()) };
    let given = ath.and_then(|ath| BASE64URL_NOPAD.decode(ath.as_bytes()).ok());
    let given = given.and_then(|bytes| Digest::try_from(bytes.as_slice()).ok());
    if given == Some(Digest::of(&[access_token.as_bytes()])) {
        Ok(())
    } else {
        Err(DpopError::AccessToken)
    }
}

/// A `NumericDate` may have a fraction (RFC 7519 §2).
fn instant(seconds: f64) -> Option<Timestamp> {
    let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(duration).ok()
}

/// §4.3, step 9: without query and fragment, after normalisation (RFC 3986 §6.2.2, §6.2.3).
fn same_resource(claimed: &str, url: &str) -> bool {
    let normal = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    claimed.len() <= 2000 && normal(claimed).is_some() && normal(claimed) == normal(url)
}

#[cfg(test)]
mod tests;
