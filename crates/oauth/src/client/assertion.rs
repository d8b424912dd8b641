//! Assertions of clients (RFC 7523 §3, OpenID Connect Core §9, SMART App Launch 2.2 "Backend Services").
use imp_identity::ClientId;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::audience::Audience;
use crate::error::OAuthError;
use crate::jose::{Algorithm, Compact, JwkSet, JwsError};

/// `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long before its end an assertion may be presented: SMART says five minutes.
pub const MAX_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How wrong a client's clock may be.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(30);

/// An assertion that holds, if nobody used it before: the caller remembers `jti` of this client until `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its name.
    pub jti: String,
    /// When it may be forgotten.
    pub until: Timestamp,
}

/// Why an assertion does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is no signed token, or not signed by the client.
    #[error("the client assertion is not believed")]
    Token(#[from] JwsError),
    /// Another algorithm was registered.
    #[error("the client assertion uses another algorithm than was registered")]
    Algorithm,
    /// `iss` and `sub` must both name the client (RFC 7523 §3).
    #[error("the client assertion is not by and about the client")]
    Parties,
    /// `aud` names somebody else.
    #[error("the client assertion is for somebody else")]
    Audience,
    /// `exp` has passed, lies too far ahead, or `nbf` or `iat` lies ahead.
    #[error("the client assertion has expired, does not count yet, or lives longer than 5 minutes")]
    Time,
    /// `jti` is missing, empty or longer than 256.
    #[error("the client assertion has no usable jti")]
    Jti,
}

impl From<AssertionError> for OAuthError {
    fn from(error: AssertionError) -> Self {
        Self::client(error.to_string())
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client.
    pub client: ClientId,
    /// The algorithm, where one was registered.
    pub algorithm: Option<Algorithm>,
    /// The issuer and the URLs of endpoints: what `aud` may name.
    pub audiences: &'a [&'a str],
    /// The time.
    pub now: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    jti: Option<String>,
}

/// Whom an assertion is about, if it is true: to look its keys up.
pub fn subject(assertion: &str) -> Result<ClientId, AssertionError> {
    #[derive(Deserialize)]
    struct Subject {
        sub: ClientId,
    }
    let claims: Subject = Compact::parse(assertion)?.unverified()?;
    Ok(claims.sub)
}

/// Verifies an assertion with the client's keys.
pub fn verify(
    assertion: &str,
    keys: &JwkSet,
    expected: &Expected<'_>,
) -> Result<Verified, AssertionError> {
    let token = Compact::parse(assertion)?;
    if expected.algorithm.is_some_and(|algorithm| token.header.alg != algorithm.code()) {
        return Err(AssertionError::Algorithm);
    }
    let claims: Claims = token.verify_with(keys)?;
    let client = expected.client.to_string();
    if claims.iss != client || claims.sub != client {
        return Err(AssertionError::Parties);
    }
    if !expected.audiences.iter().any(|audience| claims.aud.names(audience)) {
        return Err(AssertionError::Audience);
    }
    let expires_at = Timestamp::from_second(claims.exp).map_err(|_| AssertionError::Time)?;
    let latest = expected.now + LEEWAY;
    let begun = |at: Option<i64>| at.is_none_or(|at| at <= latest.as_second());
    // Durations cannot overflow, whatever `exp` is; the sum below cannot after this.
    let left = expires_at.duration_since(expected.now);
    let lives = left > -LEEWAY && left <= MAX_LIFETIME + LEEWAY;
    if !lives || !begun(claims.nbf) || !begun(claims.iat) {
        return Err(AssertionError::Time);
    }
    let jti = claims.jti.filter(|jti| (1..=256).contains(&jti.len())).ok_or(AssertionError::Jti)?;
    Ok(Verified { jti, until: expires_at + LEEWAY })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::SigningKey;

    const ISSUER: &str = "https://imp.example";
    const CLIENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn check(claims: &Value, algorithm: Option<Algorithm>) -> Result<Verified, AssertionError> {
        let document = SigningKey::generate(Algorithm::Es256).unwrap();
        let key = SigningKey::from_pkcs8(Algorithm::Es256, document.expose()).unwrap();
        let assertion = key.sign("JWT", claims).unwrap();
        let keys = JwkSet(vec![key.public().clone()]);
        let token = format!("{ISSUER}/oauth/token");
        let expected = Expected {
            client: CLIENT.parse().unwrap(),
            algorithm,
            audiences: &[ISSUER, &token],
            now: now(),
        };
        assert_eq!(
            subject(&assertion).ok().map(|id| id.to_string()).as_deref(),
            claims["sub"].as_str()
        );
        verify(&assertion, &keys, &expected)
    }

    fn claims(changes: &Value) -> Value {
        let exp = now().as_second() + 60;
        let mut claims =
            json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "exp": exp, "jti": "1"});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    #[test]
    fn a_good_assertion_is_believed_and_remembered() {
        let verified =
            check(&claims(&json!({"aud": [format!("{ISSUER}/oauth/token")]})), None).unwrap();
        assert_eq!(verified.jti, "1");
        assert_eq!(verified.until, now() + SignedDuration::from_secs(90));
        check(&claims(&json!({})), Some(Algorithm::Es256)).unwrap();
    }

    #[test]
    fn assertions_for_others_of_others_and_of_other_times_are_refused() {
        let at = now().as_second();
        let other = "01890a5d-ac96-774b-bcce-b302099a8058";
        for (changes, why) in [
            (json!({"iss": other}), AssertionError::Parties),
            (json!({"sub": other}), AssertionError::Parties),
            (json!({"aud": "https://imp.example.evil"}), AssertionError::Audience),
            (json!({"aud": []}), AssertionError::Audience),
            (json!({"exp": at - 30}), AssertionError::Time),
            (json!({"exp": at + 331}), AssertionError::Time),
            (json!({"exp": i64::MAX}), AssertionError::Time),
            (json!({"exp": Timestamp::MAX.as_second()}), AssertionError::Time),
            (json!({"exp": Timestamp::MIN.as_second()}), AssertionError::Time),
            (json!({"nbf": at + 31}), AssertionError::Time),
            (json!({"iat": at + 31}), AssertionError::Time),
            (json!({"jti": ""}), AssertionError::Jti),
            (json!({"jti": null}), AssertionError::Jti),
            (json!({"exp": "soon"}), AssertionError::Token(JwsError::Claims)),
        ] {
            assert_eq!(check(&claims(&changes), None), Err(why), "{changes}");
        }
        assert_eq!(
            check(&claims(&json!({})), Some(Algorithm::Rs384)),
            Err(AssertionError::Algorithm)
        );
    }
}
