//! The connection policy in memory: what decides, and the signed copy that enforcement points are given.
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use imp_authenticator::{SignError, Signer};
use imp_connection::{Asked, Decision, Inventory, Policy, PolicyCopy, PolicyError, SignedPolicy};
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::{SpiffeId, TrustDomain};
use imp_storage::{Storage, StorageError};
use jiff::{SignedDuration, Timestamp};

use crate::store::Tables as _;

/// How old a copy may be when it is handed out again.
const REUSE: SignedDuration = SignedDuration::from_hours(1);

/// What decides now. Cheap to share; whoever has one decides by it, whatever changes meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The policy in force.
    pub(crate) policy: Policy,
    /// The machines in use.
    pub(crate) inventory: Inventory,
    /// The number of entries of the log up to the last that it reflects; `None` before anything was read.
    reflects: Option<u64>,
}

/// The policy and the machines as they were read last, and the copy that was signed last.
pub(crate) struct Connections {
    current: RwLock<Arc<Snapshot>>,
    signed: Mutex<Option<Copy>>,
    /// How long a copy counts.
    lifetime: SignedDuration,
}

/// A signed copy.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    reflects: u64,
    issued_at: Timestamp,
    pub(crate) jws: Arc<SignedPolicy>,
}

/// There is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyPolicyError {
    /// See the source.
    #[error("could not sign the connection policy")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not say what one machine may know of the connection policy")]
    Part(#[from] PolicyError),
    /// See the source.
    #[error("could not read the connection policy")]
    Storage(#[from] StorageError),
}

impl Snapshot {
    /// Whether a connection is expected.
    pub(crate) fn decide(&self, asked: &Asked<'_>) -> Decision {
        self.inventory.decide(&self.policy, asked)
    }

    /// Whether a machine enforces the policy for others: a gateway, or a shared workstation.
    fn stands_in_front(&self, machine: &SpiffeId) -> bool {
        let class = self.inventory.party(machine).map(|party| party.class);
        matches!(
            class,
            Some(DeviceClass::Gateway | DeviceClass::LegacyGateway | DeviceClass::Workstation)
        )
    }
}

impl Copy {
    /// Names it, for `ETag` (RFC 9110 §8.8.3).
    pub(crate) fn tag(&self) -> String {
        format!("\"{}-{}\"", self.reflects, self.issued_at.as_microsecond())
    }
}

impl Connections {
    /// Expects nothing until something is read.
    pub(crate) fn new(domain: TrustDomain, lifetime: SignedDuration) -> Self {
        let (policy, inventory) = (Policy::empty(), Inventory::new(domain, []));
        let current = RwLock::new(Arc::new(Snapshot { policy, inventory, reflects: None }));
        Self { current, signed: Mutex::new(None), lifetime }
    }

    /// What decides now, from memory.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads policy and machines if the log says that they changed.
    pub(crate) async fn refresh(&self, storage: &Storage) -> Result<Arc<Snapshot>, StorageError> {
        let mut reading = storage.read().await?;
        let reflects = Some(reading.connections().reflects().await?);
        let current = self.snapshot();
        if current.reflects == reflects {
            return Ok(current);
        }
        let policy = reading.connections().current().await?.policy;
        let domain = current.inventory.trust_domain().clone();
        let members = reading.connections().members(&domain).await?;
        let inventory = Inventory::new(domain, members);
        let read = Arc::new(Snapshot { policy, inventory, reflects });
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Another may have read later, and come here earlier.
        if current.reflects < reflects {
            current.clone_from(&read);
        }
        Ok(read)
    }

    /// The signed copy for a machine: the whole one where connections of others are decided, else what is about that machine, so
    /// that a stolen pump is no map of the hospital. `None` when the one of `tag` is still good. Every process of an installation names a copy in the same way,
    /// so that a machine that asks one and then another is not given an older copy.
    pub(crate) async fn copy(
        &self,
        storage: &Storage,
        (signer, now): (&dyn Signer, Timestamp),
        (machine, tag): (&SpiffeId, Option<&str>),
    ) -> Result<Option<Copy>, CopyPolicyError> {
        let snapshot = self.refresh(storage).await?;
        let reflects = snapshot.reflects.unwrap_or_default();
        let is_fresh = |at: Timestamp| at <= now && now < at + REUSE;
        if tag.and_then(read_tag).is_some_and(|(of, at)| of == reflects && is_fresh(at)) {
            return Ok(None);
        }
        let copy = PolicyCopy {
            policy: snapshot.policy.clone(),
            inventory: snapshot.inventory.clone(),
            issued_at: now,
            valid_until: now + self.lifetime,
        };
        if !snapshot.stands_in_front(machine) {
            let jws = copy.of(machine)?.sign(signer.public_key(), |it| signer.sign(it))?;
            return Ok(Some(Copy { reflects, issued_at: now, jws: Arc::new(jws) }));
        }
        let last = self.signed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = last.filter(|copy| copy.reflects == reflects && is_fresh(copy.issued_at));
        if last.is_some() {
            return Ok(last);
        }
        let jws = copy.sign(signer.public_key(), |message| signer.sign(message))?;
        let copy = Copy { reflects, issued_at: now, jws: Arc::new(jws) };
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy.clone());
        Ok(Some(copy))
    }
}

/// What a tag says: the entries that the copy reflects, and when it was made.
fn read_tag(tag: &str) -> Option<(u64, Timestamp)> {
    let tag = tag.trim().trim_start_matches("W/");
    let (reflects, at) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    Some((reflects.parse().ok()?, Timestamp::from_microsecond(at.parse().ok()?).ok()?))
}
