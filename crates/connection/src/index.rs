//! Finds the rules between two machines without looking at the others.
use std::collections::HashMap;

use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;

use crate::attempt::Party;
use crate::endpoint::{Endpoint, Group};
use crate::rule::Rule;

/// Every end that some rule has got a number, and every pair of numbers its rules. A machine can be named by at most eight ends
/// (itself, and each selection of class, unit and zone), so that a decision looks up at most 64 pairs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    machines: HashMap<SpiffeId, u32>,
    names: HashMap<String, u32>,
    groups: HashMap<Key, u32>,
    /// The places of the rules, ascending.
    pairs: HashMap<(u32, u32), Vec<u32>>,
}

/// A [`Group`] whose names are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    class: Option<DeviceClass>,
    unit: Option<u32>,
    zone: Option<u32>,
}

impl Index {
    /// Indexes rules by their places.
    pub(crate) fn of(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in (0_u32..).zip(rules) {
            let pair = (index.number(&rule.from), index.number(&rule.to));
            index.pairs.entry(pair).or_default().push(place);
        }
        index
    }

    /// The places of the rules whose ends cover both machines, in no order.
    pub(crate) fn between(&self, from: &Party<'_>, to: &Party<'_>) -> impl Iterator<Item = u32> {
        let (from, to) = (self.ends(from), self.ends(to));
        let pairs = from.into_iter().flat_map(move |from| {
            let to = to.clone();
            to.into_iter().map(move |to| (from, to))
        });
        pairs.filter_map(|pair| self.pairs.get(&pair)).flatten().copied()
    }

    /// The numbers of the ends that cover a machine.
    fn ends(&self, party: &Party<'_>) -> Vec<u32> {
        let mut ends = Vec::with_capacity(8);
        ends.extend(self.machines.get(party.machine));
        let unit = party.unit.and_then(|unit| self.names.get(unit)).copied();
        let zone = party.zone.and_then(|zone| self.names.get(zone)).copied();
        for class in [None, Some(party.class)] {
            for unit in std::iter::once(None).chain(unit.map(Some)) {
                for zone in std::iter::once(None).chain(zone.map(Some)) {
                    ends.extend(self.groups.get(&Key { class, unit, zone }));
                }
            }
        }
        ends
    }

    /// The number of an end; a new one if it has none.
    fn number(&mut self, endpoint: &Endpoint) -> u32 {
        let next = count(self.machines.len() + self.groups.len());
        match endpoint {
            Endpoint::Machine(machine) => *self.machines.entry(machine.clone()).or_insert(next),
            Endpoint::Group(Group { class, unit, zone }) => {
                let unit = unit.as_ref().map(|unit| self.name(unit));
                let zone = zone.as_ref().map(|zone| self.name(zone));
                *self.groups.entry(Key { class: *class, unit, zone }).or_insert(next)
            }
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        let next = count(self.names.len());
        *self.names.entry(name.to_owned()).or_insert(next)
    }
}

/// There are at most twice as many ends as rules, and four times as many names.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
