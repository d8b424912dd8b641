//! Saying that a certificate no longer counts, or is held, or counts again.
use imp_identity::device::{CertificateRevocation, Lifecycle};
use imp_identity::phone::Revocation;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};

use super::{Certificate, Context, Withdrawal};
use crate::store::Tables as _;

/// The certificate was not revoked or reinstated.
#[derive(Debug, thiserror::Error)]
pub enum RevokeCertificateError {
    /// There is no such certificate.
    #[error("there is no such certificate")]
    NotFound,
    /// It has expired.
    #[error("this certificate has expired")]
    Expired,
    /// It was revoked for good.
    #[error("this certificate was revoked already")]
    AlreadyRevoked,
    /// It is not held.
    #[error("this certificate is not held")]
    NotHeld,
    /// The device is suspended, in quarantine, or retired.
    #[error(
        "the device is suspended, in quarantine, or retired: its certificates are held with it"
    )]
    DeviceHeld,
    /// See the source.
    #[error("could not store the revocation")]
    Storage(#[from] StorageError),
}

/// Revokes a certificate for good, or holds it ([`CertificateRevocation::CertificateHold`]).
pub async fn revoke_certificate(
    context: &mut Context<'_>,
    actor: Actor,
    serial: &str,
    reason: CertificateRevocation,
) -> Result<(), RevokeCertificateError> {
    let mut transaction = context.storage.begin().await?;
    let found = find(&mut transaction, context, serial).await?;
    if !may_become(&found, reason) {
        return Err(RevokeCertificateError::AlreadyRevoked);
    }
    revoke(context, &mut transaction, &actor, &found, reason).await?;
    if reason == CertificateRevocation::KeyCompromise {
        revoke_same_key(context, &mut transaction, &actor, &found).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whoever knows a key can show every certificate for it: a machine that renews with its key has several.
async fn revoke_same_key(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    compromised: &Certificate,
) -> Result<(), StorageError> {
    let reason = CertificateRevocation::KeyCompromise;
    let Some(key) = compromised.issuance.as_ref().map(|issuance| issuance.key) else {
        return Ok(());
    };
    for other in transaction.certificates().of(&compromised.spiffe_id).await? {
        let is_same = other.issuance.as_ref().is_some_and(|issuance| issuance.key == key);
        let counts = other.serial != compromised.serial && context.now < other.expires_at;
        if is_same && counts && may_become(&other, reason) {
            revoke(context, transaction, actor, &other, reason).await?;
        }
    }
    Ok(())
}

/// Lets a certificate that was held count again.
pub async fn reinstate_certificate(
    context: &mut Context<'_>,
    actor: Actor,
    serial: &str,
) -> Result<(), RevokeCertificateError> {
    let mut transaction = context.storage.begin().await?;
    let found = find(&mut transaction, context, serial).await?;
    if !is_held(&found) {
        return Err(RevokeCertificateError::NotHeld);
    }
    if let Machine::Device(id) = found.spiffe_id.machine {
        let device = transaction.devices().find(id).await?;
        if device.is_some_and(|device| device.state != Lifecycle::Active) {
            return Err(RevokeCertificateError::DeviceHeld);
        }
    }
    reinstate(context, &mut transaction, &actor, &found).await?;
    transaction.commit().await?;
    Ok(())
}

async fn find(
    transaction: &mut Transaction,
    context: &Context<'_>,
    serial: &str,
) -> Result<Certificate, RevokeCertificateError> {
    let found = transaction.certificates().find_by_serial(serial).await?;
    let found = found.ok_or(RevokeCertificateError::NotFound)?;
    if found.expires_at <= context.now {
        return Err(RevokeCertificateError::Expired);
    }
    Ok(found)
}

/// Whether it is held, not revoked.
pub(super) fn is_held(certificate: &Certificate) -> bool {
    let hold = CertificateRevocation::CertificateHold;
    certificate.withdrawal.is_some_and(|withdrawal| withdrawal.reason == hold)
}

/// Whether a certificate can be withdrawn for a reason: what is held may be revoked, what is revoked stays so.
pub(super) fn may_become(certificate: &Certificate, reason: CertificateRevocation) -> bool {
    match certificate.withdrawal {
        None => true,
        Some(_) => is_held(certificate) && reason != CertificateRevocation::CertificateHold,
    }
}

/// Stores that a certificate is withdrawn, and the event.
pub(super) async fn revoke(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    certificate: &Certificate,
    reason: CertificateRevocation,
) -> Result<(), StorageError> {
    let withdrawal = Withdrawal { at: context.now, reason };
    transaction.certificates().withdraw(&certificate.serial, Some(withdrawal)).await?;
    crate::revocation::changed(transaction, context.rng).await?;
    let (machine, serial) = (certificate.spiffe_id.clone(), certificate.serial.clone());
    let event = Event::CertificateRevoked { machine, serial, reason };
    context.append(transaction, actor, event).await?;
    Ok(())
}

/// Revokes whatever certificate of a machine has not expired: the machine itself counts no longer.
pub(super) async fn revoke_all_of(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    machine: Machine,
    reason: Revocation,
) -> Result<(), StorageError> {
    let reason = match reason {
        Revocation::Lost => CertificateRevocation::KeyCompromise,
        Revocation::Superseded => CertificateRevocation::Superseded,
        Revocation::Administrator | Revocation::Erased => {
            CertificateRevocation::CessationOfOperation
        }
    };
    let machine = SpiffeId { trust_domain: context.trust_domain.clone(), machine };
    for certificate in transaction.certificates().of(&machine).await? {
        if context.now < certificate.expires_at && may_become(&certificate, reason) {
            revoke(context, transaction, actor, &certificate, reason).await?;
        }
    }
    Ok(())
}

/// Stores that a certificate counts again, and the event.
pub(super) async fn reinstate(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    certificate: &Certificate,
) -> Result<(), StorageError> {
    transaction.certificates().withdraw(&certificate.serial, None).await?;
    crate::revocation::changed(transaction, context.rng).await?;
    let (machine, serial) = (certificate.spiffe_id.clone(), certificate.serial.clone());
    let event = Event::CertificateReinstated { machine, serial };
    context.append(transaction, actor, event).await?;
    Ok(())
}
