//! Lists of what no longer counts (CRLs, RFC 5280 §5).
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use imp_pki::ocsp::Validity;
use imp_pki::{CrlOrder, RevokedSerial};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::Revision;
use crate::app::App;
use crate::ca::{IssuingAuthority, KeysError};
use crate::store::{Certificate, Tables as _};

/// Which list: an authority's, whole or a partition of it.
type Scope = ([u8; 32], Option<u32>);

/// The latest lists.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    kept: RwLock<HashMap<Scope, (Revision, Arc<List>)>>,
    /// One signs; whoever wants the same list waits for it.
    turn: tokio::sync::Mutex<()>,
}

/// A signed list.
#[derive(Debug)]
pub(crate) struct List {
    /// `CertificateList` in DER.
    pub(crate) der: Bytes,
    /// When it counts.
    pub(crate) validity: Validity,
}

/// There is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// See the source.
    #[error("the list could not be signed")]
    Sign(#[from] KeysError),
    /// See the source.
    #[error("could not read what no longer counts")]
    Storage(#[from] StorageError),
}

impl Lists {
    /// The list of an authority: what is kept, if nothing has changed since and less than half of its time is over.
    pub(crate) async fn find(
        &self,
        app: &App,
        authority: &IssuingAuthority,
        partition: Option<u32>,
    ) -> Result<Arc<List>, ListError> {
        let scope = (*authority.digest.as_bytes(), partition);
        let revision = app.revocation.revision(&app.storage).await?;
        if let Some(list) = self.young(&scope, &revision, app.now()) {
            return Ok(list);
        }
        let _turn = self.turn.lock().await;
        // Somebody may have made it while we waited.
        let revision = app.revocation.revision(&app.storage).await?;
        if let Some(list) = self.young(&scope, &revision, app.now()) {
            return Ok(list);
        }
        let list = Arc::new(make(app, authority, partition).await?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(scope, (revision, list.clone()));
        Ok(list)
    }

    /// The list that is kept, if nothing has changed since and less than half of its time is over.
    fn young(&self, scope: &Scope, revision: &Revision, now: Timestamp) -> Option<Arc<List>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (made, list) = kept.get(scope)?;
        let Validity { this_update, next_update } = list.validity;
        let half = next_update.duration_since(this_update) / 2;
        let is_young =
            *made == *revision && now < next_update.checked_sub(half).unwrap_or(next_update);
        is_young.then(|| list.clone())
    }
}

async fn make(
    app: &App,
    authority: &IssuingAuthority,
    partition: Option<u32>,
) -> Result<List, ListError> {
    let this_update = app.now();
    let mut transaction = app.storage.read().await?;
    let revoked =
        transaction.certificates().all_revoked(&authority.digest, partition, this_update).await?;
    drop(transaction);
    let minutes = i64::from(app.config.revocation.crl_minutes);
    let next_update = this_update + SignedDuration::from_mins(minutes);
    let url = partition.and_then(|part| app.config.devices.crl_url(&authority.short, part));
    let revoked: Vec<RevokedSerial> = revoked.into_iter().filter_map(serial).collect();
    let order = CrlOrder {
        // Greater than every one before, whichever replica made it (RFC 5280 §5.2.3).
        number: u64::try_from(this_update.as_microsecond()).unwrap_or_default(),
        this_update,
        next_update,
        partition_url: url.as_deref(),
        revoked: &revoked,
    };
    let der = app.keys.crl(&authority.digest, &order)?.into();
    Ok(List { der, validity: Validity { this_update, next_update } })
}

fn serial(certificate: Certificate) -> Option<RevokedSerial> {
    let withdrawal = certificate.withdrawal?;
    Some(RevokedSerial { serial: certificate.serial, at: withdrawal.at, reason: withdrawal.reason })
}
