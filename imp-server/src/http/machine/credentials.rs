//! Certificates for machines.
use imp_api::machine::Credentials;
use imp_identity::Actor;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_pki::{CertificateRequest, IssueError, PublicKey};

use crate::app::{self, App};
use crate::ca::Signed;
use crate::command::{self, RecordCertificateError};
use crate::http::{ProblemResponse, problem};

/// The certificate was not handed out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// See the source.
    #[error("the certificate could not be issued")]
    Issue(#[from] IssueError),
    /// See the source.
    #[error("the certificate could not be recorded")]
    Record(#[from] RecordCertificateError),
}

/// The key of a request whose signature verifies.
pub(crate) fn requested_key(der: &[u8]) -> Result<PublicKey, ProblemResponse> {
    match CertificateRequest::verify(der) {
        Ok(request) => Ok(request.public_key().clone()),
        Err(error) => Err(problem::CERTIFICATE_REQUEST_INVALID.because(&error)),
    }
}

/// Issues a certificate that names `machine`, records it, and says whom to trust.
pub(crate) async fn issue(
    app: &App,
    actor: Actor,
    machine: Machine,
    key: &PublicKey,
) -> Result<Credentials, CredentialsError> {
    let mut rng = app::rng();
    let spiffe_id = SpiffeId { trust_domain: app.keys.trust_domain().clone(), machine };
    let signed = app.keys.issue(spiffe_id.clone(), key, app.now(), &mut rng)?;
    let record = command::certificate_row(&signed, spiffe_id.clone(), "machine", 0, key.as_spki());
    let receipt = command::record_certificate(&mut app.context(&mut rng), actor, record).await?;
    let Signed { certificate: issued, issuer } = signed;
    let (renew_after, expires_at) = (issued.renew_after(), issued.expires_at());
    let issuing = issuer.certificate.der().to_vec();
    Ok(Credentials {
        spiffe_id,
        certificate_chain: vec![issued.into_der().into(), issuing.into()],
        trust_anchors: app.keys.anchors().roots.into_iter().map(Into::into).collect(),
        statement_keys: vec![app.keys.statement_key().public_key().to_vec().into()],
        log_key: Some(app.keys.log_key().verifier_key().to_string()),
        receipt: Some(receipt.into()),
        renew_after,
        expires_at,
    })
}

impl From<CredentialsError> for ProblemResponse {
    fn from(error: CredentialsError) -> Self {
        match &error {
            CredentialsError::Issue(_)
            | CredentialsError::Record(RecordCertificateError::Sign(_)) => {
                problem::internal(&error)
            }
            CredentialsError::Record(RecordCertificateError::Storage(source)) => {
                problem::storage(&error, source)
            }
        }
    }
}
