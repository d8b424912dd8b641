//! Pushed authorization requests (RFC 9126).
use imp_identity::{Digest, Secret};
use jiff::SignedDuration;
use rand_core::CryptoRng;
use serde::Serialize;

use crate::authorize::Refusal;
use crate::error::{ErrorCode, OAuthError};
use crate::form::Form;
use crate::opaque::Kind;

/// How long a pushed request waits for its browser.
pub const LIFETIME: SignedDuration = SignedDuration::from_secs(90);

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The answer to a pushed request (§2.2), with status 201.
#[derive(Debug, Serialize)]
pub struct Pushed {
    /// What the browser brings.
    pub request_uri: Secret<String>,
    /// Seconds.
    pub expires_in: i64,
    /// For the database.
    #[serde(skip)]
    pub digest: Digest,
}

impl Pushed {
    /// A name for a request that was taken.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let token = Kind::Pushed.generate(rng);
        let request_uri = Secret::new(format!("{PREFIX}{}", token.token.expose()));
        Self { request_uri, expires_in: LIFETIME.as_secs(), digest: token.digest }
    }
}

/// What an authorization request with `request_uri` names: the digest of a pushed request, which is used once. Nothing when
/// there is no `request_uri`.
pub fn pushed(form: &Form) -> Result<Option<Digest>, OAuthError> {
    let Some(uri) = form.get("request_uri") else { return Ok(None) };
    let Some(token) = uri.strip_prefix(PREFIX) else { return Ok(None) };
    let digest = Kind::Pushed.digest_of(token);
    digest.map(Some).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidRequestUri, "request_uri is not one of this server")
    })
}

/// A pushed request must not name another (§2.1).
pub fn check(form: &Form) -> Result<(), OAuthError> {
    match form.get("request_uri") {
        Some(_) => Err(OAuthError::request("request_uri cannot be pushed")),
        None => Ok(()),
    }
}

/// The direct answer for a pushed request that was not taken (§2.3).
pub fn refusal(refusal: Refusal) -> OAuthError {
    match refusal {
        Refusal::Page(error) => error,
        Refusal::Return(answer) => {
            let find = |name| {
                answer
                    .parameters
                    .iter()
                    .find(|(own, _)| *own == name)
                    .map(|(_, value)| value.as_str())
            };
            let code = ErrorCode::from_code(find("error").unwrap_or_default())
                .unwrap_or(ErrorCode::InvalidRequest);
            OAuthError::new(code, find("error_description").unwrap_or_default().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_pushed_request_is_found_by_its_name() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let made = Pushed::generate(&mut rng);
        let form = |uri: &str| Form::from_pairs([("request_uri".to_owned(), uri.to_owned())]);
        assert_eq!(pushed(&form(made.request_uri.expose())), Ok(Some(made.digest)));
        assert_eq!(
            pushed(&form(&format!("{PREFIX}x"))).unwrap_err().code,
            ErrorCode::InvalidRequestUri
        );
        // Another sort of request_uri: authorize::validate says that it is not offered.
        assert_eq!(pushed(&form("https://a.example/")), Ok(None));
        assert_eq!(check(&form("urn:x")).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
