//! What somebody tries who would like a certificate that is not for her. Each try is refused for its own reason, the log says so,
//! and nothing is issued.
use imp_identity::device::{
    CertificateRevocation, Device, DeviceClass, EnrolmentMeans, Lifecycle, ServerName,
};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, Digest, Event};
use imp_pki::CertificateRequest;
use imp_server::command::{self, DeviceChange, IssueCertificateError, Order};
use imp_tests::estate::{self, context, request};
use jiff::{SignedDuration, ToSpan as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};

use super::{Estate, person};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The words of the refusals among events, and how many certificates were issued.
fn outcome(events: &[Event]) -> (Vec<&str>, usize) {
    let refused = events.iter().filter_map(|event| {
        if let Event::DeviceEnrolmentRefused { reason, .. } = event {
            Some(reason.as_str())
        } else {
            None
        }
    });
    let issued = events.iter().filter(|event| matches!(event, Event::CertificateIssued { .. }));
    (refused.collect(), issued.count())
}

#[tokio::test]
async fn a_request_for_more_than_the_inventory_says_is_refused() {
    let mut estate = Estate::open().await;
    let device = estate.device("analyser-1", DeviceClass::Analyser).await;
    estate.device("analyser-2", DeviceClass::Analyser).await;
    let before = estate.size().await;
    let key = KeyPair::generate().unwrap();
    let own = "analyser-1.hospital.example";
    for (names, word) in [
        (&[own, "analyser-2.hospital.example"][..], "extra-name"),
        (&["hospital.example"], "extra-name"),
        (&["*.hospital.example"], "wildcard"),
        (&[own, "*.analyser-1.hospital.example"], "wildcard"),
        (&["spiffe://hospital.example/device/01890a5d-ac96-774b-bcce-b302099a8057"], "extra-name"),
        (&["spiffe://elsewhere.example/workstation/1"], "extra-name"),
        (&["https://analyser-1.hospital.example/"], "extra-name"),
    ] {
        let asked = request(&key, names).unwrap();
        assert_eq!(estate.refused(&device, &asked, None).await, word, "{names:?}");
    }
    let events = estate.events(before).await;
    let (words, issued) = outcome(&events);
    assert_eq!((words.len(), issued), (7, 0), "{words:?}");
}

#[tokio::test]
async fn a_name_that_a_protocol_proved_counts_only_for_the_device_that_has_it() {
    let mut estate = Estate::open().await;
    let device = estate.device("server-1", DeviceClass::Server).await;
    let other = estate.device("server-2", DeviceClass::Server).await;
    let der = request(&KeyPair::generate().unwrap(), &[]).unwrap();
    let asked = CertificateRequest::verify_device(&der).unwrap();
    // Whoever rules over the other's web server proves its name by ACME, in this one's account.
    for names in [other.names, vec!["nobody.hospital.example".parse::<ServerName>().unwrap()]] {
        let order = Order {
            device: device.id,
            request: &asked,
            means: EnrolmentMeans::Acme,
            names,
            profile: None,
        };
        let mut context = context(&estate.app, &mut estate.rng);
        let refused = command::issue_certificate(&mut context, Actor::Server, order).await;
        assert!(matches!(refused, Err(IssueCertificateError::UnregisteredName)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_is_one_machines_and_one_that_others_know_is_nobodys() {
    let mut estate = Estate::open().await;
    let first = estate.device("server-1", DeviceClass::Server).await;
    let second = estate.device("server-2", DeviceClass::Server).await;
    let key = KeyPair::generate().unwrap();
    let asked = request(&key, &[]).unwrap();
    let issued = estate::ask(&estate.app, &mut estate.rng, &first, &asked, None).await.unwrap();
    assert_eq!(estate.refused(&second, &asked, None).await, "key-reused");
    // Its own device may keep it, until others may know it.
    estate::ask(&estate.app, &mut estate.rng, &first, &asked, None).await.unwrap();
    let serial = issued.certificate.serial().to_owned();
    let reason = CertificateRevocation::KeyCompromise;
    let mut context = context(&estate.app, &mut estate.rng);
    command::revoke_certificate(&mut context, person(1), &serial, reason).await.unwrap();
    assert_eq!(estate.refused(&first, &asked, None).await, "key-compromised");
    let refused = estate.refused(&second, &asked, None).await;
    assert!(["key-compromised", "key-reused"].contains(&refused), "{refused}");
    // Another key is as good as ever.
    estate::enrol(&estate.app, &mut estate.rng, &first).await.unwrap();
}

#[tokio::test]
async fn two_devices_that_show_one_key_at_once_do_not_both_get_it() {
    let mut estate = Estate::open().await;
    let first = estate.device("server-1", DeviceClass::Server).await;
    let second = estate.device("server-2", DeviceClass::Server).await;
    for round in 0..20 {
        let asked = request(&KeyPair::generate().unwrap(), &[]).unwrap();
        // Each process has its own generator: no two serial numbers are alike.
        let mut rngs = [2 * round, 2 * round + 1].map(StdRng::seed_from_u64);
        let [one, two] = &mut rngs;
        let (a, b) = tokio::join!(
            estate::ask(&estate.app, one, &first, &asked, None),
            estate::ask(&estate.app, two, &second, &asked, None),
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        assert_eq!(a.err().or(b.err()).unwrap().word(), "key-reused");
    }
}

#[tokio::test]
async fn a_better_profile_or_a_worse_key_is_not_given_because_it_is_asked_for() {
    let mut estate = Estate::open_with(|config| {
        let analysers = config.devices.classes.entry(DeviceClass::Analyser).or_default();
        analysers.keys = Some(vec![imp_pki::KeyKind::P384]);
    })
    .await;
    let pump = estate.device("pump-1", DeviceClass::InfusionPump).await;
    let asked = request(&KeyPair::generate().unwrap(), &[]).unwrap();
    // A pump is no server and no consumer of others' services; and there is no such thing as the others.
    for profile in ["server", "sdc-consumer", "sdc", "workstation", "authority", ""] {
        let refused = estate.refused(&pump, &asked, Some(profile)).await;
        assert_eq!(refused, "wrong-profile", "{profile:?}");
    }
    let analyser = estate.device("analyser-1", DeviceClass::Analyser).await;
    assert_eq!(estate.refused(&analyser, &asked, None).await, "key-kind");
    let better = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let better = request(&better, &[]).unwrap();
    estate::ask(&estate.app, &mut estate.rng, &analyser, &better, None).await.unwrap();
    // Nor does a device of one class become one of another, once it was given something.
    let mut description = analyser.description();
    description.class = DeviceClass::Server;
    let mut context = context(&estate.app, &mut estate.rng);
    let changed = command::describe_device(&mut context, person(1), analyser.id, description).await;
    assert!(changed.is_err(), "{changed:?}");
}

#[tokio::test]
async fn a_pump_is_not_enrolled_by_whoever_rules_over_its_name() {
    let mut estate = Estate::open().await;
    let pump = estate.device("pump-1", DeviceClass::InfusionPump).await;
    let der = request(&KeyPair::generate().unwrap(), &[]).unwrap();
    let asked = CertificateRequest::verify_device(&der).unwrap();
    let order = Order {
        device: pump.id,
        request: &asked,
        means: EnrolmentMeans::Acme,
        names: pump.names.clone(),
        profile: None,
    };
    let mut context = context(&estate.app, &mut estate.rng);
    let refused = command::issue_certificate(&mut context, Actor::Server, order).await;
    assert!(matches!(refused, Err(IssueCertificateError::Means)), "{refused:?}");
}

#[tokio::test]
async fn a_technicians_code_is_for_one_device_and_one_key() {
    let mut estate = Estate::open().await;
    let first = estate.device("server-1", DeviceClass::Server).await;
    estate.device("server-2", DeviceClass::Server).await;
    let app = estate.app.clone();
    let rng = &mut estate.rng;
    let invited =
        command::invite_device(&mut context(&app, rng), person(1), first.id, HOUR).await.unwrap();
    let key = |number: u8| Digest::of(&[&[number]]);
    let accepted =
        command::accept_device_code(&mut context(&app, rng), &invited.code, key(1)).await;
    assert_eq!(accepted.unwrap().id, first.id, "the code says whose it is");
    // Somebody who looked over the technician's shoulder.
    let stolen = command::accept_device_code(&mut context(&app, rng), &invited.code, key(2)).await;
    assert!(stolen.is_err(), "another key: {stolen:?}");
    let again = command::accept_device_code(&mut context(&app, rng), &invited.code, key(1)).await;
    assert!(again.is_ok(), "an answer that was lost: {again:?}");
    // A new one ends it; so does time.
    let newer =
        command::invite_device(&mut context(&app, rng), person(1), first.id, HOUR).await.unwrap();
    let old = command::accept_device_code(&mut context(&app, rng), &invited.code, key(1)).await;
    assert!(old.is_err(), "{old:?}");
    estate.clock.advance(HOUR);
    let late =
        command::accept_device_code(&mut context(&app, &mut estate.rng), &newer.code, key(3)).await;
    assert!(late.is_err(), "{late:?}");
}

#[tokio::test]
async fn a_second_person_approves_one_key_and_not_the_next_code() {
    let mut estate = Estate::open().await;
    let pump = estate.device("pump-1", DeviceClass::InfusionPump).await;
    let app = estate.app.clone();
    let rng = &mut estate.rng;
    command::invite_device(&mut context(&app, rng), person(1), pump.id, HOUR).await.unwrap();
    let compared = request(&KeyPair::generate().unwrap(), &[]).unwrap();
    assert_eq!(estate.refused(&pump, &compared, None).await, "awaiting-approval");
    let rng = &mut estate.rng;
    let open = command::open_approvals(&app.storage).await.unwrap();
    let [waiting] = open.as_slice() else { panic!("{open:?}") };
    let own = command::approve_device(&mut context(&app, rng), person(1), waiting.id, WEEK).await;
    assert!(own.is_err(), "who made the code is no second person: {own:?}");
    command::approve_device(&mut context(&app, rng), person(2), waiting.id, WEEK).await.unwrap();
    // Somebody else's key in its place, before and after another code.
    let slipped_in = request(&KeyPair::generate().unwrap(), &[]).unwrap();
    assert_eq!(estate.refused(&pump, &slipped_in, None).await, "awaiting-approval");
    let rng = &mut estate.rng;
    command::invite_device(&mut context(&app, rng), person(1), pump.id, HOUR).await.unwrap();
    assert_eq!(estate.refused(&pump, &slipped_in, None).await, "awaiting-approval");
    let (_, issued) = outcome(&estate.events(0).await);
    assert_eq!(issued, 0);
}

#[tokio::test]
async fn a_device_that_is_held_or_retired_gets_nothing_and_its_certificates_end() {
    let mut estate = Estate::open().await;
    let app = estate.app.clone();
    for (change, word, state, counts_again) in [
        (DeviceChange::Suspend, "device-held", Lifecycle::Suspended, true),
        (DeviceChange::Quarantine, "device-held", Lifecycle::Quarantined, true),
        (DeviceChange::Retire, "device-retired", Lifecycle::Retired, false),
    ] {
        let name = format!("server-{word}-{counts_again}-{state:?}").to_lowercase();
        let device = estate.device(&name, DeviceClass::Server).await;
        estate::enrol(&app, &mut estate.rng, &device).await.unwrap();
        let reason = || "a test".parse().unwrap();
        let rng = &mut estate.rng;
        let changed =
            command::change_device(&mut context(&app, rng), person(1), device.id, change, reason())
                .await
                .unwrap();
        assert_eq!(changed.state, state);
        let asked = request(&KeyPair::generate().unwrap(), &[]).unwrap();
        assert_eq!(estate.refused(&changed, &asked, None).await, word);
        assert!(withdrawn(&estate, &device).await, "{state:?}");
        let rng = &mut estate.rng;
        let resume = DeviceChange::Reinstate;
        let back =
            command::change_device(&mut context(&app, rng), person(1), device.id, resume, reason())
                .await;
        assert_eq!(back.is_ok(), counts_again, "{state:?}");
        assert_eq!(withdrawn(&estate, &device).await, !counts_again, "{state:?}");
    }
}

/// Whether every certificate of the device is held or revoked.
async fn withdrawn(estate: &Estate, device: &Device) -> bool {
    use imp_server::store::Tables as _;
    let trust_domain = estate.app.keys.trust_domain().clone();
    let machine = SpiffeId { trust_domain, machine: Machine::Device(device.id) };
    let mut reading = estate.app.storage.read().await.unwrap();
    let own = reading.certificates().of(&machine).await.unwrap();
    assert!(!own.is_empty());
    own.iter().all(|certificate| certificate.withdrawal.is_some())
}

#[tokio::test]
async fn a_certificate_counts_no_longer_than_its_class_may_whatever_is_asked() {
    let mut estate = Estate::open().await;
    let gateway = estate.device("gateway-1", DeviceClass::LegacyGateway).await;
    let issued = estate::enrol(&estate.app, &mut estate.rng, &gateway).await.unwrap();
    let now = estate.app.now();
    let rule = estate.app.config.devices.rule(DeviceClass::LegacyGateway);
    assert_eq!(issued.certificate.expires_at(), now + rule.lifetime);
    assert!(issued.certificate.not_before() > now - 1.hour());
}
