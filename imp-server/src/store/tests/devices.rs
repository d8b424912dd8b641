use imp_identity::device::{
    Approval, CertificateRevocation, Description, Device, DeviceClass, EnrolmentMeans, Lifecycle,
};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{ApprovalId, DeviceId};

use super::*;

fn device(n: u128, name: &str, hosts: &[&str]) -> Device {
    let description = Description {
        name: name.parse().unwrap(),
        class: DeviceClass::Analyser,
        manufacturer: Some("Acme".parse().unwrap()),
        model: Some("A 1".parse().unwrap()),
        serial_number: Some(format!("SN{n}").parse().unwrap()),
        udi: Some("(01)0".parse().unwrap()),
        unit: Some("Lab".parse().unwrap()),
        location: None,
        zone: Some("medical".parse().unwrap()),
        mds2: None,
        names: hosts.iter().map(|host| host.parse().unwrap()).collect(),
    };
    let by = Actor::User(UserId::from(uuid(1)));
    Device::register(DeviceId::from(uuid(n)), description, by, NOW).unwrap().0
}

fn certificate(device: &Device, serial: &str, hours: i64, key: &[u8]) -> Certificate {
    let machine = Machine::Device(device.id);
    Certificate {
        serial: serial.to_owned(),
        spiffe_id: SpiffeId { trust_domain: "hospital.example".parse().unwrap(), machine },
        expires_at: NOW + SignedDuration::from_hours(hours),
        issuance: Some(Issuance {
            der: vec![0x30, 1],
            issuer: Digest::of(&[b"issuer"]),
            key: Digest::of(&[key]),
            not_before: NOW,
            profile: "machine".to_owned(),
            partition: 3,
        }),
        withdrawal: None,
    }
}

#[tokio::test]
async fn devices_are_read_as_they_were_written_and_found_in_every_way() {
    for mut transaction in transactions().await {
        let analyser = device(1, "Analyser 1", &["a1.example", "192.0.2.1"]);
        transaction.devices().add(&analyser).await.unwrap();
        let id = analyser.id;
        assert_eq!(transaction.devices().find(id).await.unwrap().as_ref(), Some(&analyser));
        let found = transaction.devices().find_by_serial_number("Acme", "SN1").await.unwrap();
        assert_eq!(found.as_ref(), Some(&analyser));
        for name in &analyser.names {
            let found = transaction.devices().find_by_name(name).await.unwrap();
            assert_eq!(found.as_ref(), Some(&analyser));
        }
        let found = transaction.devices().find_by_label(&analyser.name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&analyser));

        let (active, _) = analyser.enrol(NOW).unwrap();
        transaction.devices().update(&active).await.unwrap();
        let in_use = transaction.devices().in_use().await.unwrap();
        assert_eq!(in_use.len(), 1);
        assert_eq!(in_use[0].1, DeviceClass::Analyser);
        let filter = DeviceFilter { state: Some(Lifecycle::Active), ..DeviceFilter::default() };
        let page = transaction.devices().page(&filter, None, 10).await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(&active));
        let filter = DeviceFilter { class: Some(DeviceClass::Server), ..DeviceFilter::default() };
        assert_eq!(transaction.devices().page(&filter, None, 10).await.unwrap().items, []);

        let mut described = active.description();
        described.names = vec!["a2.example".parse().unwrap()];
        let (moved, _) = active.describe(described).unwrap();
        transaction.devices().describe(&moved).await.unwrap();
        let gone = "a1.example".parse().unwrap();
        assert_eq!(transaction.devices().find_by_name(&gone).await.unwrap(), None);
    }
}

#[tokio::test]
async fn names_and_numbers_are_one_devices() {
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        transaction.devices().add(&device(1, "One", &["one.example"])).await.unwrap();
        transaction.commit().await.unwrap();
        let number = Device { id: DeviceId::from(uuid(2)), ..device(1, "Two", &[]) };
        for wrong in [device(2, "One", &[]), device(2, "Two", &["one.example"]), number] {
            let mut transaction = storage.begin().await.unwrap();
            let refused = transaction.devices().add(&wrong).await.unwrap_err();
            assert!(refused.is_unique_violation(), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn codes_and_approvals_are_read_in_every_state() {
    for mut transaction in transactions().await {
        let analyser = device(1, "Analyser 1", &[]);
        transaction.devices().add(&analyser).await.unwrap();
        let (invitation, code) = invitation();
        let key = Some(Digest::of(&[b"key"]));
        for key in [None, key] {
            let kept = EnrolmentCode { invitation, key, by: Actor::Server };
            transaction.devices().invite(analyser.id, Some(&kept)).await.unwrap();
            let found = transaction.devices().find_by_code(code.digest()).await.unwrap();
            assert_eq!(found, Some((analyser.clone(), kept)));
        }
        transaction.devices().invite(analyser.id, None).await.unwrap();
        assert_eq!(transaction.devices().find_by_code(code.digest()).await.unwrap(), None);

        let key = Digest::of(&[b"key"]);
        let ask = |n, at| {
            let id = ApprovalId::from(uuid(n));
            Approval::request(id, analyser.id, EnrolmentMeans::Token, key, at).0
        };
        let (first, second) = (ask(1, NOW), ask(2, NOW + 1.minute()));
        transaction.approvals().add(&first).await.unwrap();
        transaction.approvals().add(&second).await.unwrap();
        let open = transaction.approvals().open(10).await.unwrap();
        assert_eq!(open, [first.clone(), second.clone()]);
        let lifetime = SignedDuration::from_hours(2);
        let (first, _) = first.approve(Actor::Server, &[], lifetime, NOW).unwrap();
        let (second, _) = second.reject(Actor::Server, "no".parse().unwrap(), NOW).unwrap();
        transaction.approvals().decide(&first).await.unwrap();
        transaction.approvals().decide(&second).await.unwrap();
        let known = transaction.approvals().of(analyser.id).await.unwrap();
        assert_eq!(known, [second, first.clone()]);
        assert!(known[1].counts(NOW + 1.hour()));
        transaction.approvals().end(analyser.id, NOW + 1.hour()).await.unwrap();
        let ended = transaction.approvals().find(first.id).await.unwrap().unwrap();
        assert!(!ended.counts(NOW + 1.hour()));
    }
}

#[tokio::test]
async fn certificates_say_what_was_issued_and_what_no_longer_counts() {
    for mut transaction in transactions().await {
        let analyser = device(1, "Analyser 1", &[]);
        let other = device(2, "Analyser 2", &[]);
        transaction.devices().add(&analyser).await.unwrap();
        let one = certificate(&analyser, "0a", 24, b"key");
        transaction.certificates().add(&one).await.unwrap();
        let found = transaction.certificates().find_by_serial("0a").await.unwrap();
        assert_eq!(found.as_ref(), Some(&one));
        assert_eq!(transaction.certificates().of_device(analyser.id, NOW).await.unwrap().len(), 1);
        let later = NOW + 24.hours();
        assert_eq!(transaction.certificates().of_device(analyser.id, later).await.unwrap(), []);

        let foreign = certificate(&other, "0b", 24, b"other").spiffe_id;
        let mut certificates = transaction.certificates();
        assert!(certificates.is_key_of_another(&foreign, b"key").await.unwrap());
        assert!(!certificates.is_key_of_another(&one.spiffe_id, b"key").await.unwrap());
        assert!(!certificates.is_key_of_another(&foreign, b"new").await.unwrap());

        let issuer = Digest::of(&[b"issuer"]);
        assert_eq!(certificates.counting(&issuer, NOW).await.unwrap(), 1);
        assert_eq!(certificates.all_revoked(&issuer, None, NOW).await.unwrap(), []);
        let reason = CertificateRevocation::KeyCompromise;
        let withdrawal = Some(Withdrawal { at: NOW, reason });
        certificates.withdraw("0a", withdrawal).await.unwrap();
        assert_eq!(certificates.counting(&issuer, NOW).await.unwrap(), 0);
        assert!(certificates.is_compromised(&Digest::of(&[b"key"])).await.unwrap());
        for (partition, count) in [(None, 1), (Some(3), 1), (Some(4), 0)] {
            let revoked = certificates.all_revoked(&issuer, partition, NOW).await.unwrap();
            assert_eq!(revoked.len(), count, "{partition:?}");
        }
        assert_eq!(certificates.revoked_since(&issuer, NOW).await.unwrap().len(), 1);
        assert_eq!(certificates.revoked_since(&issuer, later).await.unwrap(), []);
        assert_eq!(certificates.all_revoked(&issuer, None, later).await.unwrap(), []);
        assert_eq!(certificates.valid(&issuer, NOW, "", 10).await.unwrap().len(), 1);
        assert_eq!(certificates.purge(later + 1.hour()).await.unwrap(), 0, "its key stays known");
        certificates.withdraw("0a", None).await.unwrap();
        assert_eq!(certificates.status("0a").await.unwrap(), Some(one));
        assert_eq!(certificates.purge(later + 1.hour()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn only_a_devices_last_certificate_is_forecast_and_its_alarm_is_given_once() {
    for mut transaction in transactions().await {
        let (renewed, silent) = (device(1, "Renewed", &[]), device(2, "Silent", &[]));
        transaction.devices().add(&renewed).await.unwrap();
        transaction.devices().add(&silent).await.unwrap();
        for row in [
            certificate(&renewed, "0a", 60, b"a"),
            certificate(&renewed, "0b", 120, b"a"),
            certificate(&silent, "0c", 60, b"c"),
        ] {
            transaction.certificates().add(&row).await.unwrap();
        }
        let serials = |found: Vec<Expiring>| {
            found.into_iter().map(|expiring| expiring.serial).collect::<Vec<_>>()
        };
        let until = NOW + 100.hours();
        let found = transaction.certificates().expiring(NOW, until, 10).await.unwrap();
        assert_eq!(serials(found), ["0c"]);
        let far = NOW + 200.hours();
        let found = transaction.certificates().expiring(NOW, far, 10).await.unwrap();
        assert_eq!(serials(found), ["0c", "0b"]);

        let early = transaction.certificates().alarming(NOW + 49.hours(), 10).await.unwrap();
        assert_eq!(serials(early), Vec::<String>::new());
        let due = transaction.certificates().alarming(NOW + 50.hours(), 10).await.unwrap();
        assert_eq!(serials(due), ["0c"]);
        transaction.certificates().alarmed("0c", NOW).await.unwrap();
        let due = transaction.certificates().alarming(NOW + 51.hours(), 10).await.unwrap();
        assert_eq!(serials(due), Vec::<String>::new());
        let over = transaction.certificates().alarming(NOW + 61.hours(), 10).await.unwrap();
        assert_eq!(serials(over), Vec::<String>::new(), "0b was renewed to hour 120");
    }
}
