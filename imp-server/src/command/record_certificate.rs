//! Recording that a certificate was issued.
use imp_authenticator::SignError;
use imp_identity::spiffe::Machine;
use imp_identity::{Actor, Event};
use imp_storage::StorageError;

use super::receipt::About;
use super::{Certificate, Context};
use crate::store::Tables as _;

/// The certificate is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordCertificateError {
    /// See the source.
    #[error("could not sign the receipt")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not record the certificate")]
    Storage(#[from] StorageError),
}

/// Records a certificate before it is handed out. Answers the signed receipt.
pub async fn record_certificate(
    context: &mut Context<'_>,
    actor: Actor,
    certificate: Certificate,
) -> Result<Vec<u8>, RecordCertificateError> {
    let mut transaction = context.storage.begin().await?;
    transaction.certificates().add(&certificate).await?;
    let Certificate { serial, spiffe_id: machine, expires_at, .. } = certificate;
    let workstation = match machine.machine {
        Machine::Workstation(id) => transaction.workstations().find(id).await?,
        Machine::Phone(_) | Machine::Device(_) => None,
    };
    let event = Event::CertificateIssued { machine, serial, expires_at };
    let kind = event.name();
    let appended = context.append(&mut transaction, &actor, event).await?;
    let about =
        About { kind, user: None, workstation: workstation.as_ref(), purpose: None, session: None };
    let receipt = context.receipt(appended, &about)?;
    transaction.commit().await?;
    Ok(receipt)
}
