//! The machines that a policy speaks of.
use std::collections::HashMap;

use imp_identity::DeviceId;
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempt, Party};
use crate::decide::{Decision, Reason, Side};
use crate::policy::Policy;
use crate::ports::Protocol;

/// What is known of a machine that is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub machine: SpiffeId,
    /// What sort of machine it is.
    pub class: DeviceClass,
    /// The unit that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The zone of the network that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The machines of one installation that are in use. A machine that is not in it is expected nowhere.
///
/// Workstations and phones are too many to carry about, and their class stands in their names: those of the installation count
/// as known, whether they are in the list or not. Whether one of them still counts is the business of its certificate.
#[derive(Clone, Debug)]
pub struct Inventory {
    trust_domain: TrustDomain,
    members: HashMap<Machine, Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    class: DeviceClass,
    unit: Option<Box<str>>,
    zone: Option<Box<str>>,
}

impl Inventory {
    /// Of these machines. Those of other installations are left out.
    pub fn new(trust_domain: TrustDomain, members: impl IntoIterator<Item = Member>) -> Self {
        let own = members.into_iter().filter(|member| member.machine.trust_domain == trust_domain);
        let members = own.map(|Member { machine, class, unit, zone }| {
            let (unit, zone) = (unit.map(Into::into), zone.map(Into::into));
            (machine.machine, Place { class, unit, zone })
        });
        let members = members.collect();
        Self { trust_domain, members }
    }

    /// The installation.
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// How many machines are in the list.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The machine as policies see it; `None` when it is not known.
    pub fn party<'a>(&'a self, machine: &'a SpiffeId) -> Option<Party<'a>> {
        if machine.trust_domain != self.trust_domain {
            return None;
        }
        let place = self.members.get(&machine.machine);
        let class = match (place, machine.machine) {
            (Some(place), _) => place.class,
            (None, Machine::Workstation(_)) => DeviceClass::Workstation,
            (None, Machine::Phone(_)) => DeviceClass::Phone,
            (None, Machine::Device(_)) => return None,
        };
        let unit = place.and_then(|place| place.unit.as_deref());
        let zone = place.and_then(|place| place.zone.as_deref());
        Some(Party { machine, class, unit, zone })
    }

    /// The SPIFFE ID of a device of this installation.
    pub fn device(&self, device: DeviceId) -> SpiffeId {
        SpiffeId { trust_domain: self.trust_domain.clone(), machine: Machine::Device(device) }
    }

    /// The list, by name.
    pub fn members(&self) -> Vec<Member> {
        let mut members: Vec<_> = self
            .members
            .iter()
            .map(|(machine, place)| Member {
                machine: SpiffeId { trust_domain: self.trust_domain.clone(), machine: *machine },
                class: place.class,
                unit: place.unit.as_deref().map(ToOwned::to_owned),
                zone: place.zone.as_deref().map(ToOwned::to_owned),
            })
            .collect();
        members.sort_by_cached_key(|member| member.machine.to_string());
        members
    }

    /// Asks the policy about two machines by their names.
    pub fn decide(&self, policy: &Policy, asked: &Asked<'_>) -> Decision {
        let unknown = |side| Decision::Unexpected { reason: Reason::UnknownMachine { side } };
        let Some(from) = self.party(asked.from) else { return unknown(Side::From) };
        let Some(to) = self.party(asked.to) else { return unknown(Side::To) };
        let Asked { protocol, port, at, .. } = *asked;
        policy.decide(&Attempt { from, to, protocol, port, at })
    }
}

/// A question by names alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who connects.
    pub from: &'a SpiffeId,
    /// To whom.
    pub to: &'a SpiffeId,
    /// By what.
    pub protocol: Protocol,
    /// The port of whom it is connected to.
    pub port: u16,
    /// When.
    pub at: jiff::Timestamp,
}
