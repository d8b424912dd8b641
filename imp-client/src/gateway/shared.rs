//! What all routes of a gateway share.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use imp_api::connection::RefusalReport;
use imp_connection::Outcome;
use imp_identity::Clock;
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use imp_message::Assurance;
use imp_service::Shutdown;
use jiff::{SignedDuration, Timestamp};

use super::config::{OnFailure, Route};
use super::enforcement::{Enforcement, Verdict};
use super::incoming::{Arrived, Incoming, NotTaken, Taken};
use super::lanes::Lanes;
use super::outgoing::{Outgoing, OutgoingError, Signed, Unsigned};
use super::reports::{Reports, Seen};
use super::revocations::Revocations;
use super::status::Tally;
use super::stopped::Stopped;
use crate::machine::Device;
use crate::state::StateDirectory;

/// What all routes share.
pub(super) struct Shared {
    pub(super) state: StateDirectory,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shutdown: Shutdown,
    pub(super) enforcement: Enforcement,
    pub(super) reports: Reports,
    pub(super) revocations: Arc<Revocations>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) incoming: Arc<Incoming>,
    /// The certificate in use: connections that begin take the latest.
    pub(super) device: RwLock<Arc<Device>>,
    /// Something is to be written or told soon.
    pub(super) news: tokio::sync::Notify,
    /// Everything is to be looked after now.
    pub(super) hurried: AtomicBool,
}

/// A route that runs.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Route,
    /// The port that the policy speaks of: that of the machine that is connected to.
    pub(super) port: u16,
    pub(super) tally: Tally,
    /// What is free for machines that were let in.
    pub(super) guests: Arc<Lanes>,
}

/// What an incoming message has to be.
pub(super) struct Wanted {
    pub(super) senders: Vec<SpiffeId>,
    pub(super) subject: Option<String>,
    /// It answers a message of ours.
    pub(super) is_answer: bool,
}

impl Shared {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who we are now.
    pub(super) fn device(&self) -> Arc<Device> {
        self.device.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on with another certificate.
    pub(super) fn replace(&self, device: Device) {
        *self.device.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(device);
    }

    /// Has everything looked after now.
    pub(super) fn hurry(&self) {
        self.hurried.store(true, Ordering::Relaxed);
        self.news.notify_one();
    }

    fn refuse(&self, report: RefusalReport) {
        self.reports.refuse(report);
        self.news.notify_one();
    }
}

impl Running {
    /// For whom this gateway signs.
    pub(super) const fn assurance(&self) -> Assurance {
        if self.route.legacy { Assurance::LegacyGateway } else { Assurance::Machine }
    }

    /// Whether `from` may connect to `to` now, by the route and by the policy. What is refused is reported.
    pub(super) fn admit(&self, from: &SpiffeId, to: &SpiffeId) -> Result<(), Stopped> {
        let outcome = self.judge(from, to);
        let seen = match outcome {
            Ok(seen) => seen,
            Err(_) => Outcome::Refused,
        };
        let (port, at) = (self.port, self.shared.now());
        self.shared.reports.see(Seen { from, to, port, outcome: seen, at });
        match (&outcome, seen) {
            (Err(Stopped::Unexpected(word)), _) => self.report(from, to, word, false),
            (Ok(_), Outcome::LetThrough) => self.report(from, to, "policy-unknown", true),
            (Ok(_) | Err(_), _) => {}
        }
        outcome.map(drop)
    }

    /// Whether it still may, while the connection lasts: a policy may have come that expects it no longer.
    pub(super) fn still_admits(&self, from: &SpiffeId, to: &SpiffeId) -> Result<(), Stopped> {
        match self.judge(from, to) {
            Err(Stopped::Unexpected(word)) => {
                self.report(from, to, word, false);
                Err(Stopped::Unexpected(word))
            }
            other => other.map(drop),
        }
    }

    fn judge(&self, from: &SpiffeId, to: &SpiffeId) -> Result<Outcome, Stopped> {
        let us = &self.shared.device().identity.spiffe_id;
        let peer = if from == us { to } else { from };
        if !self.route.peers.is_empty() && !self.route.peers.contains(peer) {
            return Err(Stopped::Unexpected("not-a-peer"));
        }
        match self.shared.enforcement.decide(from, to, self.port, self.shared.now()) {
            Verdict::Expected => Ok(Outcome::Expected),
            Verdict::Unexpected(word) => Err(Stopped::Unexpected(word)),
            Verdict::Undecided => match self.route.on_failure {
                OnFailure::Closed => Err(Stopped::Undecided),
                OnFailure::Open => Ok(Outcome::LetThrough),
            },
        }
    }

    fn report(&self, from: &SpiffeId, to: &SpiffeId, word: &'static str, let_through: bool) {
        let route = self.route.name.as_str();
        tracing::warn!(route, %from, %to, reason = word, let_through, "an unexpected connection");
        self.shared.refuse(RefusalReport::Connection {
            from: from.clone(),
            to: to.clone(),
            protocol: "tcp".to_owned(),
            port: self.port,
            reason: word.to_owned(),
            let_through,
            at: self.shared.now(),
        });
    }

    /// A machine is not trusted: `claim` is what it says that it is.
    pub(super) fn refuse_machine(
        &self,
        claim: Option<&str>,
        address: SocketAddr,
        reason: MachineRefusal,
    ) {
        let route = self.route.name.as_str();
        tracing::warn!(route, claim, %address, reason = reason.code(), "a machine is not trusted");
        let address = address.ip().to_string();
        let peer = claim.map_or_else(|| address.clone(), |name| format!("{name} ({address})"));
        let at = self.shared.now();
        self.shared.refuse(RefusalReport::Machine { peer, reason, at });
    }

    /// A message is not authentic: `sender` is whom it is said to come from.
    pub(super) fn refuse_message(&self, sender: String, reason: MessageRefusal) {
        let route = self.route.name.as_str();
        tracing::warn!(route, sender, reason = reason.code(), "a message is refused");
        let at = self.shared.now();
        self.shared.refuse(RefusalReport::Message { sender, reason, at });
    }

    /// Signs what goes out.
    pub(super) async fn sign(&self, unsigned: Unsigned) -> Result<Signed, OutgoingError> {
        let shared = &self.shared;
        shared.outgoing.sign(&shared.device(), unsigned, shared.now()).await
    }

    /// Verifies what came in from `peer`; what is refused is reported.
    pub(super) async fn take(
        &self,
        signature: String,
        payload: Vec<u8>,
        wanted: Wanted,
        peer: &SpiffeId,
    ) -> Result<Taken, NotTaken> {
        let device = self.shared.device();
        let limits = &self.route.limits;
        let arrived = Arrived {
            signature,
            payload,
            receiver: device.identity.spiffe_id.clone(),
            senders: wanted.senders,
            subject: wanted.subject,
            oldest: SignedDuration::from_secs(limits.message_age_seconds.into()),
            ahead: SignedDuration::from_secs(limits.ahead_seconds.into()),
            has_place: !wanted.is_answer,
        };
        let now = self.shared.now();
        let mut taken = self.shared.incoming.take(&device.machines, arrived, now).await;
        if let Ok(taken) = &mut taken
            && self.shared.enforcement.class(taken.authentic.sender())
                == Some(DeviceClass::LegacyGateway)
        {
            taken.authentic.is_by_legacy_gateway();
        }
        if let Err(NotTaken::Refused(refused)) = &taken {
            let sender = refused.sender.as_ref().unwrap_or(peer).to_string();
            self.refuse_message(sender, refused.reason);
        }
        taken
    }
}
