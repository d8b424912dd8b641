//! The connection policy as this gateway knows it: a signed copy, also without the server until its time is over.
use std::sync::{Arc, PoisonError, RwLock};

use imp_api::{Client, ClientError};
use imp_connection::{CopyError, Decision, Edition, Pinned, PolicyCopy, Protocol, SignedPolicy};
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::machine::{Device, StoredDevice};
use crate::state::{StateDirectory, StateError};

const COPY: &str = "policy.jws";
const EDITION: &str = "policy-edition.json";

/// The copy, in memory and in the state folder.
pub(super) struct Enforcement {
    state: StateDirectory,
    copy: RwLock<Option<Arc<PolicyCopy>>>,
    tag: RwLock<Option<String>>,
    changed: watch::Sender<u64>,
}

/// What the copy says of a connection.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A rule expects it.
    Expected,
    /// None does, for this reason.
    Unexpected(&'static str),
    /// There is no copy that counts now.
    Undecided,
}

/// There is no new copy.
#[derive(Debug, thiserror::Error)]
pub enum EnforcementError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server was not asked, or said no.
    #[error("the server gave no copy of the connection policy")]
    Server(#[from] ClientError),
    /// What it gave does not count.
    #[error("the copy of the connection policy cannot be used")]
    Copy(#[from] CopyError),
}

/// What sort of machine the copy that is kept in a folder says that this is, if there is one.
pub(crate) fn class_of(
    state: &StateDirectory,
    device: &Device,
    machine: &SpiffeId,
    now: Timestamp,
) -> Option<DeviceClass> {
    Enforcement::open(state.clone(), &device.stored, now).ok()?.class(machine)
}

impl Enforcement {
    /// Takes up the copy that an earlier run left behind, if it still counts.
    pub(super) fn open(
        state: StateDirectory,
        device: &StoredDevice,
        now: Timestamp,
    ) -> Result<Self, EnforcementError> {
        let copy = match state.read(COPY)? {
            Some(jws) => Self::read(&state, device, &jws, now)
                .inspect_err(|error| tracing::warn!(%error, "the kept policy cannot be used"))
                .ok(),
            None => None,
        };
        let copy = RwLock::new(copy.map(Arc::new));
        Ok(Self { state, copy, tag: RwLock::default(), changed: watch::Sender::new(0) })
    }

    fn read(
        state: &StateDirectory,
        device: &StoredDevice,
        jws: &[u8],
        now: Timestamp,
    ) -> Result<PolicyCopy, EnforcementError> {
        let seen: Option<Edition> = state.read_json(EDITION)?;
        let keys = device.statement_keys();
        let trust_domain = &device.enrolled.spiffe_id.trust_domain;
        Ok(SignedPolicy::parse(jws)?.verify(Pinned { trust_domain, keys: &keys }, now, seen)?)
    }

    /// Whether the copy expects a TCP connection to `port` of `to`.
    pub(super) fn decide(
        &self,
        from: &SpiffeId,
        to: &SpiffeId,
        port: u16,
        now: Timestamp,
    ) -> Verdict {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(copy) = copy.filter(|copy| copy.is_current(now)) else {
            return Verdict::Undecided;
        };
        match copy.decide(from, to, (Protocol::Tcp, port), now) {
            Decision::Expected { .. } => Verdict::Expected,
            Decision::Unexpected { reason } => Verdict::Unexpected(reason.word()),
        }
    }

    /// Until when the copy counts, and which version it is.
    pub(super) fn standing(&self) -> Option<(u32, Timestamp)> {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner).clone();
        copy.map(|copy| (copy.edition().version, copy.valid_until))
    }

    /// What sort of machine the copy says that this is. It need not be current: a class does not change with a rule.
    pub(super) fn class(&self, machine: &SpiffeId) -> Option<DeviceClass> {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner).clone();
        copy?.inventory.party(machine).map(|party| party.class)
    }

    /// Says when there is another copy.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Asks the server for a later copy.
    pub(super) async fn refresh(
        &self,
        client: &Client,
        device: &StoredDevice,
        now: Timestamp,
    ) -> Result<(), EnforcementError> {
        let tag = self.tag.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(fetched) = client.connection_policy(tag.as_deref()).await? else {
            return Ok(());
        };
        let copy = Self::read(&self.state, device, &fetched.jws, now)?;
        // The edition first: with it alone, an older copy is refused; the other way round, it would not be.
        self.state.write_json(EDITION, &copy.edition())?;
        self.state.write(COPY, &fetched.jws)?;
        *self.copy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(copy));
        *self.tag.write().unwrap_or_else(PoisonError::into_inner) = fetched.tag;
        self.changed.send_modify(|copies| *copies += 1);
        Ok(())
    }
}
