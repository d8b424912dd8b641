//! When a certificate should be renewed (RFC 9773 §4.2).
use imp_pki::acme::CertificateId;
use imp_pki::acme::renewal::suggested_window;
use imp_storage::Storage;
use jiff::Timestamp;

use super::policy::PolicyRefusal;
use super::{AcmeError, refuse};
use crate::store::Tables as _;

/// Between which instants a certificate should be renewed. Anybody may ask, as clients do without an account.
pub(crate) async fn acme_renewal_window(
    storage: &Storage,
    id: &CertificateId,
) -> Result<(Timestamp, Timestamp), AcmeError> {
    let unknown = || refuse(PolicyRefusal::Unknown);
    let found = storage.read().await?.certificates().find_by_serial(&id.serial()).await?;
    let found = found.ok_or_else(unknown)?;
    let issuance = found.issuance.as_ref().ok_or_else(unknown)?;
    if CertificateId::of(&issuance.der).as_ref() != Some(id) {
        return Err(unknown());
    }
    let revoked_at = found.withdrawal.as_ref().map(|it| it.at);
    Ok(suggested_window(issuance.not_before, found.expires_at, revoked_at))
}
