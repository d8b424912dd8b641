//! What issues certificates to devices: the keys, and the rules of this installation.
use imp_identity::{Actor, Digest, Event};
use imp_storage::StorageError;

use super::Context;
use crate::ca::Keys;
use crate::config::DevicesConfig;

/// The keys and the rules.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// Sign.
    pub keys: &'a Keys,
    /// Say who may be given what.
    pub rules: &'a DevicesConfig,
}

/// The same, for those who keep them.
pub struct OwnAuthority {
    /// Sign.
    pub keys: Keys,
    /// Say who may be given what.
    pub rules: DevicesConfig,
}

impl OwnAuthority {
    /// For a context.
    pub const fn lend(&self) -> Authority<'_> {
        Authority { keys: &self.keys, rules: &self.rules }
    }
}

/// Records that the authorities were changed: that one was made, vouched for by another root, or retired.
pub async fn record_authority(
    context: &mut Context<'_>,
    actor: &Actor,
    event: impl FnOnce(Digest, String) -> Event,
    certificate: &imp_pki::Certificate,
) -> Result<(), StorageError> {
    let event = event(certificate.digest(), certificate.subject().to_owned());
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await
}
