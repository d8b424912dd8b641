//! How a gateway stands: written to a file now and then, for `imp-client machine status`.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::{OnFailure, Route, RouteProtocol};
use crate::state::{StateDirectory, StateError};

const FILE: &str = "gateway.json";

/// What a gateway said of itself last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// When it said so.
    pub at: Timestamp,
    /// The version of the connection policy that it has, and until when that counts.
    pub policy: Option<(u32, Timestamp)>,
    /// Refusals that the server was not told yet.
    pub unreported: usize,
    /// Its routes.
    pub routes: Vec<RouteStatus>,
}

/// How a route stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The route.
    pub name: String,
    /// Where it listens.
    pub listening: String,
    /// How sure messages are: `signed`, `signed-by-gateway` in front of a legacy device, `channel` where none is signed.
    pub assurance: String,
    /// It goes on without a policy.
    pub fails_open: bool,
    /// Connections now.
    pub connections: u64,
    /// Messages that went through; connections of raw TCP.
    pub carried: u64,
    /// What did not go through, by reason.
    pub stopped: BTreeMap<String, u64>,
}

impl GatewayStatus {
    /// What the gateway of this folder said last.
    pub fn read(state: &StateDirectory) -> Result<Option<Self>, StateError> {
        state.read_json(FILE)
    }

    /// Says so.
    pub(super) fn write(&self, state: &StateDirectory) -> Result<(), StateError> {
        state.write_json(FILE, self)
    }
}

/// The counts of a route.
#[derive(Debug)]
pub(super) struct Tally(Mutex<RouteStatus>);

/// A connection that is counted as long as it lasts.
pub(super) struct Counted<'a>(&'a Tally);

impl Tally {
    pub(super) fn new(route: &Route, listening: String) -> Self {
        let assurance = match (route.protocol, route.legacy) {
            (RouteProtocol::Tcp, _) => "channel",
            (RouteProtocol::Mllp | RouteProtocol::Http, true) => "signed-by-gateway",
            (RouteProtocol::Mllp | RouteProtocol::Http, false) => "signed",
        };
        Self(Mutex::new(RouteStatus {
            name: route.name.clone(),
            listening,
            assurance: assurance.to_owned(),
            fails_open: route.on_failure == OnFailure::Open,
            connections: 0,
            carried: 0,
            stopped: BTreeMap::new(),
        }))
    }

    /// A connection begins.
    pub(super) fn connected(&self) -> Counted<'_> {
        self.change(|status| status.connections += 1);
        Counted(self)
    }

    /// Something went through.
    pub(super) fn carried(&self) {
        self.change(|status| status.carried += 1);
    }

    /// Something did not, for this reason. Reasons are words of ours: there are not many.
    pub(super) fn stopped(&self, word: &'static str) {
        self.change(|status| *status.stopped.entry(word.to_owned()).or_default() += 1);
    }

    /// How it stands.
    pub(super) fn status(&self) -> RouteStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut RouteStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.change(|status| status.connections = status.connections.saturating_sub(1));
    }
}
