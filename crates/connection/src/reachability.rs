//! The matrix as a graph, for whoever weighs risks: which machines can reach which.
use std::collections::{BTreeMap, BTreeSet};

use imp_identity::device::DeviceClass;
use jiff::Timestamp;
use serde::Serialize;

use crate::attempt::Party;
use crate::endpoint::Endpoint;
use crate::inventory::{Inventory, Member};
use crate::policy::Policy;
use crate::ports::{Ports, Protocol};
use crate::rule::RuleId;
use crate::text::Purpose;

/// Who can reach whom at one instant, as far as the policy goes. Whoever reads it needs nothing else of the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reachability {
    /// Names this form: `imp-reachability/1`.
    pub format: &'static str,
    /// The version of the policy.
    pub policy: u32,
    /// The instant: rules whose time is over are left out.
    pub at: Timestamp,
    /// Every end that a rule names, once.
    pub nodes: Vec<Node>,
    /// Every rule.
    pub edges: Vec<Edge>,
    /// The machines in use, with the nodes that each belongs to.
    pub machines: Vec<Located>,
    /// By class: the classes that a machine of it may be able to reach in any number of steps.
    pub reach: BTreeMap<DeviceClass, BTreeSet<DeviceClass>>,
}

/// An end of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Names it in [`Edge`]: the text form of the end.
    pub id: Endpoint,
    /// The classes of the machines that it can cover; every class, if it is only a unit or a zone.
    pub classes: BTreeSet<DeviceClass>,
    /// How many machines in use it covers.
    pub machines: u64,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Its name.
    pub rule: RuleId,
    /// The node that connects.
    pub from: Endpoint,
    /// The node that is connected to.
    pub to: Endpoint,
    /// By what.
    pub protocol: Protocol,
    /// The ports of whom it is connected to.
    pub ports: Ports,
    /// What for.
    pub purpose: Purpose,
    /// Until when, if it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A machine with its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The machine.
    #[serde(flatten)]
    pub member: Member,
    /// The nodes that cover it.
    pub nodes: Vec<Endpoint>,
}

/// The graph of a policy at an instant.
pub fn reachability(policy: &Policy, inventory: &Inventory, at: Timestamp) -> Reachability {
    let counting: Vec<_> = policy.rules().iter().filter(|rule| !rule.is_over(at)).collect();
    let ends = counting.iter().flat_map(|rule| [&rule.from, &rule.to]);
    let ends: BTreeMap<String, &Endpoint> = ends.map(|end| (end.to_string(), end)).collect();
    let members = inventory.members();
    let mut nodes: Vec<_> = ends.values().map(|end| node(end, inventory)).collect();
    let mut machines = Vec::with_capacity(members.len());
    for member in members {
        let party = party(&member);
        let mut own = vec![];
        for node in nodes.iter_mut().filter(|node| node.id.covers(&party)) {
            node.machines += 1;
            own.push(node.id.clone());
        }
        machines.push(Located { member, nodes: own });
    }
    let edges = counting.iter().map(|rule| Edge {
        rule: rule.id.clone(),
        from: rule.from.clone(),
        to: rule.to.clone(),
        protocol: rule.protocol,
        ports: rule.ports,
        purpose: rule.purpose.clone(),
        until: rule.until,
    });
    let edges: Vec<_> = edges.collect();
    let reach = reach(&nodes, &edges);
    let (format, policy) = ("imp-reachability/1", policy.version());
    Reachability { format, policy, at, nodes, edges, machines, reach }
}

fn node(end: &Endpoint, inventory: &Inventory) -> Node {
    let class = match end {
        Endpoint::Group(group) => group.class,
        Endpoint::Machine(machine) => match inventory.party(machine) {
            Some(party) => Some(party.class),
            // A machine that is not in use reaches nothing.
            None => return Node { id: end.clone(), classes: BTreeSet::new(), machines: 0 },
        },
    };
    let classes = class.map_or_else(|| DeviceClass::ALL.iter().copied().collect(), |c| [c].into());
    Node { id: end.clone(), classes, machines: 0 }
}

/// Follows the edges from class to class until nothing is added.
fn reach(nodes: &[Node], edges: &[Edge]) -> BTreeMap<DeviceClass, BTreeSet<DeviceClass>> {
    let classes: BTreeMap<String, &BTreeSet<_>> =
        nodes.iter().map(|node| (node.id.to_string(), &node.classes)).collect();
    let mut reach: BTreeMap<_, BTreeSet<_>> =
        DeviceClass::ALL.iter().map(|class| (*class, BTreeSet::new())).collect();
    for edge in edges {
        let from = classes.get(&edge.from.to_string()).into_iter().copied().flatten();
        for class in from {
            let to = classes.get(&edge.to.to_string()).into_iter().copied().flatten();
            reach.entry(*class).or_default().extend(to);
        }
    }
    for through in DeviceClass::ALL {
        let beyond = reach.get(through).cloned().unwrap_or_default();
        for reached in reach.values_mut().filter(|reached| reached.contains(through)) {
            reached.extend(&beyond);
        }
    }
    reach
}

fn party(member: &Member) -> Party<'_> {
    Party {
        machine: &member.machine,
        class: member.class,
        unit: member.unit.as_deref(),
        zone: member.zone.as_deref(),
    }
}
