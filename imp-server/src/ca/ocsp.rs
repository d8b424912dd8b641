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

impl OcspSigner {
    /// Whether it is time for the next one.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.certificate.renew_after() <= now
    }
}

impl Keys {
    /// Who answers for an authority, unless its certificate has expired or does not count yet.
    pub(crate) fn ocsp_signer(&self, issuer: &Digest, now: Timestamp) -> Option<Arc<OcspSigner>> {
        let known = self.responders.0.read().unwrap_or_else(PoisonError::into_inner);
        let usable = |it: &&Arc<OcspSigner>| {
            it.issuer == *issuer
                && it.certificate.not_before() <= now
                && now < it.certificate.expires_at()
        };
        known.iter().find(usable).cloned()
    }

    /// Makes a key that answers for an authority, and its certificate. It does not answer before [`Keys::appoint`].
    pub(crate) fn new_ocsp_signer(
        &self,
        issuer: &Digest,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<OcspSigner, KeysError> {
        let authorities = self.authorities();
        let authority = authorities.find(issuer).ok_or(KeysError::NoAuthority)?;
        let key = Key::generate()?;
        let (profile, public) = (Profile::OcspResponder, key.public_key());
        let certificate = authority.issuer.issue(&profile, public, LIFETIME, now, rng)?;
        Ok(OcspSigner { issuer: *issuer, certificate, key })
    }

    /// It answers from now on.
    pub(crate) fn appoint(&self, signer: OcspSigner) -> Arc<OcspSigner> {
        let signer = Arc::new(signer);
        let mut known = self.responders.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|it| it.issuer != signer.issuer);
        known.push(signer.clone());
        signer
    }
}
