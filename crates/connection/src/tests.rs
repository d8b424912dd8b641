//! Tests of the parts together.
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::{DeviceId, PhoneId, WorkstationId};
use jiff::{SignedDuration, Timestamp};

use crate::*;

mod deciding;
mod importing;
mod learning;
mod properties;
mod signing;

const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn domain() -> TrustDomain {
    "hospital.example".parse().unwrap()
}

fn device(number: u8) -> SpiffeId {
    let machine = Machine::Device(DeviceId::from_bytes([number; 16]));
    SpiffeId { trust_domain: domain(), machine }
}

fn workstation(number: u8) -> SpiffeId {
    let machine = Machine::Workstation(WorkstationId::from_bytes([number; 16]));
    SpiffeId { trust_domain: domain(), machine }
}

fn phone(number: u8) -> SpiffeId {
    let machine = Machine::Phone(PhoneId::from_bytes([number; 16]));
    SpiffeId { trust_domain: domain(), machine }
}

fn member(machine: SpiffeId, class: DeviceClass, unit: &str, zone: &str) -> Member {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Member { machine, class, unit: said(unit), zone: said(zone) }
}

/// A pump (1) of the ICU, one (2) of the surgery, a server (3), an analyser (4), an imaging device (5).
fn inventory() -> Inventory {
    let members = [
        member(device(1), DeviceClass::InfusionPump, "ICU", "clinical"),
        member(device(2), DeviceClass::InfusionPump, "Surgery", "clinical"),
        member(device(3), DeviceClass::Server, "IT", "data centre"),
        member(device(4), DeviceClass::Analyser, "Laboratory", "clinical"),
        member(device(5), DeviceClass::Imaging, "Radiology", "imaging"),
    ];
    Inventory::new(domain(), members)
}

/// `id,from,to,protocol,ports,purpose,until`, a rule a line.
fn policy(lines: &[&str]) -> Policy {
    let table = format!("id,from,to,protocol,ports,purpose,until\n{}\n", lines.join("\n"));
    Policy::new(7, csv::read(&table).unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

fn asked<'a>(from: &'a SpiffeId, to: &'a SpiffeId, port: u16) -> Asked<'a> {
    Asked { from, to, protocol: Protocol::Tcp, port, at: NOW }
}

fn seen(from: SpiffeId, to: SpiffeId, port: u16, count: u64) -> Observation {
    Observation {
        from,
        to,
        protocol: Protocol::Tcp,
        port,
        outcome: Outcome::Refused,
        count,
        first: NOW - SignedDuration::from_hours(48),
        last: NOW,
    }
}
