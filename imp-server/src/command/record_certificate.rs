//! Recording that a certificate was issued.
use imp_identity::{Actor, Event};
use imp_storage::StorageError;

use super::{Certificate, Context};
use crate::store::Tables as _;

/// Records a certificate before it is handed out.
pub async fn record_certificate(
    context: &mut Context<'_>,
    actor: Actor,
    certificate: Certificate,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    transaction.certificates().add(&certificate).await?;
    let Certificate { serial, spiffe_id: machine, expires_at } = certificate;
    let event = Event::CertificateIssued { machine, serial, expires_at };
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await
}
