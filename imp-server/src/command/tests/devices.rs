use std::sync::Arc;

use imp_identity::device::{
    CertificateRevocation, Description, Device, DeviceClass, EnrolmentMeans, Lifecycle,
};
use imp_identity::{Actor, Digest, UserId};
use imp_pki::{CertificateRequest, ServerName};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{CertificateParams, KeyPair};
use uuid::Uuid;

use super::command::{
    DecideEnrolmentError, DeviceChange, IssueCertificateError, Issued, Order, OwnAuthority,
    RevokeCertificateError,
};
use super::store::Tables as _;
use super::*;
use crate::{Config, DevicesConfig, Keys};

mod keys;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A hospital that gives devices certificates.
struct Estate {
    hospital: Hospital,
    _folder: tempfile::TempDir,
}

async fn estates() -> Vec<Estate> {
    let mut estates = vec![];
    for mut hospital in hospitals().await {
        let folder = tempfile::tempdir().unwrap();
        let domain = hospital.trust_domain.clone();
        let config = Config { trust_domain: domain, ..Config::at(folder.path()) };
        let keys = Keys::open(&config, hospital.now, &mut StdRng::seed_from_u64(1)).unwrap();
        let rules = DevicesConfig::default();
        hospital.authority = Some(Arc::new(OwnAuthority { keys, rules }));
        estates.push(Estate { hospital, _folder: folder });
    }
    estates
}

fn person(n: u128) -> Actor {
    Actor::User(UserId::from(Uuid::from_u128(n)))
}

impl Estate {
    async fn device(&mut self, name: &str, class: DeviceClass) -> Device {
        let description = Description {
            name: name.parse().unwrap(),
            class,
            manufacturer: Some("Acme".parse().unwrap()),
            model: None,
            serial_number: None,
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![format!("{name}.example").parse().unwrap()],
        };
        let context = &mut self.hospital.context();
        command::register_device(context, person(1), description).await.unwrap()
    }

    async fn ask(
        &mut self,
        device: &Device,
        key: &KeyPair,
        means: EnrolmentMeans,
    ) -> Result<Issued, IssueCertificateError> {
        let params = CertificateParams::new(vec![format!("{}.example", device.name)]).unwrap();
        let der = params.serialize_request(key).unwrap();
        let request = CertificateRequest::verify_device(der.der()).unwrap();
        let names: Vec<ServerName> = request.asked().names.clone();
        let order = Order { device: device.id, request: &request, means, names, profile: None };
        command::issue_certificate(&mut self.hospital.context(), Actor::Server, order).await
    }

    async fn events(&self) -> Vec<String> {
        let mut reading = self.hospital.storage.read().await.unwrap();
        let entries = reading.entries().page(0, 500).await.unwrap();
        entries.into_iter().map(|entry| entry.kind).collect()
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

#[tokio::test]
async fn a_device_is_given_a_certificate_that_stands_in_the_log_and_in_the_table() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let issued = estate.ask(&server, &key(), EnrolmentMeans::Acme).await.unwrap();
        let serial = issued.certificate.serial().to_owned();
        let mut reading = estate.hospital.storage.read().await.unwrap();
        let row = reading.certificates().find_by_serial(&serial).await.unwrap().unwrap();
        assert_eq!(row.issuance.unwrap().der, issued.certificate.der());
        let known = reading.devices().find(server.id).await.unwrap().unwrap();
        assert_eq!(known.state, Lifecycle::Active);
        drop(reading);
        let events = ["device-registered", "device-state-changed", "certificate-issued"];
        assert_eq!(estate.events().await, events);
    }
}

#[tokio::test]
async fn a_device_of_a_critical_class_waits_for_a_second_person() {
    for mut estate in estates().await {
        let (pump, key) = (estate.device("pump", DeviceClass::InfusionPump).await, key());
        let asked = estate.ask(&pump, &key, EnrolmentMeans::Token).await;
        let Err(IssueCertificateError::AwaitingApproval(id)) = asked else { panic!("not asked") };
        let again = estate.ask(&pump, &key, EnrolmentMeans::Token).await;
        let Err(IssueCertificateError::AwaitingApproval(same)) = again else { panic!("not asked") };
        assert_eq!(id, same, "asking again makes no new request");
        let context = &mut estate.hospital.context();
        let own = command::approve_device(context, person(1), id, DAY).await;
        assert!(matches!(own, Err(DecideEnrolmentError::Decision(_))), "who registered it");
        command::approve_device(context, person(2), id, DAY).await.unwrap();
        estate.ask(&pump, &key, EnrolmentMeans::Token).await.unwrap();

        // Renewing with another key, in another way, needs nobody: the device holds a certificate that counts.
        estate.ask(&pump, &self::key(), EnrolmentMeans::Est).await.unwrap();
        estate.hospital.advance(DAY);
        let late = estate.ask(&pump, &self::key(), EnrolmentMeans::Est).await;
        assert!(matches!(late, Err(IssueCertificateError::AwaitingApproval(_))), "it has ended");
    }
}

#[tokio::test]
async fn what_was_rejected_is_not_asked_again_with_the_same_key() {
    for mut estate in estates().await {
        let (pump, key) = (estate.device("pump", DeviceClass::InfusionPump).await, key());
        let asked = estate.ask(&pump, &key, EnrolmentMeans::Est).await;
        let Err(IssueCertificateError::AwaitingApproval(id)) = asked else { panic!("not asked") };
        let why = "not the key on its screen".parse().unwrap();
        let context = &mut estate.hospital.context();
        command::reject_device(context, person(1), id, why).await.unwrap();
        let again = estate.ask(&pump, &key, EnrolmentMeans::Est).await;
        assert!(matches!(again, Err(IssueCertificateError::Rejected)));
        let other = estate.ask(&pump, &self::key(), EnrolmentMeans::Est).await;
        assert!(
            matches!(other, Err(IssueCertificateError::AwaitingApproval(other)) if other != id)
        );
    }
}

#[tokio::test]
async fn certificates_follow_the_life_of_their_device() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let issued = estate.ask(&server, &key(), EnrolmentMeans::Est).await.unwrap();
        let (id, serial) = (server.id, issued.certificate.serial().to_owned());
        let why = || "found open".parse().unwrap();
        let context = &mut estate.hospital.context();
        let change = DeviceChange::Quarantine;
        command::change_device(context, person(1), id, change, why()).await.unwrap();
        let released = command::reinstate_certificate(context, person(1), &serial).await;
        assert!(matches!(released, Err(RevokeCertificateError::DeviceHeld)));
        let refused = estate.ask(&server, &key(), EnrolmentMeans::Est).await;
        assert!(matches!(refused, Err(IssueCertificateError::Held)));
        for (change, expected) in [
            (None, Some(CertificateRevocation::CertificateHold)),
            (Some(DeviceChange::Reinstate), None),
            (Some(DeviceChange::Retire), Some(CertificateRevocation::CessationOfOperation)),
        ] {
            let context = &mut estate.hospital.context();
            if let Some(change) = change {
                command::change_device(context, person(1), id, change, why()).await.unwrap();
            }
            let mut reading = estate.hospital.storage.read().await.unwrap();
            let row = reading.certificates().find_by_serial(&serial).await.unwrap().unwrap();
            assert_eq!(row.withdrawal.map(|it| it.reason), expected, "{change:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_is_revoked_once_and_only_a_held_one_counts_again() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let issued = estate.ask(&server, &key(), EnrolmentMeans::Est).await.unwrap();
        let serial = issued.certificate.serial().to_owned();
        let context = &mut estate.hospital.context();
        let hold = CertificateRevocation::CertificateHold;
        command::revoke_certificate(context, person(1), &serial, hold).await.unwrap();
        let twice = command::revoke_certificate(context, person(1), &serial, hold).await;
        assert!(matches!(twice, Err(RevokeCertificateError::AlreadyRevoked)));
        command::reinstate_certificate(context, person(1), &serial).await.unwrap();
        let for_good = CertificateRevocation::Superseded;
        command::revoke_certificate(context, person(1), &serial, for_good).await.unwrap();
        let released = command::reinstate_certificate(context, person(1), &serial).await;
        assert!(matches!(released, Err(RevokeCertificateError::NotHeld)));
        let unknown = command::revoke_certificate(context, person(1), "00", for_good).await;
        assert!(matches!(unknown, Err(RevokeCertificateError::NotFound)));
    }
}

#[tokio::test]
async fn a_device_that_does_not_renew_is_told_of_once() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        estate.ask(&server, &key(), EnrolmentMeans::Est).await.unwrap();
        let now = estate.hospital.now;
        let soon = command::expiry_forecast(&estate.hospital.storage, now, now + DAY * 30).await;
        assert_eq!(soon.unwrap().len(), 1);
        assert_eq!(command::tell_of_expiry(&mut estate.hospital.context()).await.unwrap(), []);
        estate.hospital.advance(DAY * 12);
        let told = command::tell_of_expiry(&mut estate.hospital.context()).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(command::tell_of_expiry(&mut estate.hospital.context()).await.unwrap(), []);
        let events = estate.events().await;
        assert_eq!(events.last().map(String::as_str), Some("certificate-expiring"));
    }
}

#[tokio::test]
async fn a_code_is_for_the_first_key_and_a_new_one_ends_what_was_approved() {
    for mut estate in estates().await {
        let pump = estate.device("pump", DeviceClass::InfusionPump).await;
        let (first, second) = (Digest::of(&[b"1"]), Digest::of(&[b"2"]));
        let context = &mut estate.hospital.context();
        let invited = command::invite_device(context, person(1), pump.id, DAY).await.unwrap();
        for _ in 0..2 {
            let known = command::accept_device_code(context, &invited.code, first).await;
            assert_eq!(known.unwrap().id, pump.id);
        }
        let other = command::accept_device_code(context, &invited.code, second).await;
        assert!(other.is_err(), "the code is the first key's");
        let newer = command::invite_device(context, person(1), pump.id, DAY).await.unwrap();
        let old = command::accept_device_code(context, &invited.code, first).await;
        assert!(old.is_err(), "the newer code counts alone");
        command::accept_device_code(context, &newer.code, second).await.unwrap();
        estate.hospital.advance(DAY);
        let context = &mut estate.hospital.context();
        assert!(command::accept_device_code(context, &newer.code, second).await.is_err());
    }
}
