//! Those who answer by OCSP in an authority's place. Their keys live in memory only and are made anew before they expire.
use std::sync::{Arc, PoisonError, RwLock};

use imp_identity::Digest;
use imp_pki::{Certificate, Key, Profile};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

use super::{Keys, KeysError};

/// How long a responder's certificate counts. Nobody asks whether it still does (RFC 6960 §4.2.2.2.1), so not for long.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A responder's key, and the certificate by which an issuing authority lets it answer.
pub struct OcspSigner {
    /// Whose certificates it answers for.
    pub issuer: Digest,
    /// Signed by that authority.
    pub certificate: Certificate,
    /// Signs the answers.
    pub key: Key,
}

/// One responder an authority.
#[derive(Default)]
pub(super) struct Responders(RwLock<Vec<Arc<OcspSigner>>>);

impl Keys {
    /// Who answers for an authority now.
    pub fn ocsp_signer(
        &self,
        issuer: &Digest,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Arc<OcspSigner>, KeysError> {
        let known = self.responders.0.read().unwrap_or_else(PoisonError::into_inner);
        let usable = |it: &&Arc<OcspSigner>| {
            it.issuer == *issuer
                && now < it.certificate.renew_after()
                && it.certificate.not_before() <= now
        };
        if let Some(found) = known.iter().find(usable) {
            return Ok(found.clone());
        }
        drop(known);
        let authorities = self.authorities();
        let authority = authorities.find(issuer).ok_or(KeysError::NoAuthority)?;
        let key = Key::generate()?;
        let profile = Profile::OcspResponder;
        let public = key.public_key();
        let certificate = authority.issuer.issue(&profile, public, LIFETIME, now, rng)?;
        let signer = Arc::new(OcspSigner { issuer: *issuer, certificate, key });
        let mut known = self.responders.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|it| it.issuer != *issuer);
        known.push(signer.clone());
        Ok(signer)
    }
}
