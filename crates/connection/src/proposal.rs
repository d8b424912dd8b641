//! Rules learned from what was seen. A person approves them, or not: nothing here changes a policy.
use std::collections::BTreeMap;

use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::Party;
use crate::endpoint::{Endpoint, Group};
use crate::inventory::{Asked, Inventory};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::ports::{Ports, Protocol};
use crate::rule::{Rule, RuleId};
use crate::text::Purpose;

/// What could be added to a policy so that it expects what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The rules.
    pub rules: Vec<Proposed>,
    /// What was seen and is not proposed.
    pub left_out: Vec<LeftOut>,
}

/// A rule with what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// The rule.
    pub rule: Rule,
    /// What was seen.
    pub evidence: Evidence,
}

/// What was seen that a rule would expect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// How many connections.
    pub connections: u64,
    /// From how many machines.
    pub from_machines: u64,
    /// To how many machines.
    pub to_machines: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// An observation for which no rule is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// What was seen.
    pub observation: Observation,
    /// Why there is no rule for it.
    pub why: LeftOutReason,
}

/// Why no rule is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutReason {
    /// A machine is not in the inventory, or not in use.
    UnknownMachine,
    /// It was seen less often than was asked for.
    Rare,
}

/// What is between two classes by one protocol, to one port.
type Kind = (DeviceClass, DeviceClass, Protocol, u16);

/// The machines of one kind of connection.
#[derive(Default)]
struct Seen<'a> {
    from: Vec<Party<'a>>,
    to: Vec<Party<'a>>,
    observations: Vec<&'a Observation>,
}

/// Proposes rules for what `policy` does not expect of what was seen at least `least` times; they count until `until`, if said.
///
/// There is one rule for each pair of classes, protocol and run of neighbouring ports, and no rule is wider than that: an end is
/// the class; if all machines seen there share a unit or a zone, the class within it; if there was only one, that machine.
pub fn propose(
    policy: &Policy,
    inventory: &Inventory,
    observations: &[Observation],
    (least, until): (u64, Option<Timestamp>),
    at: Timestamp,
) -> Proposal {
    let mut left_out = vec![];
    let mut kinds: BTreeMap<Kind, Seen<'_>> = BTreeMap::new();
    for observation in observations {
        let Observation { from, to, protocol, port, .. } = observation;
        let asked = Asked { from, to, protocol: *protocol, port: *port, at };
        let (Some(from), Some(to)) = (inventory.party(from), inventory.party(to)) else {
            let why = LeftOutReason::UnknownMachine;
            left_out.push(LeftOut { observation: observation.clone(), why });
            continue;
        };
        if inventory.decide(policy, &asked).is_expected() {
            continue;
        }
        let seen = kinds.entry((from.class, to.class, *protocol, *port)).or_default();
        seen.add(from, to, observation);
    }
    let (often, rare): (Vec<_>, Vec<_>) =
        kinds.into_iter().partition(|(_, seen)| seen.connections() >= least);
    for observation in rare.into_iter().flat_map(|(_, seen)| seen.observations) {
        let why = LeftOutReason::Rare;
        left_out.push(LeftOut { observation: observation.clone(), why });
    }
    Proposal { rules: joined(often, until), left_out }
}

/// Rules for the kinds, those with neighbouring ports between the same ends joined. The kinds are in order, ports last.
fn joined(kinds: Vec<(Kind, Seen<'_>)>, until: Option<Timestamp>) -> Vec<Proposed> {
    let mut runs: Vec<(Endpoint, Endpoint, Protocol, Ports, Seen<'_>)> = vec![];
    for ((.., protocol, port), seen) in kinds {
        let (from, to) = (narrowest(&seen.from), narrowest(&seen.to));
        let neighbour = runs.last_mut().filter(|(other_from, other_to, other, ports, _)| {
            (other_from, other_to, *other) == (&from, &to, protocol)
                && ports.last().checked_add(1) == Some(port)
        });
        if let Some((.., ports, all)) = neighbour
            && let Ok(wider) = Ports::range(ports.first(), port)
        {
            *ports = wider;
            all.append(seen);
        } else if let Ok(ports) = Ports::one(port) {
            runs.push((from, to, protocol, ports, seen));
        }
    }
    let rules = runs.into_iter().filter_map(|(from, to, protocol, ports, seen)| {
        let id = RuleId::derived(&from, &to, protocol, ports);
        let evidence = seen.evidence()?;
        let purpose = Purpose::learned();
        Some(Proposed { rule: Rule { id, from, to, protocol, ports, purpose, until }, evidence })
    });
    rules.collect()
}

/// The narrowest end that covers machines of one class.
fn narrowest(parties: &[Party<'_>]) -> Endpoint {
    let Some((first, rest)) = parties.split_first() else {
        return Endpoint::Group(Group::default());
    };
    if rest.iter().all(|party| party.machine == first.machine) {
        return Endpoint::Machine(first.machine.clone());
    }
    let unit = first.unit.filter(|unit| rest.iter().all(|party| party.unit == Some(unit)));
    let zone = first.zone.filter(|zone| rest.iter().all(|party| party.zone == Some(zone)));
    let (unit, zone) = (unit.map(ToOwned::to_owned), zone.map(ToOwned::to_owned));
    let group = Endpoint::Group(Group { class: Some(first.class), unit, zone });
    if group.is_sound() { group } else { Endpoint::class(first.class) }
}

impl<'a> Seen<'a> {
    fn add(&mut self, from: Party<'a>, to: Party<'a>, observation: &'a Observation) {
        self.from.push(from);
        self.to.push(to);
        self.observations.push(observation);
    }

    fn append(&mut self, mut other: Self) {
        self.from.append(&mut other.from);
        self.to.append(&mut other.to);
        self.observations.append(&mut other.observations);
    }

    fn connections(&self) -> u64 {
        let counts = self.observations.iter().map(|observation| observation.count);
        counts.fold(0, u64::saturating_add)
    }

    fn evidence(&self) -> Option<Evidence> {
        Some(Evidence {
            connections: self.connections(),
            from_machines: machines(&self.from),
            to_machines: machines(&self.to),
            first: self.observations.iter().map(|observation| observation.first).min()?,
            last: self.observations.iter().map(|observation| observation.last).max()?,
        })
    }
}

/// How many different machines there are.
fn machines(parties: &[Party<'_>]) -> u64 {
    let machines: std::collections::HashSet<&SpiffeId> =
        parties.iter().map(|party| party.machine).collect();
    u64::try_from(machines.len()).unwrap_or(u64::MAX)
}
