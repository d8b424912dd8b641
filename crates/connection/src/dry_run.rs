//! What a policy would have said of what was seen.
use std::collections::HashSet;

use jiff::Timestamp;

use crate::decide::Decision;
use crate::inventory::{Asked, Inventory};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::rule::RuleId;

/// A policy held against observations, as if all of them were made at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun<'a> {
    /// Each observation with both decisions.
    pub judged: Vec<Judged<'a>>,
    /// The rules of the tried policy by which nothing was expected.
    pub unused: Vec<RuleId>,
}

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'a> {
    /// What was seen.
    pub observation: &'a Observation,
    /// What the policy in force says.
    pub now: Decision,
    /// What the tried one says.
    pub then: Decision,
}

impl Judged<'_> {
    /// Expected now, and no longer then: what would break.
    pub const fn would_break(&self) -> bool {
        self.now.is_expected() && !self.then.is_expected()
    }

    /// Unexpected now, and expected then: what would open.
    pub const fn would_open(&self) -> bool {
        !self.now.is_expected() && self.then.is_expected()
    }
}

/// Holds `tried` against what was seen, beside the policy `in_force`, at the instant `at`.
pub fn dry_run<'a>(
    in_force: &Policy,
    tried: &Policy,
    inventory: &Inventory,
    observations: &'a [Observation],
    at: Timestamp,
) -> DryRun<'a> {
    let mut used = HashSet::new();
    let mut judged = Vec::with_capacity(observations.len());
    for observation in observations {
        let Observation { from, to, protocol, port, .. } = observation;
        let asked = Asked { from, to, protocol: *protocol, port: *port, at };
        let now = inventory.decide(in_force, &asked);
        let then = inventory.decide(tried, &asked);
        if let Decision::Expected { rule } = &then {
            used.insert(rule.clone());
        }
        judged.push(Judged { observation, now, then });
    }
    let names = tried.rules().iter().map(|rule| &rule.id);
    let unused = names.filter(|id| !used.contains(*id)).cloned().collect();
    DryRun { judged, unused }
}
