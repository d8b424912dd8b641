//! Proof of possession: `DPoP` (RFC 9449) and certificates (RFC 8705).
use imp_oauth::OAuthError;
use imp_oauth::dpop::{self, DpopError, Proof};
use imp_oauth::tokens::Confirmation;

use super::body::single;
use super::client::{Asked, show_once};
use super::refused::Refused;
use crate::app::App;
use crate::oauth::RegisteredClient;

/// What a proof must be about.
pub(crate) struct About<'a> {
    /// The request's method.
    pub(crate) method: &'a str,
    /// The path, as the contract names it.
    pub(crate) path: &'a str,
    /// The access token that comes with it.
    pub(crate) access_token: Option<&'a str>,
}

/// The proof in the request's `DPoP` header, if there is one. It counts once.
pub(crate) async fn read(
    app: &App,
    asked: &Asked<'_>,
    about: &About<'_>,
) -> Result<Option<Proof>, Refused> {
    let Some(header) = single(asked.headers(), "dpop")? else { return Ok(None) };
    let now = app.now();
    let expected = dpop::Expected {
        method: about.method,
        url: &format!("{}{}", app.oauth.issuer(), about.path),
        access_token: about.access_token,
        nonces: Some(app.oauth.nonces()),
        now,
    };
    let proof = dpop::verify(header, &expected).map_err(|error| refuse(app, error))?;
    if !show_once(app, proof.replay, proof.until).await? {
        return Err(refuse(app, DpopError::Replayed));
    }
    Ok(Some(proof))
}

fn refuse(app: &App, error: DpopError) -> Refused {
    Refused::from(OAuthError::from(error)).with_nonce(app.oauth.nonces().nonce(app.now()))
}

/// What tokens of a client are bound to: the key of its proof, or its certificate if it is registered for that. Refuses what
/// a client that is registered for bound tokens asks for without a key.
pub(crate) fn confirmation(
    asked: &Asked<'_>,
    client: &RegisteredClient,
    proof: Option<&Proof>,
) -> Result<Option<Confirmation>, OAuthError> {
    let metadata = &client.metadata;
    if metadata.dpop_bound && proof.is_none() {
        return Err(OAuthError::request("the client is registered for DPoP: a proof is needed"));
    }
    let x5t_s256 = match (metadata.certificate_bound, asked.certificate()) {
        (false, _) => None,
        (true, Some(certificate)) => Some(certificate.thumbprint()),
        (true, None) => {
            let text =
                "the client is registered for certificate-bound tokens: a certificate is needed";
            return Err(OAuthError::request(text));
        }
    };
    let jkt = proof.map(|proof| proof.jkt);
    let bound = jkt.is_some() || x5t_s256.is_some();
    Ok(bound.then_some(Confirmation { jkt, x5t_s256 }))
}
