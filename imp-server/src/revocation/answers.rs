//! Answers by OCSP (RFC 6960).
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use imp_identity::Digest;
use imp_pki::MalformedCertificate;
use imp_pki::ocsp::{CertificateId, IssuerId, OcspError, OcspRequest, ResponseSigner};
use imp_pki::ocsp::{OcspRefusal, Standing, Validity};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::Revision;
use crate::app::{self, App};
use crate::ca::IssuingAuthority;
use crate::command::{self, AppointSignerError};
use crate::store::{Certificate, Tables as _};

/// Signed answers, by what is asked.
#[derive(Debug)]
pub(crate) struct Answers {
    most: usize,
    kept: RwLock<Kept>,
    offices: RwLock<HashMap<[u8; 32], Arc<Office>>>,
}

#[derive(Debug, Default)]
struct Kept {
    revision: Revision,
    answers: HashMap<Vec<u8>, Arc<Answered>>,
}

/// Who answers for one authority.
#[derive(Debug)]
struct Office {
    issuer: IssuerId,
    /// The serial number of the signer's certificate, which changes from time to time.
    serial: String,
    signer: ResponseSigner,
}

/// A signed answer.
#[derive(Debug)]
pub(crate) struct Answered {
    /// `OCSPResponse` in DER.
    pub(crate) der: Bytes,
    /// When it counts.
    pub(crate) validity: Validity,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It is asked about certificates of others, or of several authorities at once.
    #[error("the certificates are not of one authority of this server")]
    NotOurs,
    /// See the source.
    #[error("nobody can answer for the authority")]
    Signer(#[from] AppointSignerError),
    /// See the source.
    #[error("the authority's certificate cannot be read")]
    Authority(#[from] MalformedCertificate),
    /// See the source.
    #[error("the answer could not be made")]
    Sign(#[from] OcspError),
    /// See the source.
    #[error("could not read how the certificate stands")]
    Storage(#[from] StorageError),
}

impl AnswerError {
    /// How OCSP says it.
    pub(crate) const fn refusal(&self) -> OcspRefusal {
        match self {
            Self::NotOurs => OcspRefusal::Unauthorized,
            Self::Storage(StorageError::Busy)
            | Self::Signer(AppointSignerError::Storage(StorageError::Busy)) => {
                OcspRefusal::TryLater
            }
            Self::Signer(_) | Self::Authority(_) | Self::Sign(_) | Self::Storage(_) => {
                OcspRefusal::InternalError
            }
        }
    }
}

impl Answers {
    /// Keeps at most so many.
    pub(super) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { most, kept: RwLock::default(), offices: RwLock::default() }
    }

    /// The answer that is kept, if it was made from this revision and counts for long enough.
    fn find(&self, key: &[u8], revision: &Revision, now: Timestamp) -> Option<Arc<Answered>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.revision != *revision {
            return None;
        }
        kept.answers.get(key).filter(|answered| answered.is_young(now)).cloned()
    }

    fn keep(&self, key: Vec<u8>, revision: &Revision, answered: Arc<Answered>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.revision != *revision {
            kept.answers.clear();
            kept.revision.clone_from(revision);
        }
        if kept.answers.len() < self.most || kept.answers.contains_key(&key) {
            kept.answers.insert(key, answered);
        }
    }

    /// Throws away what is over or was made from another revision, so that there is room for others.
    pub(crate) fn prune(&self, revision: &Revision, now: Timestamp) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.revision != *revision {
            kept.answers.clear();
            kept.revision.clone_from(revision);
        }
        kept.answers.retain(|_, answered| now < answered.validity.next_update);
    }

    /// Who answers for an authority now.
    async fn office(
        &self,
        app: &App,
        authority: &IssuingAuthority,
    ) -> Result<Arc<Office>, AnswerError> {
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let signer = command::renew_ocsp_signer(context, &app.keys, &authority.digest).await?;
        let found = {
            let known = self.offices.read().unwrap_or_else(PoisonError::into_inner);
            known.get(authority.digest.as_bytes()).cloned()
        };
        if let Some(office) = found.filter(|office| office.serial == signer.certificate.serial()) {
            return Ok(office);
        }
        let office = Arc::new(Office {
            issuer: IssuerId::of(&authority.certificate)?,
            serial: signer.certificate.serial().to_owned(),
            signer: ResponseSigner::new(&signer.certificate, &signer.key)?,
        });
        let mut offices = self.offices.write().unwrap_or_else(PoisonError::into_inner);
        offices.insert(*authority.digest.as_bytes(), office.clone());
        Ok(office)
    }

    /// The authority that all of these are about, and who answers for it.
    async fn responsible(
        &self,
        app: &App,
        ids: &[CertificateId],
    ) -> Result<(Digest, Arc<Office>), AnswerError> {
        for authority in app.keys.issuers() {
            let office = self.office(app, &authority).await?;
            if ids.iter().all(|id| office.issuer.is_of(id)) {
                return Ok((authority.digest, office));
            }
        }
        Err(AnswerError::NotOurs)
    }

    /// Answers a request: with what is kept, if it is about one certificate and has no nonce.
    pub(crate) async fn answer(
        &self,
        app: &App,
        request: &OcspRequest,
    ) -> Result<Arc<Answered>, AnswerError> {
        let revision = app.revocation.revision(&app.storage).await?;
        let anybodys = match request.ids() {
            [id] if !request.has_nonce() => Some(id.key()),
            _ => None,
        };
        if let Some(key) = &anybodys
            && let Some(kept) = self.find(key, &revision, app.now())
        {
            return Ok(kept);
        }
        let (authority, office) = self.responsible(app, request.ids()).await?;
        let mut standings = Vec::with_capacity(request.ids().len());
        let mut transaction = app.storage.read().await?;
        for id in request.ids() {
            let found = match id.serial() {
                Some(serial) => transaction.certificates().status(&serial).await?,
                None => None,
            };
            standings.push((id, standing(found.as_ref(), authority)));
        }
        drop(transaction);
        let validity = validity(app);
        let nonce = request.has_nonce().then_some(request);
        let der = office.signer.answer(&standings, validity, nonce)?.into();
        let answered = Arc::new(Answered { der, validity });
        // Who asks about what was never issued must not push out what was.
        if let (Some(key), [(_, Standing::Good | Standing::Revoked { .. })]) =
            (anybodys, standings.as_slice())
        {
            self.keep(key, &revision, answered.clone());
        }
        Ok(answered)
    }

    /// Signs the usual question about each of `certificates` before anybody asks it, unless that was done lately. How many.
    pub(crate) async fn prepare(
        &self,
        app: &App,
        authority: &IssuingAuthority,
        (revision, certificates): (&Revision, &[Certificate]),
    ) -> Result<usize, AnswerError> {
        let office = self.office(app, authority).await?;
        let (validity, mut signed) = (validity(app), 0);
        for certificate in certificates {
            let Some(id) = office.issuer.question(&certificate.serial) else { continue };
            let key = id.key();
            if self.find(&key, revision, app.now()).is_some() {
                continue;
            }
            let standing = standing(Some(certificate), authority.digest);
            let der = office.signer.answer(&[(&id, standing)], validity, None)?.into();
            self.keep(key, revision, Arc::new(Answered { der, validity }));
            signed += 1;
            // Others want to be answered in between.
            tokio::task::yield_now().await;
        }
        Ok(signed)
    }

    /// How many could still be kept beside what is.
    pub(crate) fn room(&self) -> usize {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).answers.len();
        self.most.saturating_sub(kept)
    }
}

impl Answered {
    /// Whether less than half of its time is over.
    fn is_young(&self, now: Timestamp) -> bool {
        let Validity { this_update, next_update } = self.validity;
        let half = next_update.duration_since(this_update) / 2;
        now < next_update.checked_sub(half).unwrap_or(next_update)
    }
}

fn validity(app: &App) -> Validity {
    let this_update = app.now();
    let minutes = i64::from(app.config.revocation.ocsp_minutes);
    Validity { this_update, next_update: this_update + SignedDuration::from_mins(minutes) }
}

/// How a certificate stands that an authority is asked about.
fn standing(found: Option<&Certificate>, authority: Digest) -> Standing {
    let issued_here = |certificate: &&Certificate| {
        certificate.issuance.as_ref().is_some_and(|issuance| issuance.issuer == authority)
    };
    match found.filter(issued_here).map(|certificate| &certificate.withdrawal) {
        None => Standing::Unknown,
        Some(None) => Standing::Good,
        Some(Some(withdrawal)) => {
            Standing::Revoked { at: withdrawal.at, reason: withdrawal.reason }
        }
    }
}
