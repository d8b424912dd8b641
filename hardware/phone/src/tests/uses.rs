//! What the owner sees of the log, and what of a log that is tampered with.
use std::sync::Arc;

use imp_authenticator::{Message, Receipt, ReceiptDelivery, StatementError};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Clock, Event, UserId};
use imp_translog::{Hash, LogKey, OpenError, ProofError};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hospital::{Hospital, ask};
use super::log::{LogServer, accepted, refused};
use crate::binding::Binding;
use crate::holder::Holder;
use crate::keep::ReceiptError;
use crate::{LogAlarm, Phone, ReceiptFault, Standing, Verification, VerifyError};

fn holder(phone: &Phone) -> Holder {
    Holder::load(phone).unwrap().unwrap()
}

/// Keeps a receipt that may have been changed before it was signed.
fn keep(hospital: &Hospital, phone: &Phone, receipt: &Receipt) -> Result<(), ReceiptFault> {
    let signed = receipt.sign(hospital.statement.as_ref()).unwrap();
    match holder(phone).keep(&signed, hospital.now()) {
        Ok(_) => Ok(()),
        Err(ReceiptError::Faulty(fault)) => Err(fault),
        Err(error) => panic!("{error}"),
    }
}

fn somebody() -> UserId {
    UserId::from(Uuid::from_u128(99))
}

/// Five taps of the owner, among other people's; the receipts are on the phone.
fn five_taps(hospital: &Hospital, phone: &Phone) -> Vec<Receipt> {
    let taps = (0..5).map(|number| {
        hospital.happens(accepted(somebody(), 100 + number));
        let receipt = hospital.happens(accepted(hospital.user, number)).receipt();
        keep(hospital, phone, &receipt).unwrap();
        receipt
    });
    taps.collect()
}

async fn online(hospital: &Hospital, phone: &Phone) -> LogServer {
    let server = hospital.answer().await;
    let mut binding = Binding::load(phone.state()).unwrap().unwrap();
    binding.server.clone_from(&server.address);
    binding.save(phone.state()).unwrap();
    server
}

async fn verify(hospital: &Hospital, phone: &Phone) -> Result<Verification, VerifyError> {
    let clock: Arc<dyn Clock> = hospital.clock.clone();
    phone.verify_uses(clock).await
}

fn standings(verification: &Verification) -> Vec<(u64, Standing)> {
    verification.uses.iter().map(|used| (used.index, used.standing)).collect()
}

#[test]
fn every_change_of_a_receipt_is_refused_in_its_own_words_and_kept_as_evidence() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.happens(accepted(somebody(), 7));
    let good = hospital.happens(accepted(hospital.user, 8)).receipt();
    let other = hospital.happens(accepted(somebody(), 9)).receipt();
    let other_log = LogKey::generate("hospital.example/log").unwrap();
    let forged_tree = {
        let text = good.checkpoint.split("\n\n").next().unwrap();
        let checkpoint = format!("{text}\n").parse().unwrap();
        imp_translog::sign_checkpoint(&checkpoint, &other_log).unwrap().to_string()
    };
    let mut flipped_proof = good.proof.clone();
    flipped_proof[0][0] ^= 1;
    let mut said = Vec::new();
    for (receipt, fault) in [
        (
            Receipt { record: good.record.replace("false", "true"), ..good.clone() },
            ReceiptFault::Inclusion(ProofError::Root),
        ),
        (
            Receipt { proof: flipped_proof, ..good.clone() },
            ReceiptFault::Inclusion(ProofError::Root),
        ),
        (Receipt { proof: vec![], ..good.clone() }, ReceiptFault::Inclusion(ProofError::Length)),
        (
            Receipt { index: good.index + 1, ..good.clone() },
            ReceiptFault::Inclusion(ProofError::OutOfTree),
        ),
        (Receipt { record: format!("{}x", good.record), ..good.clone() }, ReceiptFault::Record),
        (
            Receipt { kind: "tap-refused".to_owned(), ..good.clone() },
            ReceiptFault::Contradiction("kind"),
        ),
        (
            Receipt { at: good.at + SignedDuration::from_secs(1), ..good.clone() },
            ReceiptFault::Contradiction("time"),
        ),
        (Receipt { user: Some(somebody()), ..good.clone() }, ReceiptFault::Contradiction("person")),
        (Receipt { workstation: None, ..good.clone() }, ReceiptFault::Contradiction("workstation")),
        (Receipt { purpose: None, ..good.clone() }, ReceiptFault::Contradiction("purpose")),
        (Receipt { session: None, ..good.clone() }, ReceiptFault::Contradiction("session")),
        (Receipt { event: other.event, ..good.clone() }, ReceiptFault::Contradiction("event")),
        (
            Receipt { checkpoint: forged_tree, ..good.clone() },
            ReceiptFault::Checkpoint(OpenError::Note(imp_translog::NoteError::NoTrustedSignature)),
        ),
        (
            Receipt { checkpoint: other.checkpoint.clone(), ..good.clone() },
            ReceiptFault::Inclusion(ProofError::Length),
        ),
        (other.clone(), ReceiptFault::SomebodyElse),
    ] {
        assert_eq!(keep(&hospital, &phone, &receipt), Err(fault));
        let refused = crate::evidence::load(phone.state()).unwrap();
        said.push(refused.last().unwrap().why.clone());
    }
    assert_eq!(said.len(), 15);
    said.sort();
    said.dedup();
    assert!(said.len() >= 12, "{said:#?}");
    let uses = phone.uses().unwrap();
    assert_eq!((uses.uses.len(), uses.refused.len()), (0, 15));
    let file = std::fs::read(hospital.state().join("evidence")).unwrap();
    let contains = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains(&good.record) && !contains(&other.record), "nobody else's record is kept");
    keep(&hospital, &phone, &good).unwrap();
    assert!(phone.uses().unwrap().uses[0].verified);
}

#[tokio::test]
async fn a_receipt_replayed_for_another_owner_is_declined() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let hers = hospital.happens(accepted(somebody(), 7)).receipt();
    let serves = hospital.serve(&phone);
    let mut conversation = hospital.workstation(1).connect().await.unwrap();
    let answer = ask(&mut conversation, &hospital.delivery(&hers)).await;
    assert!(
        matches!(&answer, Message::Declined(d) if d.detail == "it is about somebody else"),
        "{answer:?}"
    );
    let rubbish = Message::Receipt(ReceiptDelivery { receipt: b"rubbish".to_vec() });
    let answer = ask(&mut conversation, &rubbish).await;
    assert!(
        matches!(&answer, Message::Declined(d) if d.detail == "it is not signed by the server")
    );
    serves.stop().await;
    let refused = hospital.open().uses().unwrap().refused;
    assert_eq!(refused.len(), 2);
    let unsigned = ReceiptFault::Signature(StatementError::Malformed);
    assert_eq!(refused[1].why, crate::explain(&unsigned));
}

#[test]
fn a_phone_bound_before_the_log_keeps_receipts_and_proves_them_later() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let mut binding = Binding::load(phone.state()).unwrap().unwrap();
    let key = binding.credentials.log_key.take();
    binding.save(phone.state()).unwrap();
    keep(&hospital, &phone, &hospital.happens(accepted(hospital.user, 1)).receipt()).unwrap();
    let uses = phone.uses().unwrap();
    assert!(uses.uses[0].verified && uses.uses[0].remark.is_some());
    binding.credentials.log_key = key;
    binding.save(phone.state()).unwrap();
    assert_eq!(phone.uses().unwrap().uses[0].remark, None);
    // After the log's key has changed, former receipts go on to count.
    let key = LogKey::generate("hospital.example/log").unwrap();
    let mut renewed = binding.credentials.clone();
    renewed.log_key = Some(key.verifier_key().to_string());
    binding.renewed(renewed).save(phone.state()).unwrap();
    assert_eq!(phone.uses().unwrap().uses[0].remark, None);
}

#[test]
fn two_trees_of_one_size_put_both_receipts_at_fault() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let mut fork = hospital.log.lock().unwrap().fork(0);
    for number in [1, 2] {
        let receipt = hospital.happens(accepted(hospital.user, number)).receipt();
        keep(&hospital, &phone, &receipt).unwrap();
    }
    fork.append(hospital.now(), accepted(somebody(), 3));
    // Another event at the same place of the other history.
    let other = fork.append_as(77, hospital.now(), accepted(hospital.user, 4)).receipt();
    keep(&hospital, &phone, &other).unwrap();
    let uses = phone.uses().unwrap();
    let fault = crate::explain(&ReceiptFault::SplitView { size: 2 });
    let remarks: Vec<_> =
        uses.uses.iter().map(|used| (used.index, used.remark.as_deref())).collect();
    assert_eq!(remarks, [(0, None), (1, Some(&*fault)), (1, Some(&*fault))]);
    assert!(!uses.is_sound());
}

#[tokio::test]
async fn every_use_is_listed_and_proven_with_those_that_gave_no_receipt() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let receipts = five_taps(&hospital, &phone);
    let without = hospital.happens(refused(hospital.user));
    hospital.clock.advance(SignedDuration::from_secs(60));
    let lost = hospital.happens(accepted(hospital.user, 50));
    let server = online(&hospital, &phone).await;
    let verification = verify(&hospital, &phone).await.unwrap();
    let mut expected: Vec<_> = receipts.iter().map(|r| (r.index, Standing::Proven)).collect();
    expected.push((without.index, Standing::Logged));
    expected.push((lost.index, Standing::ReceiptMissing));
    assert_eq!(standings(&verification), expected);
    assert!(verification.is_sound() && verification.seen_before.is_none());
    let table = verification.table(&jiff::tz::TimeZone::UTC);
    assert!(table.contains("comparison-failed  (number 10 in the log: in the log)"), "{table}");
    assert!(table.contains("7 uses: 5 proven"), "{table}");

    hospital.happens(accepted(somebody(), 200));
    let again = verify(&hospital, &phone).await.unwrap();
    assert_eq!((again.seen_before, again.size), (Some(12), 13));
    // One checkpoint, one consistency proof for what was seen and one for the last receipt, three pages.
    assert_eq!(server.shown.lock().unwrap().asked, 4 + 1 + 6);
}

#[tokio::test]
async fn thousands_of_uses_are_verified_page_after_page() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    for number in 0..700 {
        hospital.happens(accepted(hospital.user, number));
    }
    let _server = online(&hospital, &phone).await;
    let verification = verify(&hospital, &phone).await.unwrap();
    assert_eq!(verification.uses.len(), 700);
    assert!(verification.is_sound());
}

#[tokio::test]
async fn what_a_tampering_server_lists_is_caught_in_its_own_words() {
    type Change = fn(&mut imp_api::log::OwnUses);
    let tampering: [(Change, Standing); 6] = [
        (|page| page.entries[0].record.as_mut().unwrap().push(' '), Standing::BadRecord),
        (|page| page.entries[0].salt.as_mut().unwrap().0[3] ^= 1, Standing::BadRecord),
        (|page| page.entries[0].proof[0].0[3] ^= 1, Standing::BadProof),
        (|page| page.entries[0].commitment.0[3] ^= 1, Standing::BadProof),
        (|page| page.entries[0].salt = None, Standing::Malformed),
        (|page| drop(page.entries.remove(0)), Standing::Unlisted),
    ];
    let hospital = Hospital::new();
    let phone = hospital.open();
    let receipts = five_taps(&hospital, &phone);
    let server = online(&hospital, &phone).await;
    let mut said = std::collections::BTreeSet::new();
    for (tamper, standing) in tampering {
        let first = receipts[0].index;
        let only_first = move |page: &mut imp_api::log::OwnUses| {
            if page.entries.first().is_some_and(|entry| entry.index == first) {
                tamper(page);
            }
        };
        server.shown.lock().unwrap().tamper = Some(Box::new(only_first));
        let verification = verify(&hospital, &phone).await.unwrap();
        assert_eq!(standings(&verification)[0], (first, standing));
        assert!(!verification.is_sound());
        assert_eq!(standings(&verification)[1].1, Standing::Proven);
        said.insert(standing.sentence());
        let kept = verification.refused.last().unwrap();
        assert!(kept.why.contains(standing.sentence()), "{kept:?}");
    }
    assert_eq!(said.len(), 4);
}

#[tokio::test]
async fn a_list_without_end_or_order_is_refused() {
    type Change = fn(&mut imp_api::log::OwnUses);
    let endless: [Change; 4] = [
        |page| {
            page.more = true;
            page.entries.clear();
        },
        |page| page.more = true,
        |page| page.entries.reverse(),
        |page| page.entries[0].index = u64::MAX,
    ];
    let hospital = Hospital::new();
    let phone = hospital.open();
    five_taps(&hospital, &phone);
    let server = online(&hospital, &phone).await;
    for tamper in endless {
        server.shown.lock().unwrap().tamper = Some(Box::new(tamper));
        let refused = verify(&hospital, &phone).await;
        assert!(matches!(refused, Err(VerifyError::List)), "{refused:?}");
    }
    // Hashes and proofs of any length are refused in bounded time.
    server.shown.lock().unwrap().tamper = Some(Box::new(|page| {
        page.entries[0].proof = vec![vec![0; 32].into(); 10_000];
        page.entries[1].proof = vec![vec![0; 31].into()];
    }));
    let verification = verify(&hospital, &phone).await.unwrap();
    let found: Vec<_> = standings(&verification).into_iter().map(|(_, s)| s).take(2).collect();
    assert_eq!(found, [Standing::BadProof, Standing::Malformed]);
}

#[tokio::test]
async fn somebody_elses_use_in_the_list_is_an_alarm_without_her_data() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let hers = hospital.happens(accepted(somebody(), 1));
    let receipt = hospital.happens(accepted(hospital.user, 2)).receipt();
    keep(&hospital, &phone, &receipt).unwrap();
    let server = online(&hospital, &phone).await;
    let foreign = hospital.log.lock().unwrap().entry_of(hers.index);
    server.shown.lock().unwrap().tamper =
        Some(Box::new(move |page| page.entries.insert(0, foreign.clone())));
    let verification = verify(&hospital, &phone).await.unwrap();
    assert_eq!(standings(&verification)[0], (hers.index, Standing::SomebodyElse));
    assert_eq!(verification.uses[0].kind, None);
    let file = std::fs::read(hospital.state().join("evidence")).unwrap();
    let text = somebody().to_string();
    assert!(!file.windows(text.len()).any(|window| window == text.as_bytes()));
}

#[tokio::test]
async fn a_receipt_that_the_log_does_not_know_is_an_alarm() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let receipts = five_taps(&hospital, &phone);
    let server = online(&hospital, &phone).await;
    // The log holds the entry, but the server neither lists nor shows it.
    let gone = receipts[1].index;
    server.shown.lock().unwrap().tamper =
        Some(Box::new(move |page| page.entries.retain(|entry| entry.index != gone)));
    server.shown.lock().unwrap().forgetful = true;
    let verification = verify(&hospital, &phone).await.unwrap();
    assert_eq!(standings(&verification)[1], (gone, Standing::NotInLog));
}

#[tokio::test]
async fn an_erased_record_stays_proven_by_its_receipt() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let receipts = five_taps(&hospital, &phone);
    hospital.log.lock().unwrap().erase(usize::try_from(receipts[2].index).unwrap());
    let _server = online(&hospital, &phone).await;
    let verification = verify(&hospital, &phone).await.unwrap();
    assert_eq!(standings(&verification)[2], (receipts[2].index, Standing::Erased));
    assert!(verification.is_sound());
    assert_eq!(verification.uses[2].kind.as_deref(), Some("tap-accepted"));
}

#[tokio::test]
async fn a_log_that_is_rolled_back_or_forked_or_forged_is_shouted_about() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    five_taps(&hospital, &phone);
    let server = online(&hospital, &phone).await;
    verify(&hospital, &phone).await.unwrap();
    let size = hospital.log.lock().unwrap().size();
    let fork = |from: usize, more: u128| {
        let mut fork = hospital.log.lock().unwrap().fork(from);
        for number in 0..more {
            fork.append(hospital.now(), accepted(somebody(), 1000 + number));
        }
        fork
    };
    let stranger = LogKey::generate("hospital.example/log").unwrap();
    let forged = imp_translog::Checkpoint {
        origin: "hospital.example/log".to_owned(),
        size: 99,
        root: Hash([1; 32]),
        extensions: vec![],
    };
    let forged = imp_translog::sign_checkpoint(&forged, &stranger).unwrap().to_string();
    let mut said = std::collections::BTreeSet::new();
    let mut tried = async |log, checkpoint| {
        {
            let mut shown = server.shown.lock().unwrap();
            (shown.log, shown.checkpoint) = (log, checkpoint);
        }
        let Err(VerifyError::Alarm(alarm)) = verify(&hospital, &phone).await else {
            panic!("no alarm")
        };
        said.insert(alarm.to_string());
        alarm
    };
    let alarm = tried(Some(fork(8, 0)), None).await;
    assert!(matches!(alarm, LogAlarm::RolledBack { had, shown: 8 } if had == size), "{alarm}");
    let alarm = tried(Some(fork(8, 2)), None).await;
    assert!(matches!(alarm, LogAlarm::Split { size: s } if s == size), "{alarm}");
    let alarm = tried(Some(fork(8, 9)), None).await;
    assert!(matches!(alarm, LogAlarm::NotContinued { size: s, .. } if s == size), "{alarm}");
    let alarm = tried(None, Some(forged)).await;
    assert!(matches!(alarm, LogAlarm::Forged(_)), "{alarm}");
    assert_eq!(said.len(), 4);
    let kept = phone.uses().unwrap().refused;
    assert_eq!(kept.len(), 4, "{kept:?}");
    // The honest log goes on to be the one that this phone knows.
    (server.shown.lock().unwrap().log, server.shown.lock().unwrap().checkpoint) = (None, None);
    assert!(verify(&hospital, &phone).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_fork_is_noticed_by_the_receipts_of_a_phone_that_never_looked() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let receipts = five_taps(&hospital, &phone);
    let server = online(&hospital, &phone).await;
    // Before the third tap the history differs; after it the log is told again with the same taps.
    let mut fork = hospital.log.lock().unwrap().fork(4);
    fork.append(hospital.now(), accepted(somebody(), 4000));
    for receipt in &receipts[2..] {
        let session = receipt.session.unwrap();
        fork.append(hospital.now(), accepted(hospital.user, session.as_uuid().as_u128()));
        fork.append(hospital.now(), accepted(somebody(), 5000));
    }
    server.shown.lock().unwrap().log = Some(fork);
    let refused = verify(&hospital, &phone).await;
    assert!(
        matches!(refused, Err(VerifyError::Alarm(LogAlarm::NotContinued { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn without_the_server_it_says_so_and_the_receipts_stay_readable() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    five_taps(&hospital, &phone);
    let refused = verify(&hospital, &phone).await;
    let Err(error @ VerifyError::Unreachable(_)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("cannot be reached"));
    assert_eq!(phone.uses().unwrap().uses.len(), 5);
}

#[test]
fn the_receipt_of_the_phones_own_certificate_is_kept_and_of_another_machine_not() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let issued = |machine| Event::CertificateIssued {
        machine: SpiffeId { trust_domain: "hospital.example".parse().unwrap(), machine },
        serial: "01".to_owned(),
        expires_at: hospital.now(),
    };
    let own = hospital.happens(issued(Machine::Phone(hospital.phone))).receipt();
    let own = Receipt { workstation: None, workstation_label: String::new(), ..own };
    holder(&phone).keep_certificate(
        Some(&own.sign(hospital.statement.as_ref()).unwrap().into()),
        hospital.now(),
    );
    let another = imp_identity::PhoneId::from(Uuid::from_u128(77));
    let foreign = hospital.happens(issued(Machine::Phone(another))).receipt();
    assert_eq!(keep(&hospital, &phone, &foreign), Err(ReceiptFault::SomebodyElse));
    let uses = phone.uses().unwrap().uses;
    assert_eq!((uses.len(), uses[0].kind.as_str()), (1, "certificate-issued"));
}
