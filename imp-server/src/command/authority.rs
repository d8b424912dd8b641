//! What issues certificates to devices: the keys, and the rules of this installation.
use imp_identity::{Actor, Digest, Event};
use imp_pki::Certificate;
use imp_storage::{StorageError, Transaction};

use super::Context;
use crate::ca::Keys;
use crate::config::DevicesConfig;
use crate::store::Tables as _;

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
    certificate: &Certificate,
) -> Result<(), StorageError> {
    let event = event(certificate.digest(), certificate.subject().to_owned());
    let mut transaction = context.storage.begin().await?;
    if matches!(event, Event::AuthorityMade { .. }) {
        transaction.settings().put(&setting(certificate), "recorded").await?;
    }
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await
}

/// Records the authorities that have no entry yet: the root and the first issuing one, whose keys are made before there is
/// a log. How many there were.
pub(crate) async fn record_new_authorities(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
) -> Result<u32, StorageError> {
    let Some(Authority { keys, .. }) = context.authority else { return Ok(0) };
    let issuers = keys.issuers();
    let all = std::iter::once(keys.root()).chain(issuers.iter().map(|it| &it.certificate));
    let mut recorded = 0;
    for made in all {
        let name = setting(made);
        if transaction.settings().find(&name).await?.is_some() {
            continue;
        }
        transaction.settings().put(&name, "recorded").await?;
        let (certificate, subject) = (made.digest(), made.subject().to_owned());
        let event = Event::AuthorityMade { certificate, subject };
        context.append(transaction, &Actor::Server, event).await?;
        recorded += 1;
    }
    Ok(recorded)
}

/// The name of the setting that says that an authority has its entry.
fn setting(authority: &Certificate) -> String {
    format!("authority-{}", authority.digest())
}
