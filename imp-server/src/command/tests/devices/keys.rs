//! What keys, approvals and holds count for.
use imp_identity::device::OwnService;
use imp_identity::{Clock, Event};
use rcgen::PublicKeyData as _;

use super::*;
use crate::ca::root::RootSource;

/// A device of a critical class that has a certificate which a second person approved, asked for by EST.
async fn approved_pump(estate: &mut Estate) -> (Device, KeyPair) {
    let (pump, own) = (estate.device("pump", DeviceClass::InfusionPump).await, key());
    let asked = estate.ask(&pump, &own, EnrolmentMeans::Est).await;
    let Err(IssueCertificateError::AwaitingApproval(id)) = asked else { panic!("not asked") };
    let context = &mut estate.hospital.context();
    command::approve_device(context, person(2), id, DAY * 30).await.unwrap();
    estate.ask(&pump, &own, EnrolmentMeans::Est).await.unwrap();
    (pump, own)
}

async fn withdrawn(estate: &Estate, serial: &str) -> Option<CertificateRevocation> {
    let mut reading = estate.hospital.storage.read().await.unwrap();
    let row = reading.certificates().find_by_serial(serial).await.unwrap().unwrap();
    row.withdrawal.map(|withdrawal| withdrawal.reason)
}

#[tokio::test]
async fn a_code_that_was_kept_back_does_not_pass_by_the_second_person() {
    for mut estate in estates().await {
        let pump = estate.device("pump", DeviceClass::InfusionPump).await;
        let context = &mut estate.hospital.context();
        let kept = command::invite_device(context, person(1), pump.id, DAY).await.unwrap();
        let own = key();
        let asked = estate.ask(&pump, &own, EnrolmentMeans::Est).await;
        let Err(IssueCertificateError::AwaitingApproval(id)) = asked else { panic!("not asked") };
        let context = &mut estate.hospital.context();
        command::approve_device(context, person(2), id, DAY).await.unwrap();
        estate.ask(&pump, &own, EnrolmentMeans::Est).await.unwrap();
        // Who made the code shows it now, with a key that nobody has compared.
        let thief = key();
        let digest = Digest::of(&[thief.subject_public_key_info().as_slice()]);
        let context = &mut estate.hospital.context();
        command::accept_device_code(context, &kept.code, digest).await.unwrap();
        let asked = estate.ask(&pump, &thief, EnrolmentMeans::Token).await;
        assert!(matches!(asked, Err(IssueCertificateError::AwaitingApproval(_))), "{asked:?}");
    }
}

#[tokio::test]
async fn a_key_for_acme_does_not_pass_by_the_second_person() {
    for mut estate in estates().await {
        let mut rules = DevicesConfig::default();
        rules.classes.entry(DeviceClass::InfusionPump).or_default().means =
            Some(vec![EnrolmentMeans::Est, EnrolmentMeans::Acme]);
        let own = Arc::into_inner(estate.hospital.authority.take().unwrap()).unwrap();
        estate.hospital.authority = Some(Arc::new(OwnAuthority { rules, ..own }));
        let (pump, _) = approved_pump(&mut estate).await;
        let over_acme = estate.ask(&pump, &key(), EnrolmentMeans::Acme).await;
        assert!(
            matches!(over_acme, Err(IssueCertificateError::AwaitingApproval(_))),
            "what was approved was another way: {over_acme:?}"
        );
        let renewed = estate.ask(&pump, &key(), EnrolmentMeans::Est).await;
        assert!(renewed.is_ok(), "{renewed:?}");
    }
}

#[tokio::test]
async fn a_compromised_key_counts_in_none_of_its_certificates() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let (lost, other) = (key(), key());
        let mut serials = vec![];
        for key in [&lost, &lost, &other] {
            let issued = estate.ask(&server, key, EnrolmentMeans::Est).await.unwrap();
            serials.push(issued.certificate.serial().to_owned());
        }
        let context = &mut estate.hospital.context();
        let compromise = CertificateRevocation::KeyCompromise;
        command::revoke_certificate(context, person(1), &serials[0], compromise).await.unwrap();
        assert_eq!(withdrawn(&estate, &serials[1]).await, Some(compromise), "the same key");
        assert_eq!(withdrawn(&estate, &serials[2]).await, None, "another key");
    }
}

#[tokio::test]
async fn of_two_certificates_for_a_key_that_end_together_only_the_revoked_one_is_refused() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let own = key();
        let mut serials = vec![];
        for _ in 0..2 {
            let issued = estate.ask(&server, &own, EnrolmentMeans::Est).await.unwrap();
            serials.push(issued.certificate.serial().to_owned());
        }
        let (storage, spki) = (estate.hospital.storage.clone(), own.subject_public_key_info());
        for revoked in &serials {
            let context = &mut estate.hospital.context();
            let hold = CertificateRevocation::CertificateHold;
            command::revoke_certificate(context, person(1), revoked, hold).await.unwrap();
            for serial in &serials {
                let known = command::authenticate_device(&storage, server.id, &spki, serial).await;
                assert_eq!(known.is_ok(), serial != revoked, "{known:?}");
            }
            let context = &mut estate.hospital.context();
            command::reinstate_certificate(context, person(1), revoked).await.unwrap();
        }
        let other = estate.device("other", DeviceClass::Server).await;
        estate.ask(&other, &key(), EnrolmentMeans::Est).await.unwrap();
        let stolen = command::authenticate_device(&storage, other.id, &spki, &serials[0]).await;
        assert!(stolen.is_err(), "another device's");
        let never = command::authenticate_device(&storage, server.id, &spki, "4242").await;
        assert!(never.is_err(), "never issued");
    }
}

#[tokio::test]
async fn what_an_officer_put_on_hold_stays_held_when_its_device_is_reinstated() {
    for mut estate in estates().await {
        let server = estate.device("mirth", DeviceClass::Server).await;
        let mut serials = vec![];
        for _ in 0..2 {
            let issued = estate.ask(&server, &key(), EnrolmentMeans::Est).await.unwrap();
            serials.push(issued.certificate.serial().to_owned());
        }
        let hold = CertificateRevocation::CertificateHold;
        let context = &mut estate.hospital.context();
        command::revoke_certificate(context, person(1), &serials[0], hold).await.unwrap();
        for change in [DeviceChange::Suspend, DeviceChange::Quarantine] {
            estate.hospital.advance(SignedDuration::from_mins(1));
            let (context, why) = (&mut estate.hospital.context(), "odd".parse().unwrap());
            command::change_device(context, person(1), server.id, change, why).await.unwrap();
            assert_eq!(withdrawn(&estate, &serials[1]).await, Some(hold), "with its device");
        }
        estate.hospital.advance(SignedDuration::from_mins(1));
        let (context, why) = (&mut estate.hospital.context(), "checked".parse().unwrap());
        let change = DeviceChange::Reinstate;
        command::change_device(context, person(1), server.id, change, why).await.unwrap();
        assert_eq!(withdrawn(&estate, &serials[1]).await, None);
        assert_eq!(withdrawn(&estate, &serials[0]).await, Some(hold), "by itself");
        let context = &mut estate.hospital.context();
        command::reinstate_certificate(context, person(1), &serials[0]).await.unwrap();
    }
}

#[tokio::test]
async fn a_strangers_request_does_not_hold_up_that_of_the_device() {
    for mut estate in estates().await {
        let pump = estate.device("pump", DeviceClass::InfusionPump).await;
        let mut asked = vec![];
        for stranger in 0..4 {
            let waits = estate.ask(&pump, &key(), EnrolmentMeans::Est).await;
            let Err(IssueCertificateError::AwaitingApproval(id)) = waits else {
                panic!("{waits:?}")
            };
            assert!(!asked.contains(&id), "stranger {stranger} has its own request");
            asked.push(id);
            estate.hospital.advance(SignedDuration::from_secs(1));
        }
        let own = key();
        let waits = estate.ask(&pump, &own, EnrolmentMeans::Est).await;
        let Err(IssueCertificateError::AwaitingApproval(id)) = waits else { panic!("{waits:?}") };
        assert!(!asked.contains(&id));
        // No more than five wait: a sixth makes no further entry.
        let events = estate.events().await.len();
        let sixth = estate.ask(&pump, &key(), EnrolmentMeans::Est).await;
        assert!(
            matches!(sixth, Err(IssueCertificateError::AwaitingApproval(it)) if it == asked[0])
        );
        assert_eq!(estate.events().await.len(), events);
        let context = &mut estate.hospital.context();
        command::approve_device(context, person(2), id, DAY).await.unwrap();
        estate.ask(&pump, &own, EnrolmentMeans::Est).await.unwrap();
    }
}

#[tokio::test]
async fn no_device_is_given_the_servers_own_name() {
    for mut estate in estates().await {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::at(folder.path());
        config.trust_domain = estate.hospital.trust_domain.clone();
        config.http.names = vec!["mirth.example".parse().unwrap()];
        let keys = Keys::open(&config, estate.hospital.now, &mut StdRng::seed_from_u64(1)).unwrap();
        let rules = DevicesConfig::default();
        estate.hospital.authority = Some(Arc::new(OwnAuthority { keys, rules }));
        let server = estate.device("mirth", DeviceClass::Server).await;
        let refused = estate.ask(&server, &key(), EnrolmentMeans::Acme).await;
        assert!(matches!(refused, Err(IssueCertificateError::UnregisteredName)), "{refused:?}");
        let other = estate.device("other", DeviceClass::Server).await;
        estate.ask(&other, &key(), EnrolmentMeans::Acme).await.unwrap();
    }
}

#[tokio::test]
async fn the_servers_own_certificates_and_authorities_stand_in_the_log() {
    for mut estate in estates().await {
        let own = estate.hospital.authority.clone().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(At(estate.hospital.now));
        let ca = own.keys.fingerprint();
        for _ in 0..2 {
            let context = &mut estate.hospital.context();
            command::initialise_server(context, &Actor::Server, ca).await.unwrap();
        }
        let context = &mut estate.hospital.context();
        let listener = command::renew_listener(context, &own.keys, &clock).await.unwrap();
        let again = command::renew_listener(context, &own.keys, &clock).await.unwrap();
        assert!(Arc::ptr_eq(&listener, &again));
        let issuer = own.keys.issuing().digest;
        let signer = command::renew_ocsp_signer(context, &own.keys, &issuer).await.unwrap();
        command::renew_ocsp_signer(context, &own.keys, &issuer).await.unwrap();
        let root = own.keys.open_root(RootSource::Folder).unwrap();
        let made = own
            .keys
            .new_issuing(&root, estate.hospital.now, &mut StdRng::seed_from_u64(9))
            .unwrap();
        let context = &mut estate.hospital.context();
        let event = |certificate, subject| Event::AuthorityMade { certificate, subject };
        command::record_authority(context, &person(1), event, &made.certificate).await.unwrap();
        let second = own.keys.put_in_force(made).unwrap();
        let context = &mut estate.hospital.context();
        command::initialise_server(context, &Actor::Server, ca).await.unwrap();

        let facts = estate.hospital.facts_after(0).await;
        let made: Vec<Digest> = facts
            .iter()
            .filter_map(|event| {
                if let Event::AuthorityMade { certificate, .. } = event {
                    Some(*certificate)
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(made, [own.keys.root().digest(), issuer, second.digest()], "each once");
        let services: Vec<(OwnService, &str)> = facts
            .iter()
            .filter_map(|event| {
                if let Event::ServiceCertificateIssued { service, serial, .. } = event {
                    Some((*service, serial.as_str()))
                } else {
                    None
                }
            })
            .collect();
        let expected = [
            (OwnService::Listener, listener.certificate.serial()),
            (OwnService::OcspResponder, signer.certificate.serial()),
        ];
        assert_eq!(services, expected);
    }
}

struct At(jiff::Timestamp);

impl Clock for At {
    fn now(&self) -> jiff::Timestamp {
        self.0
    }
}
