//! Verifies what comes in: by whom it is, and that it was not there before.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imp_authenticator::Peer;
use imp_authenticator::tls::{CertificateProblem, Machines};
use imp_identity::Digest;
use imp_identity::connection::MessageRefusal;
use imp_identity::spiffe::SpiffeId;
use imp_message::memory::{InvalidMemory, NotAdmitted};
use imp_message::{
    Authentic, Expected, Memory, MemoryLimits, Order, Refused, Signatory, Signature, Trust, verify,
};
use jiff::{SignedDuration, Timestamp};

use super::revocations::Revocations;
use crate::state::{StateDirectory, StateError};

const FILE: &str = "received.json";
/// How far ahead the validity of a chain is looked at, so that not each message costs a path.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_secs(60);
const MOST_CHAINS: usize = 256;
/// Longer than any route lets a message be old, and a clock be ahead, together.
const SILENCE: SignedDuration = SignedDuration::from_hours(26);

/// What was accepted, in memory and in the state folder.
pub(super) struct Incoming {
    state: StateDirectory,
    memory: Mutex<Memory>,
    trust: CachedTrust,
    revocations: Arc<Revocations>,
}

/// What arrived, and what is expected of it.
pub(super) struct Arrived {
    pub(super) signature: String,
    pub(super) payload: Vec<u8>,
    pub(super) receiver: SpiffeId,
    pub(super) senders: Vec<SpiffeId>,
    pub(super) subject: Option<String>,
    pub(super) oldest: SignedDuration,
    pub(super) ahead: SignedDuration,
    /// Whether it has a place among the messages of its stream. An answer has none: it is bound to the one message that it answers.
    pub(super) has_place: bool,
}

/// A message that is accepted.
pub(super) struct Taken {
    pub(super) authentic: Authentic,
    pub(super) payload: Vec<u8>,
}

/// A message that is not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error(transparent)]
    Refused(Refused),
    #[error("the sender has to go on after sequence {0}")]
    Resume(u64),
    #[error(transparent)]
    Failed(#[from] IncomingError),
}

/// Messages cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// What was received cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file is damaged.
    #[error("what was received cannot be read: {FILE} is damaged")]
    Damaged(#[from] InvalidMemory),
    /// It cannot be written.
    #[error("what was received cannot be written")]
    Json(#[from] serde_json::Error),
    /// Too many streams.
    #[error("there are more senders or streams than are remembered")]
    Full,
}

const LIMITS: MemoryLimits = MemoryLimits { senders: 1024, streams: 2048, silence: Some(SILENCE) };

impl Incoming {
    /// Takes up what an earlier run left behind.
    pub(super) fn open(
        state: StateDirectory,
        revocations: Arc<Revocations>,
    ) -> Result<Self, IncomingError> {
        let memory = match state.read(FILE)? {
            Some(json) => Memory::from_json(&json, LIMITS)?,
            None => Memory::new(LIMITS),
        };
        let (memory, trust) = (Mutex::new(memory), CachedTrust::default());
        Ok(Self { state, memory, trust, revocations })
    }

    /// Verifies a message and gives it its place, which is on the disk before this returns.
    pub(super) async fn take(
        self: &Arc<Self>,
        machines: &Arc<Machines>,
        arrived: Arrived,
        now: Timestamp,
    ) -> Result<Taken, NotTaken> {
        let (incoming, machines) = (Arc::clone(self), Arc::clone(machines));
        let work = move || incoming.take_now(&machines, arrived, now);
        let taken = tokio::task::spawn_blocking(work).await;
        taken.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn take_now(
        &self,
        machines: &Machines,
        arrived: Arrived,
        now: Timestamp,
    ) -> Result<Taken, NotTaken> {
        let malformed = Refused { reason: MessageRefusal::Malformed, sender: None };
        let signature =
            Signature::read(&arrived.signature).map_err(|_| NotTaken::Refused(malformed))?;
        let expected = Expected {
            receiver: &arrived.receiver,
            senders: Some(&arrived.senders),
            subject: arrived.subject.as_deref(),
            oldest: Some(arrived.oldest),
            ahead: arrived.ahead,
        };
        let revocations = &self.revocations;
        let trust = RememberedTrust { cache: &self.trust, machines, revocations };
        let authentic = verify(&signature, &arrived.payload, &expected, &trust, now);
        let authentic = authentic.map_err(|error| {
            tracing::debug!(error = %error, "a message is not authentic");
            let sender = Some(signature.claim().sender.clone());
            NotTaken::Refused(Refused { reason: error.reason(), sender })
        })?;
        if arrived.has_place {
            self.admit(&authentic, now)?;
        } else {
            authentic.timely().map_err(|reason| NotTaken::Refused(authentic.refused(reason)))?;
        }
        Ok(Taken { authentic, payload: arrived.payload })
    }

    fn admit(&self, authentic: &Authentic, now: Timestamp) -> Result<(), NotTaken> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let before = memory.place(authentic);
        let admitted =
            memory.admit(authentic, Order::Strict, now).map_err(|error| match error {
                NotAdmitted::Refused(reason) => NotTaken::Refused(authentic.refused(reason)),
                NotAdmitted::Resume { after } => NotTaken::Resume(after),
                NotAdmitted::Full => NotTaken::Failed(IncomingError::Full),
            })?;
        if admitted.missed > 0 {
            let (stream, missed) = (authentic.stream(), admitted.missed);
            tracing::info!(%stream, missed, "sequences were left out");
        }
        if admitted.store_first
            && let Err(error) = self.store(&memory)
        {
            // Not delivered, so not taken: and nothing is promised that the file does not say.
            memory.put_back(authentic, before);
            return Err(error.into());
        }
        Ok(())
    }

    fn store(&self, memory: &Memory) -> Result<(), IncomingError> {
        Ok(self.state.write(FILE, &memory.to_json(false)?)?)
    }

    /// Writes that nothing is accepted any more.
    pub(super) fn settle(&self) -> Result<(), IncomingError> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.state.write(FILE, &memory.to_json(true)?)?)
    }
}

/// Trusts the machines of the installation, each time by the whole path.
pub struct InstallationTrust<'a>(pub &'a Machines);

impl Trust for InstallationTrust<'_> {
    type Error = CertificateProblem;

    fn signatory(&self, chain: &[Vec<u8>], at: Timestamp) -> Result<Signatory, CertificateProblem> {
        self.0.peer_at(chain, at).map(signatory)
    }
}

fn signatory(peer: Peer) -> Signatory {
    Signatory { spiffe_id: peer.spiffe_id, public_key: peer.public_key }
}

/// Chains that were found good lately, and between which instants: a path that is good at two instants is good between them.
#[derive(Default)]
struct CachedTrust(Mutex<HashMap<[u8; 32], (Signatory, Timestamp, Timestamp)>>);

struct RememberedTrust<'a> {
    cache: &'a CachedTrust,
    machines: &'a Machines,
    revocations: &'a Revocations,
}

/// A signer that is not trusted.
#[derive(Debug, thiserror::Error)]
enum Distrust {
    #[error(transparent)]
    Certificate(#[from] CertificateProblem),
    #[error("the certificate was revoked")]
    Revoked,
}

impl Trust for RememberedTrust<'_> {
    type Error = Distrust;

    fn signatory(&self, chain: &[Vec<u8>], at: Timestamp) -> Result<Signatory, Distrust> {
        if chain.first().is_some_and(|certificate| self.revocations.has(certificate)) {
            return Err(Distrust::Revoked);
        }
        let key = chain_digest(chain);
        let known = self.cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((signatory, from, until)) = known.get(&key)
            && (*from..=*until).contains(&at)
        {
            return Ok(signatory.clone());
        }
        drop(known);
        let found = self.machines.peer_at(chain, at).map(signatory)?;
        // Of a machine that may never connect to us itself.
        self.revocations.learn(chain);
        let ahead = at.saturating_add(LOOK_AHEAD).unwrap_or(at);
        let until = self.machines.peer_at(chain, ahead).map_or(at, |_| ahead);
        let mut known = self.cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_CHAINS {
            known.clear();
        }
        known.insert(key, (found.clone(), at, until));
        Ok(found)
    }
}

/// Of the certificates with their lengths, so that no two chains have one digest. The trust anchors are those of one process.
fn chain_digest(chain: &[Vec<u8>]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for certificate in chain {
        bytes.extend((certificate.len() as u64).to_be_bytes());
        bytes.extend_from_slice(certificate);
    }
    *Digest::of(&[&bytes]).as_bytes()
}
