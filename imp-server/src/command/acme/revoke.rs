//! Revocation by a client (RFC 8555 §7.6).
use imp_identity::Actor;
use imp_identity::spiffe::Machine;
use imp_pki::acme::revocation::{Revocation, RevocationError};
use imp_pki::acme::{AccountKey, CertificateId};

use super::{AcmeClient, AcmeError, refuse};
use crate::command::{self, Context, RevokeCertificateError};
use crate::store::Tables as _;

/// Who wants a certificate to be revoked.
pub(crate) enum Revoker<'a> {
    /// An account: the one that ordered it, or one that may order for its device.
    Account(&'a AcmeClient),
    /// Whoever has this key: the certificate's.
    Key(&'a AccountKey),
}

/// Revokes a certificate.
pub(crate) async fn revoke_acme_certificate(
    context: &mut Context<'_>,
    revoker: Revoker<'_>,
    payload: &[u8],
) -> Result<(), AcmeError> {
    let wanted = Revocation::parse(payload).map_err(refuse)?;
    let unknown = || refuse(RevocationError::Unknown);
    let id = CertificateId::of(&wanted.certificate).ok_or_else(unknown)?;
    let serial = id.serial();
    let mut reading = context.storage.read().await?;
    let found = reading.certificates().find_by_serial(&serial).await?.ok_or_else(unknown)?;
    if found.issuance.as_ref().is_none_or(|it| it.der != wanted.certificate) {
        return Err(unknown());
    }
    let Machine::Device(device) = found.spiffe_id.machine else { return Err(unknown()) };
    let may = match revoker {
        Revoker::Key(key) => wanted.is_by(key),
        Revoker::Account(client) => {
            let order = reading.acme().find_order_of(&serial).await?;
            client.devices.contains(&device)
                || order.is_some_and(|order| order.account == client.account.id)
        }
    };
    drop(reading);
    if !may {
        return Err(refuse(RevocationError::NotYours).about(device));
    }
    match command::revoke_certificate(context, Actor::Server, &serial, wanted.reason).await {
        // What has expired counts no longer anyway.
        Ok(()) | Err(RevokeCertificateError::Expired) => Ok(()),
        Err(RevokeCertificateError::AlreadyRevoked) => Err(refuse(RevocationError::Already)),
        Err(RevokeCertificateError::NotFound) => Err(unknown()),
        Err(error) => Err(AcmeError::Revoke(error)),
    }
}
