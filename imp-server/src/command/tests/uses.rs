//! `own_uses`, `own_use`, the receipt of a certificate
use imp_authenticator::{Signer as _, UnverifiedReceipt};
use imp_identity::phone::Phone;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Event};
use imp_translog::{Evidence, leaf_hash};
use jiff::SignedDuration;

use super::hospital::{Hospital, Nurse};
use super::{Ward, wards};
use crate::command::{Certificate, ProvenUse, own_use, own_uses, record_certificate};
use crate::store::Tables as _;

async fn phone(hospital: &Hospital, nurse: &Nurse) -> Phone {
    let mut transaction = hospital.storage.read().await.unwrap();
    transaction.phones().find(nurse.phone).await.unwrap().unwrap()
}

fn kinds(uses: &[ProvenUse]) -> Vec<&str> {
    uses.iter().map(|used| used.stored.kind.as_str()).collect()
}

#[tokio::test]
async fn a_person_sees_every_use_page_after_page_with_proofs_and_nobody_elses() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let other = hospital.nurse("bea", officer.id, &desk).await;
        for _ in 0..105 {
            hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
            hospital.advance(SignedDuration::from_secs(5));
        }
        hospital.tap(&other, &desk, Purpose::TapIn).await.unwrap();
        let (hers, place) = (phone(&hospital, &nurse).await, hospital.place().await);
        let first = own_uses(&mut hospital.context(), &hers, None, None).await.unwrap();
        assert_eq!((first.size, first.uses.len(), first.more), (place, 100, true));
        assert_eq!(hospital.events_after(place).await, ["log-read"], "a look is an entry");

        let (mut after, mut uses) = (first.uses.last().map(|used| used.stored.index), first.uses);
        while after.is_some() {
            let page = own_uses(&mut hospital.context(), &hers, Some(place), after).await.unwrap();
            after = page.more.then(|| page.uses.last().unwrap().stored.index);
            uses.extend(page.uses);
        }
        assert_eq!(hospital.events_after(place).await.len(), 1, "the next pages are the same look");
        let taps = kinds(&uses).into_iter().filter(|kind| *kind == "tap-accepted").count();
        assert_eq!((taps, kinds(&uses).contains(&"log-read")), (105, false));
        assert!(uses.is_sorted_by_key(|used| used.stored.index));

        let mut transaction = hospital.storage.read().await.unwrap();
        for used in &uses {
            let entry = used.stored.entry().unwrap().unwrap();
            let event = &entry.record.event;
            let about_her = event.user() == Some(nurse.user.id);
            assert!(about_her || event.device() == Some(nurse.phone.as_uuid()), "{event:?}");
            let leaf = leaf_hash(&used.stored.commitment);
            let root = used.proof.root(used.stored.index, place, leaf).unwrap();
            let expected = uses[0].proof.root(
                uses[0].stored.index,
                place,
                leaf_hash(&uses[0].stored.commitment),
            );
            assert_eq!(Ok(root), expected, "{}", used.stored.index);
        }
        let head = transaction.log().head(hospital.context().log_key.verifier_key().name()).await;
        assert!(head.unwrap().unwrap().size > place);
        let named = uses.iter().filter(|used| used.workstation_label.is_some()).count();
        assert!(named >= 105, "workstations have names: {named}");
    }
}

#[tokio::test]
async fn one_entry_is_shown_to_the_person_it_is_about_only() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let other = hospital.nurse("bea", officer.id, &desk).await;
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let index = hospital.place().await - 1;
        let (hers, others) = (phone(&hospital, &nurse).await, phone(&hospital, &other).await);
        let context = hospital.context();
        let shown = own_use(&context, &hers, index, None).await.unwrap().unwrap();
        assert_eq!(shown.stored.kind, "tap-accepted");
        assert!(own_use(&context, &others, index, None).await.unwrap().is_none());
        assert!(own_use(&context, &hers, index + 1, None).await.unwrap().is_none());
        assert!(own_use(&context, &hers, index, Some(index)).await.is_err(), "not in that tree");
        assert!(own_use(&context, &hers, index, Some(index + 9)).await.is_err(), "no such tree");
    }
}

#[tokio::test]
async fn a_certificate_gives_a_receipt_that_is_proven_by_the_log() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let place = hospital.place().await;
        let trust_domain = hospital.context().trust_domain.clone();
        let spiffe_id = SpiffeId { trust_domain, machine: Machine::Workstation(desk.id) };
        let (serial, expires_at) = ("0a0b".to_owned(), hospital.now);
        let (issuance, withdrawal) = (None, None);
        let certificate = Certificate { serial, spiffe_id, expires_at, issuance, withdrawal };
        let receipt = record_certificate(&mut hospital.context(), Actor::Server, certificate).await;
        let receipt = UnverifiedReceipt::parse(&receipt.unwrap()).unwrap();
        let receipt = receipt.verify_by_server(&[hospital.signer.public_key()]).unwrap();
        assert_eq!((receipt.index, receipt.user), (place, None));
        assert_eq!(
            (receipt.kind.as_str(), receipt.workstation),
            ("certificate-issued", Some(desk.id))
        );
        let evidence = Evidence {
            index: receipt.index,
            record: &receipt.record,
            salt: &receipt.salt,
            proof: &receipt.proof,
            checkpoint: &receipt.checkpoint,
        };
        let key = hospital.context().log_key.verifier_key().clone();
        assert_eq!(evidence.verify(&[key]).unwrap().size, place + 1);
        let record: imp_identity::Record = serde_json::from_str(&receipt.record).unwrap();
        assert!(matches!(record.event, Event::CertificateIssued { .. }));
    }
}
