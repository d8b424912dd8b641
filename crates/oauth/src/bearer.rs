//! How access tokens are brought (RFC 6750, RFC 9449 §7), and what they are bound to.
use imp_identity::Secret;

use crate::client::authentication::credentials;
use crate::dpop::Proof;
use crate::error::{ErrorCode, OAuthError};
use crate::form::Form;
use crate::mtls::Certificate;
use crate::tokens::Confirmation;

/// The scheme under which a token is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has it may use it.
    Bearer,
    /// Whoever has its key may.
    Dpop,
}

/// An access token that a request brings.
#[derive(Debug)]
pub struct BroughtToken {
    /// How.
    pub scheme: Scheme,
    /// The token.
    pub token: Secret<String>,
}

impl Scheme {
    /// As in `Authorization` and `token_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// Reads the token from the `Authorization` header or, where `body` is given, from a form (RFC 6750 §2.2). Never from a query:
/// those are logged. Two at once are refused.
pub fn read(
    authorization: Option<&str>,
    body: Option<&Form>,
) -> Result<Option<BroughtToken>, OAuthError> {
    let scheme = |scheme: Scheme| {
        let token = credentials(authorization?, scheme.name())?;
        Some(BroughtToken { scheme, token: Secret::new(token.to_owned()) })
    };
    let header = scheme(Scheme::Bearer).or_else(|| scheme(Scheme::Dpop));
    let form = body.and_then(|form| form.get("access_token"));
    match (header, form) {
        (Some(_), Some(_)) => Err(OAuthError::request("the access token is brought twice")),
        (Some(token), None) => Ok(Some(token)),
        (None, Some(token)) => {
            Ok(Some(BroughtToken { scheme: Scheme::Bearer, token: Secret::new(token.to_owned()) }))
        }
        (None, None) => Ok(None),
    }
}

/// `invalid_token` unless whoever brings the token has the key that it is bound to. A bound token is not a bearer token, and
/// a proof does not make a bearer token a bound one (RFC 9449 §7.1, RFC 8705 §3).
pub fn check_binding(
    confirmation: Option<&Confirmation>,
    scheme: Scheme,
    proof: Option<&Proof>,
    certificate: Option<&Certificate>,
) -> Result<(), OAuthError> {
    let refuse = |text: &'static str| Err(OAuthError::new(ErrorCode::InvalidToken, text));
    let jkt = confirmation.and_then(|confirmation| confirmation.jkt);
    match (jkt, scheme, proof) {
        (None, Scheme::Bearer, _) => {}
        (Some(bound), Scheme::Dpop, Some(proof)) if proof.jkt == bound => {}
        (Some(_), Scheme::Bearer, _) => {
            return refuse("the token is bound to a key: DPoP is needed");
        }
        (Some(_), Scheme::Dpop, _) => return refuse("the token is bound to another key"),
        (None, Scheme::Dpop, _) => return refuse("the token is not bound to a key"),
    }
    match confirmation.and_then(|confirmation| confirmation.x5t_s256.as_deref()) {
        None => Ok(()),
        Some(bound) if certificate.is_some_and(|certificate| certificate.is(bound)) => Ok(()),
        Some(_) => refuse("the token is bound to another certificate"),
    }
}

/// `WWW-Authenticate` for a request that was refused (RFC 6750 §3, RFC 9449 §7.1); without an error for one that brought
/// nothing.
pub fn challenge(scheme: Scheme, error: Option<&OAuthError>) -> String {
    let mut header = format!("{} realm=\"imp\"", scheme.name());
    if let Some(error) = error {
        // OAuthError keeps quotes and backslashes out of descriptions.
        for part in
            [", error=\"", error.code.code(), "\", error_description=\"", &error.description, "\""]
        {
            header.push_str(part);
        }
    }
    if scheme == Scheme::Dpop {
        header.push_str(", algs=\"ES256 EdDSA ES384 RS256 PS256\"");
    }
    header
}

#[cfg(test)]
mod tests {
    use imp_identity::Digest;
    use jiff::Timestamp;

    use super::*;
    use crate::jose::Thumbprint;

    #[test]
    fn a_token_is_brought_once_and_not_in_a_query() {
        let form = Form::parse(b"access_token=b").unwrap();
        let token = read(Some("bearer a"), None).unwrap().unwrap();
        assert_eq!((token.scheme, token.token.expose().as_str()), (Scheme::Bearer, "a"));
        assert_eq!(read(Some("DPoP a"), None).unwrap().unwrap().scheme, Scheme::Dpop);
        assert_eq!(read(None, Some(&form)).unwrap().unwrap().token.expose(), "b");
        assert!(
            read(Some("Basic a"), None).unwrap().is_none() && read(None, None).unwrap().is_none()
        );
        assert_eq!(
            read(Some("Bearer a"), Some(&form)).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
    }

    #[test]
    fn a_bound_token_needs_its_key() {
        let proof = |byte| Proof {
            jkt: Thumbprint::from_digest(Digest::from_bytes([byte; 32])),
            replay: Digest::of(&[]),
            until: Timestamp::UNIX_EPOCH,
        };
        let by_key = Confirmation { jkt: Some(proof(1).jkt), x5t_s256: None };
        check_binding(Some(&by_key), Scheme::Dpop, Some(&proof(1)), None).unwrap();
        check_binding(Some(&by_key), Scheme::Dpop, Some(&proof(2)), None).unwrap_err();
        check_binding(Some(&by_key), Scheme::Dpop, None, None).unwrap_err();
        check_binding(Some(&by_key), Scheme::Bearer, Some(&proof(1)), None).unwrap_err();
        check_binding(None, Scheme::Bearer, None, None).unwrap();
        check_binding(None, Scheme::Dpop, Some(&proof(1)), None).unwrap_err();

        let certificate = Certificate::of(b"a");
        let by_certificate = Confirmation { jkt: None, x5t_s256: Some(certificate.thumbprint()) };
        check_binding(Some(&by_certificate), Scheme::Bearer, None, Some(&certificate)).unwrap();
        check_binding(Some(&by_certificate), Scheme::Bearer, None, Some(&Certificate::of(b"b")))
            .unwrap_err();
        check_binding(Some(&by_certificate), Scheme::Bearer, None, None).unwrap_err();
    }

    #[test]
    fn challenges_are_written_as_the_rfc_says() {
        assert_eq!(challenge(Scheme::Bearer, None), "Bearer realm=\"imp\"");
        let error = OAuthError::new(ErrorCode::InvalidToken, "the \"token\" expired");
        assert_eq!(
            challenge(Scheme::Bearer, Some(&error)),
            "Bearer realm=\"imp\", error=\"invalid_token\", error_description=\"the 'token' expired\""
        );
    }
}
