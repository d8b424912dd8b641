//! The owner's own control: every use of her face and phone is listed and proven, and a server that tampers is caught.
use std::collections::BTreeSet;

use imp_identity::Refusal;
use imp_phone::{LogAlarm, Standing, Verification, VerifyError};
use imp_tests::process;
use imp_tests::world::faces;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::Ward;

/// What the server does not tell the person it is about.
const INVESTIGATIONS: [&str; 4] = ["log-read", "case-opened", "case-assigned", "finding-made"];

/// Somebody with the server's disk in hand.
struct Intruder(SqliteConnection);

impl Intruder {
    async fn at(ward: &Ward) -> Self {
        let file = ward.world.folder.path().join("server/imp.db");
        let options = SqliteConnectOptions::new().filename(file);
        Self(options.connect().await.expect("the server's database"))
    }

    async fn does(&mut self, sql: &'static str) {
        let changed = sqlx::query(sql).execute(&mut self.0).await.expect("the database changes");
        assert!(changed.rows_affected() > 0, "{sql}");
    }
}

/// Ada taps in and locks, so many times; her phone has the receipts.
async fn taps(ward: &Ward, times: usize) {
    let delivered = || {
        let uses = ward.phone.phone.uses().expect("uses").uses;
        uses.iter().filter(|used| used.kind == "tap-accepted").count()
    };
    let before = delivered();
    for _ in 0..times {
        ward.workstation.admits("ada").await;
        ward.workstation.agent.lock().await;
    }
    let arrived =
        process::eventually(process::PATIENCE, || (delivered() == before + times).then_some(()));
    assert!(arrived.is_some(), "the receipts arrive");
}

async fn verify(ward: &Ward) -> Result<Verification, VerifyError> {
    ward.phone.phone.verify_uses(ward.world.clock.clone()).await
}

fn standings(verification: &Verification, kind: &str) -> Vec<Standing> {
    let of_kind = verification.uses.iter().filter(|used| used.kind.as_deref() == Some(kind));
    of_kind.map(|used| used.standing).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_days_taps_the_owner_lists_every_use_and_each_is_proven() {
    let ward = Ward::open().await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    ward.must_refuse(Refusal::ComparisonFailed).await;
    ward.workstation.scene.shows(faces::path(faces::ADA));
    taps(&ward, 3).await;

    let verification = verify(&ward).await.expect("the log is honest");
    assert!(verification.is_sound(), "{verification:#?}");
    assert_eq!(standings(&verification, "tap-accepted"), [Standing::Proven; 3]);
    assert_eq!(standings(&verification, "enrolment-completed"), [Standing::Proven]);
    assert_eq!(standings(&verification, "certificate-issued"), [Standing::Proven]);
    assert_eq!(standings(&verification, "tap-refused"), [Standing::Logged]);
    let table = verification.table(&jiff::tz::TimeZone::UTC);
    assert!(table.contains("comparison-failed"), "{table}");

    // Nothing about her, her face or her phone is left out.
    let (ada, phone) = (ward.world.find("ada").await, ward.phone.id.expect("a bound phone"));
    let about_her: BTreeSet<u64> = ward
        .world
        .events()
        .await
        .iter()
        .filter_map(|entry| {
            let event = &entry.record.event;
            let hers = event.user() == Some(ada)
                || event.user().is_none() && event.device() == Some(phone.as_uuid());
            (hers && !INVESTIGATIONS.contains(&event.name())).then_some(entry.index)
        })
        .filter(|index| *index < verification.size)
        .collect();
    assert_eq!(verification.uses.iter().map(|used| used.index).collect::<BTreeSet<_>>(), about_her);

    let again = verify(&ward).await.expect("the log goes on");
    assert_eq!(again.seen_before, Some(verification.size));
    assert!(again.size > verification.size, "that she looked is in the log too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_intruder_changes_in_the_server_is_noticed_by_the_phone_in_its_own_words() {
    let ward = Ward::open().await;
    taps(&ward, 2).await;
    let mut intruder = Intruder::at(&ward).await;
    let copy = sqlx::query("CREATE TEMP TABLE before AS SELECT * FROM entries");
    copy.execute(&mut intruder.0).await.expect("a copy");
    for (change, repair, standing) in [
        (
            "UPDATE entries SET record = replace(record, '\"mask\":false', '\"mask\":true') WHERE kind = 'tap-accepted'",
            "UPDATE entries SET record = replace(record, '\"mask\":true', '\"mask\":false') WHERE kind = 'tap-accepted'",
            Standing::BadRecord,
        ),
        (
            "UPDATE entries SET user_id = NULL, device_id = NULL WHERE kind = 'tap-accepted'",
            "UPDATE entries SET user_id = b.user_id, device_id = b.device_id FROM before b WHERE b.log_index = entries.log_index",
            Standing::Unlisted,
        ),
        (
            "UPDATE entries SET record = NULL, salt = NULL WHERE kind = 'tap-accepted'",
            "UPDATE entries SET record = b.record, salt = b.salt FROM before b WHERE b.log_index = entries.log_index",
            Standing::Erased,
        ),
    ] {
        intruder.does(change).await;
        let verification = verify(&ward).await.expect("the tree is signed");
        assert_eq!(standings(&verification, "tap-accepted"), [standing; 2]);
        // What was erased is no alarm: the receipts go on to show it.
        assert_eq!(verification.is_sound(), standing == Standing::Erased);
        intruder.does(repair).await;
        assert!(verify(&ward).await.expect("repaired").is_sound());
    }
    let kept = ward.phone.phone.uses().expect("uses").refused;
    assert_eq!(kept.len(), 4, "the evidence is kept: {kept:?}");

    // A leaf of the tree itself: no proof of the server holds any more.
    intruder.does("UPDATE entries SET commitment = zeroblob(32) WHERE log_index = 0").await;
    let refused = verify(&ward).await;
    let alarm = matches!(refused, Err(VerifyError::Alarm(LogAlarm::NotContinued { .. })));
    assert!(alarm, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_rolled_back_and_goes_on_is_noticed_by_the_phone() {
    let ward = Ward::open().await;
    taps(&ward, 1).await;
    let mut intruder = Intruder::at(&ward).await;
    let row = sqlx::query("SELECT size, peaks, last_at, checkpoint FROM log_head");
    let head = row.fetch_one(&mut intruder.0).await.expect("a head");
    let size: i64 = head.get(0);
    taps(&ward, 2).await;
    assert!(verify(&ward).await.expect("the log is honest").is_sound());

    // The second tap never happened.
    let mut back = intruder.0.begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
    let cut = sqlx::query("DELETE FROM entries WHERE log_index >= $1").bind(size);
    cut.execute(&mut *back).await.expect("forgotten");
    sqlx::query("UPDATE log_head SET size = $1, peaks = $2, last_at = $3, checkpoint = $4")
        .bind(size)
        .bind(head.get::<Vec<u8>, _>(1))
        .bind(head.get::<i64, _>(2))
        .bind(head.get::<String, _>(3))
        .execute(&mut *back)
        .await
        .expect("rolled back");
    back.commit().await.expect("committed");
    let refused = verify(&ward).await;
    assert!(matches!(refused, Err(VerifyError::Alarm(LogAlarm::RolledBack { .. }))), "{refused:?}");

    // The server goes on as if nothing had been, until its log is longer than the one that the phone saw.
    for number in 0..12 {
        ward.world.user(&format!("somebody{number}"), imp_identity::user::Role::Staff, None).await;
    }
    let refused = verify(&ward).await;
    assert!(
        matches!(
            refused,
            Err(VerifyError::Alarm(LogAlarm::NotContinued { .. } | LogAlarm::Split { .. }))
        ),
        "{refused:?}"
    );
    let mut forged = Intruder::at(&ward).await;
    forged.does("UPDATE log_head SET checkpoint = replace(checkpoint, 'A', 'B')").await;
    let refused = verify(&ward).await;
    assert!(matches!(refused, Err(VerifyError::Alarm(LogAlarm::Forged(_)))), "{refused:?}");
    assert_eq!(ward.phone.phone.uses().expect("uses").refused.len(), 3, "the evidence is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_worth_nothing_on_another_persons_phone() {
    let ward = Ward::open().await;
    taps(&ward, 1).await;
    ward.world.user("bea", imp_identity::user::Role::Staff, None).await;
    let bea = ward.world.enrol(&ward.workstation, "bea", &[faces::BEA]).await;
    let before = bea.phone.uses().expect("uses").uses.len();
    // Ada's receipts, laid into Bea's file as if a workstation had handed them over.
    let hers = std::fs::read(ward.phone.folder(&ward.world).join("receipts")).expect("receipts");
    std::fs::write(bea.folder(&ward.world).join("receipts"), hers).expect("replaced");
    let uses = bea.phone.uses().expect("uses");
    assert!(!uses.uses.is_empty() && before > 0);
    for used in &uses.uses {
        assert!(!used.verified, "{used:?}");
        assert_eq!(used.remark.as_deref(), Some("it is about somebody else"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_erases_everything_has_a_receipt_until_then_and_a_phone_that_nobody_accepts() {
    let mut ward = Ward::open().await;
    ward.phone.stop().await;
    let phone = ward.phone.phone.clone();
    let erased = phone.erase(imp_phone::Erase::default(), ward.world.clock.clone()).await;
    assert_eq!(erased.expect("erased").told, imp_phone::Told::Now);
    let verification = verify(&ward).await.expect("the log is honest");
    assert!(verification.is_sound());
    let erasures: Vec<_> = verification
        .uses
        .iter()
        .filter(|used| used.reason.is_some() || used.kind.as_deref() == Some("reference-revoked"))
        .collect();
    assert!(erasures.iter().any(|used| used.standing == Standing::Proven), "{erasures:#?}");

    let how = imp_phone::Erase { everything: true, force: false };
    let erased = phone.erase(how, ward.world.clock.clone()).await.expect("erased");
    assert!(erased.everything && erased.revoked == imp_phone::Told::Now, "{erased:?}");
    let events = ward.world.events().await;
    let revoked = events.iter().any(|entry| {
        matches!(
            entry.record.event,
            imp_identity::Event::PhoneRevoked {
                reason: imp_identity::phone::Revocation::Erased,
                ..
            }
        )
    });
    assert!(revoked, "the server accepts it no longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_on_her_phone_that_a_use_was_not_she_and_a_case_is_opened() {
    let ward = Ward::open().await;
    taps(&ward, 1).await;
    let uses = ward.phone.phone.uses().expect("uses").uses;
    let tap = uses.iter().find(|used| used.kind == "tap-accepted").expect("a tap").index;
    let says = async |index, comment: Option<&str>| {
        let comment = comment.map(|comment| comment.parse().expect("a remark"));
        ward.phone.phone.dispute(index, comment, ward.world.clock.clone()).await
    };
    let case = says(tap, Some("I was at lunch.")).await.expect("a case is opened");
    let again = says(tap, None).await.expect("she said so before");
    assert_eq!(case, again, "one use, one case");
    let names: Vec<_> = ward.world.event_names(tap).await;
    for name in ["use-disputed", "case-opened"] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{names:?}");
    }
    let refused = says(0, None).await;
    assert!(matches!(refused, Err(imp_phone::DisputeError::NotYours(0))), "{refused:?}");
    let verification = verify(&ward).await.expect("the log is honest");
    assert!(verification.is_sound());
    assert_eq!(standings(&verification, "use-disputed"), [Standing::Logged]);
    assert!(standings(&verification, "case-opened").is_empty(), "the investigation is not hers");
}
