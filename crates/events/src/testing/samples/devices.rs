//! What happens to devices and between machines.
use imp_identity::Event;
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::device::{
    CertificateRevocation, DeviceClass, EnrolmentMeans, Lifecycle, OwnService,
};
use imp_identity::digest::Digest;
use imp_identity::spiffe::{Machine, SpiffeId};

use super::{LATER, id, label, remark, trust_domain};

pub(super) fn devices() -> Vec<Event> {
    let (device, approval, account) = (id(0x41), id(0x42), id(0x43));
    let machine = SpiffeId { trust_domain: trust_domain(), machine: Machine::Device(device) };
    let (serial, certificate) = ("4c0f".to_owned(), Digest::of(&[b"certificate"]));
    let subject = "IMP issuing 0123456789abcdef".to_owned();
    vec![
        Event::DeviceRegistered {
            device,
            class: DeviceClass::InfusionPump,
            name: label("Pump 7, ward 3"),
        },
        Event::DeviceChanged { device, attributes: vec!["location".to_owned()] },
        Event::DeviceStateChanged {
            device,
            state: Lifecycle::Quarantined,
            reason: remark("It called an address abroad."),
        },
        Event::DeviceInvited { device, expires_at: LATER },
        Event::DeviceEnrolmentRequested { device, approval, means: EnrolmentMeans::Est },
        Event::DeviceEnrolmentApproved { device, approval },
        Event::DeviceEnrolmentRejected { device, approval, reason: remark("Not ours.") },
        Event::DeviceEnrolmentRefused {
            device: Some(device),
            means: EnrolmentMeans::Acme,
            reason: "extra-names".to_owned(),
        },
        Event::DeviceEnrolmentRefused {
            device: None,
            means: EnrolmentMeans::Token,
            reason: "wrong-token".to_owned(),
        },
        Event::CertificateRevoked {
            machine: machine.clone(),
            serial: serial.clone(),
            reason: CertificateRevocation::KeyCompromise,
        },
        Event::CertificateReinstated { machine: machine.clone(), serial: serial.clone() },
        Event::CertificateExpiring { machine, serial: serial.clone(), expires_at: LATER },
        Event::ServiceCertificateIssued {
            service: OwnService::OcspResponder,
            serial,
            expires_at: LATER,
        },
        Event::AuthorityMade { certificate, subject: subject.clone() },
        Event::AuthorityCrossSigned { certificate, subject: subject.clone() },
        Event::AuthorityRetired { certificate, subject },
        Event::AcmeAccountRegistered { account },
        Event::AcmeAccountChanged { account, change: "key-changed".to_owned() },
    ]
}

pub(super) fn connections() -> Vec<Event> {
    let at = SpiffeId { trust_domain: trust_domain(), machine: Machine::Device(id(0x44)) };
    vec![
        Event::ConnectionPolicyChanged { version: 2, policy: Digest::of(&[b"policy"]) },
        Event::MachineRefused {
            at: at.clone(),
            peer: "[2001:db8::7]:2575".to_owned(),
            reason: MachineRefusal::UnknownIssuer,
        },
        Event::MessageRefused {
            receiver: at,
            sender: "spiffe://hospital.example/device/01980000-0000-7000-8000-000000000041"
                .to_owned(),
            reason: MessageRefusal::Replayed,
        },
    ]
}
