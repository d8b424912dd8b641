//! The roster: who may tap, signed, for workstations to resolve phones and to work without the server.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imp_authenticator::offline::{LONGEST_POLICY, OfflinePerson, OfflineTerms, Workplace};
use imp_authenticator::{Roster, RosterEntry, SignError};
use imp_identity::WorkstationId;
use imp_identity::policy::Policy;
use imp_storage::{StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::store::{RosterRow, Tables as _};

/// How long a roster counts: a workstation without the server goes on for so long.
const LIFETIME: SignedDuration = SignedDuration::from_hours(4);
/// How old a roster may be when it is handed out again.
const REUSE: SignedDuration = SignedDuration::from_mins(30);

/// The roster that was signed last. The server holds one.
#[derive(Debug, Default)]
pub struct RosterCache(Mutex<Option<Signed>>);

#[derive(Clone, Debug)]
struct Signed {
    /// The number of entries up to the last that it reflects.
    reflects: u64,
    issued_at: Timestamp,
    bytes: Arc<[u8]>,
}

/// There is no roster for the workstation.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// It is not enrolled, or was revoked.
    #[error("this workstation is not enrolled")]
    WorkstationRevoked,
    /// See the source.
    #[error("could not sign the roster")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not read the roster")]
    Storage(#[from] StorageError),
}

impl RosterCache {
    fn find(&self, reflects: u64, now: Timestamp) -> Option<Arc<[u8]>> {
        let signed = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let fresh = signed.issued_at <= now && now < signed.issued_at + REUSE;
        (fresh && signed.reflects == reflects).then_some(signed.bytes)
    }

    fn keep(&self, signed: Signed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(signed);
    }
}

/// The signed roster (`COSE_Sign1`) for a workstation: as it is now, or the one signed within the last half hour if nothing
/// in it has changed.
pub async fn roster(
    context: &Context<'_>,
    cache: &RosterCache,
    workstation: WorkstationId,
) -> Result<Arc<[u8]>, RosterError> {
    let mut transaction = context.storage.read().await?;
    let workstation = transaction.workstations().find(workstation).await?;
    if workstation.is_none_or(|workstation| workstation.public_key().is_none()) {
        return Err(RosterError::WorkstationRevoked);
    }
    let reflects = transaction.entries().last_of_roster().await?;
    if let Some(bytes) = cache.find(reflects, context.now) {
        return Ok(bytes);
    }
    let roster = compile(context, &mut transaction).await?;
    let bytes: Arc<[u8]> = roster.sign(context.signer)?.into();
    cache.keep(Signed { reflects, issued_at: context.now, bytes: Arc::clone(&bytes) });
    Ok(bytes)
}

async fn compile(
    context: &Context<'_>,
    transaction: &mut Transaction,
) -> Result<Roster, StorageError> {
    let policy = transaction.policies().current().await?;
    let bound = transaction.phones().bound().await?;
    let offline = match policy.offline {
        Some(time) => offline(&policy, context.now + time, &bound, transaction).await?,
        None => None,
    };
    let lifetime = policy.offline.map_or(LIFETIME, |time| time.max(LIFETIME));
    Ok(Roster {
        trust_domain: context.trust_domain.clone(),
        issued_at: context.now,
        expires_at: context.now + lifetime,
        entries: bound.into_iter().map(entry).collect(),
        policy_version: policy.version,
        offline,
    })
}

/// By what workstations decide while they cannot ask.
async fn offline(
    policy: &Policy,
    until: Timestamp,
    bound: &[RosterRow],
    transaction: &mut Transaction,
) -> Result<Option<OfflineTerms>, StorageError> {
    let json = serde_json::to_vec(policy).unwrap_or_default();
    if json.is_empty() || json.len() > LONGEST_POLICY {
        tracing::warn!("the policy is too long for rosters: no workstation decides on its own");
        return Ok(None);
    }
    let failures: HashMap<_, _> = transaction.attempts().all().await?.into_iter().collect();
    let person = |row: &RosterRow| OfflinePerson {
        phone: row.phone,
        role: row.user.role,
        unit: row.user.unit.clone(),
        failures: failures.get(&row.user.id).copied().unwrap_or_default(),
    };
    let workplaces = transaction.workstations().enrolled().await?;
    let workplaces =
        workplaces.into_iter().map(|(workstation, unit)| Workplace { workstation, unit });
    Ok(Some(OfflineTerms {
        until,
        policy: json,
        workplaces: workplaces.collect(),
        people: bound.iter().map(person).collect(),
    }))
}

fn entry(row: RosterRow) -> RosterEntry {
    RosterEntry {
        phone: row.phone,
        user: row.user.id,
        username: row.user.username.to_string(),
        display_name: row.user.display_name.to_string(),
        identifier_key: row.binding.identifier_key,
        public_key: row.binding.public_key,
        reference: row.reference,
        active: row.user.is_active(),
    }
}
