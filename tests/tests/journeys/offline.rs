//! The wire to the server is pulled. Where the policy lets workstations decide, taps go on; afterwards the log has each of them once.
use imp_api::Client;
use imp_api::tap::{JournalTaken, ReportJournal};
use imp_authenticator::journal::{JournalEntry, JournalHead};
use imp_client::desktop::Desktop;
use imp_client::tap::{TapCommand, TapOutcome, TapReport};
use imp_identity::event::{Event, Outcome};
use imp_identity::id::Id;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::user::Role;
use imp_identity::{PhoneId, Refusal, TapId, UserId};
use imp_tests::process::{PATIENCE, POLL};
use imp_tests::wire::{Passing, Wire};
use imp_tests::world::{BoundPhone, WARD, Workstation, World, faces};
use jiff::SignedDuration;

/// A ward whose workstation reaches the server over a wire, and nurse Ada.
struct House {
    world: World,
    workstation: Workstation,
    wire: Wire,
    _phone: BoundPhone,
}

impl House {
    async fn open() -> Self {
        let world = World::start().await;
        let (workstation, wire) = world.workstation_on_a_wire("Ward 3 left").await;
        world.user("ada", Role::Staff, Some(WARD)).await;
        let phone = world.enrol(&workstation, "ada", faces::ADA_ENROLLED).await;
        workstation.scene.shows(faces::path(faces::ADA));
        Self { world, workstation, wire, _phone: phone }
    }

    /// The same, where workstations may decide on their own.
    async fn open_offline() -> Self {
        let house = Self::open().await;
        house.world.set_policy(|policy| policy.offline = Some(SignedDuration::from_hours(2))).await;
        house.workstation.agent.refresh_roster().await.unwrap();
        house
    }

    async fn tap(&self, purpose: Option<Purpose>) -> TapReport {
        let user = Some("ada".to_owned());
        let command = TapCommand { purpose, user, intent: Intent::Screen, phone_alone: false };
        self.workstation.agent.tap(command).await
    }

    async fn is_let_in(&self, purpose: Option<Purpose>) {
        let report = self.tap(purpose).await;
        assert!(matches!(report.outcome, TapOutcome::Accepted { .. }), "{report:?}");
    }

    /// The wire is there again, and the workstation has told what it had to tell.
    async fn plug(&self) {
        self.wire.pass(Passing::Everything);
        self.workstation.agent.maintain().await;
        assert!(self.workstation.agent.reconcile().await);
    }

    async fn end_of_log(&self) -> u64 {
        self.world.events().await.last().map_or(0, |entry| entry.index + 1)
    }

    /// The taps that the log has from an index on: how, and what came of them.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are no taps")]
    async fn taps(&self, from: u64) -> Vec<(TapId, &'static str)> {
        let events = self.world.events().await.into_iter().filter(|entry| entry.index >= from);
        let taps = events.filter_map(|entry| match entry.record.event {
            Event::TapAccepted(facts) => Some((facts.tap, "accepted")),
            Event::OfflineTapReconciled { tap, outcome: Outcome::Accepted, .. } => {
                Some((tap, "accepted offline"))
            }
            Event::OfflineTapReconciled { tap, .. } => Some((tap, "refused offline")),
            _ => None,
        });
        taps.collect()
    }

    async fn told(&self, from: u64) -> Vec<&'static str> {
        let taps = self.taps(from).await;
        let mut once: Vec<_> = taps.iter().map(|(tap, _)| *tap).collect();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), taps.len(), "a tap stands in the log twice: {taps:?}");
        taps.into_iter().map(|(_, what)| what).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taps_go_on_without_the_server_and_stand_in_the_log_once() {
    let house = House::open_offline().await;
    let (from, agent) = (house.end_of_log().await, &house.workstation.agent);
    house.wire.pass(Passing::Nothing);
    house.is_let_in(None).await;
    assert!(matches!(agent.desktop(), Desktop::Open(session) if session.username == "ada"));
    agent.lock().await;
    house.is_let_in(None).await;
    house.is_let_in(Some(Purpose::TapOut)).await;
    assert_eq!(agent.desktop(), Desktop::Free);
    house.is_let_in(None).await;
    assert_eq!(house.told(from).await, [""; 0], "the server knows nothing");

    house.plug().await;
    assert_eq!(house.told(from).await, ["accepted offline"; 4]);
    let Desktop::Open(session) = agent.desktop() else { panic!("{:?}", agent.desktop()) };
    assert_eq!(session.state, "active");
    // It is the server's session now: it goes on there, and the next tap is the server's.
    agent.maintain().await;
    house.plug().await;
    assert!(matches!(agent.desktop(), Desktop::Open(same) if same.id == session.id));
    agent.lock().await;
    house.is_let_in(None).await;
    let mut all = vec!["accepted offline"; 4];
    all.push("accepted");
    assert_eq!(house.told(from).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wire_may_be_pulled_in_the_middle_of_each_step() {
    let house = House::open_offline().await;
    for (step, passing, told) in [
        ("v1/taps", Passing::Nothing, "accepted offline"),
        ("submission", Passing::Nothing, "accepted offline"),
        // The server decided, and nobody heard it: it is in the log already.
        ("submission", Passing::Questions, "accepted"),
    ] {
        let from = house.end_of_log().await;
        // What was asked for ahead has run out: each tap begins with a question.
        house.world.clock.advance(SignedDuration::from_mins(2));
        house.workstation.agent.refresh_roster().await.unwrap();
        let wire = house.wire.clone();
        if step == "submission" {
            house.world.traffic.before(step, move || wire.pass(passing));
        } else {
            wire.pass(passing);
        }
        house.is_let_in(Some(Purpose::TapIn)).await;
        house.plug().await;
        assert_eq!(house.told(from).await, [told], "{step} {passing:?}");
        let desktop = house.workstation.agent.desktop();
        assert!(matches!(desktop, Desktop::Open(_)), "{step} {passing:?}: {desktop:?}");
    }
    // The answer to the report is lost: it is reported again, and known.
    let from = house.end_of_log().await;
    house.wire.pass(Passing::Nothing);
    house.is_let_in(Some(Purpose::TapIn)).await;
    house.wire.pass(Passing::Questions);
    assert!(!house.workstation.agent.reconcile().await);
    house.plug().await;
    assert_eq!(house.told(from).await, ["accepted offline"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leavers_tap_is_flagged_and_leaves_no_session() {
    let house = House::open_offline().await;
    let from = house.end_of_log().await;
    house.wire.pass(Passing::Nothing);
    house.world.clock.advance(SignedDuration::from_mins(10));
    house.world.disable("ada").await;
    house.world.clock.advance(SignedDuration::from_mins(5));
    house.is_let_in(None).await;
    house.plug().await;
    assert_eq!(house.told(from).await, ["accepted offline"]);
    assert_eq!(house.workstation.agent.desktop(), Desktop::Free, "nothing stands");
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let events = house.world.events().await;
        let found = events.iter().any(|entry| {
            let json = serde_json::to_value(&entry.record.event).unwrap();
            json["type"] == "finding-made" && json["rule"] == "offline-leaver"
        });
        if found {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "nobody is told");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_here_without_the_policy_or_by_a_list_that_is_out_of_date() {
    let house = House::open().await;
    house.workstation.agent.refresh_roster().await.unwrap();
    house.wire.pass(Passing::Nothing);
    let report = house.tap(None).await;
    let gave_up = TapOutcome::Abandoned { reason: Abandonment::Timeout };
    assert_eq!(report.outcome, gave_up, "{report:?}");
    house.wire.pass(Passing::Everything);
    house.world.set_policy(|policy| policy.offline = Some(SignedDuration::from_hours(2))).await;
    house.workstation.agent.refresh_roster().await.unwrap();
    house.wire.pass(Passing::Nothing);
    house.world.clock.advance(SignedDuration::from_mins(121));
    let report = house.tap(None).await;
    assert_eq!(report.outcome, gave_up, "{report:?}");
    assert!(report.detail.as_ref().unwrap().contains("out of date"), "{report:?}");
    assert_eq!(house.workstation.agent.desktop().session(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_face_is_refused_here_too_and_counts() {
    let house = House::open_offline().await;
    let from = house.end_of_log().await;
    house.workstation.scene.shows(faces::path(faces::BEA));
    house.wire.pass(Passing::Nothing);
    for _ in 0..5 {
        let report = house.tap(None).await;
        let refused = TapOutcome::Refused { reason: Refusal::ComparisonFailed };
        assert_eq!(report.outcome, refused, "{report:?}");
    }
    house.workstation.scene.shows(faces::path(faces::ADA));
    let report = house.tap(None).await;
    let waits = TapOutcome::Refused { reason: Refusal::TooManyAttempts };
    assert_eq!(report.outcome, waits, "{report:?}");
    house.plug().await;
    assert_eq!(house.told(from).await, ["refused offline"; 6]);
    // The server has counted them as well.
    assert_eq!(house.workstation.refuses("ada").await, Refusal::TooManyAttempts);
}

/// An entry that says nothing true.
fn entry(house: &House, end: &JournalHead, tap: u8) -> Vec<u8> {
    let now = house.world.now();
    let entry = JournalEntry {
        journal: end.journal,
        sequence: end.sequence + 1,
        previous: end.last,
        workstation: house.workstation.agent.standing().stored.workstation,
        tap: Id::from_bytes([tap; 16]),
        phone: PhoneId::from_bytes([1; 16]),
        user: UserId::from_bytes([2; 16]),
        purpose: Purpose::TapIn,
        reference: Id::from_bytes([3; 16]),
        challenge: [tap; 32],
        challenge_expires_at: now,
        decided_at: now,
        roster_issued_at: now,
        session: Id::from_bytes([4; 16]),
        refused: None,
        statement: vec![5],
        evidence: vec![6],
    };
    entry.to_bytes().unwrap()
}

/// What the server says of each entry; or the status with which it refuses.
async fn report(client: &Client, entries: &[&[u8]]) -> Result<Vec<Option<Refusal>>, u16> {
    let entries = entries.iter().map(|bytes| bytes.to_vec().into()).collect();
    let taken: Result<JournalTaken, _> = client.report_journal(&ReportJournal { entries }).await;
    match taken {
        Ok(taken) => Ok(taken.entries.iter().map(|it| it.refusal).collect()),
        Err(error) => Err(error.problem().unwrap().status),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_taken_in_once_and_without_gaps_or_forks() {
    let house = House::open().await;
    let from = house.end_of_log().await;
    let standing = house.workstation.agent.standing();
    let tls = standing.server_tls(house.world.clock.clone()).unwrap();
    let client = Client::new(&standing.stored.server, tls).unwrap();
    let begun = JournalHead::begin([9; 32]);
    let first = entry(&house, &begun, 1);
    let end = begun.after(&first);
    let second = entry(&house, &end, 2);
    assert_eq!(report(&client, &[&second]).await, Err(409), "the first is missing");
    let refused = Some(Refusal::PhoneUnknown);
    assert_eq!(report(&client, &[&first]).await, Ok(vec![refused]));
    assert_eq!(
        report(&client, &[&first, &second]).await,
        Ok(vec![refused; 2]),
        "known, and the next"
    );
    let third = entry(&house, &end.after(&first), 3);
    assert_eq!(report(&client, &[&third]).await, Err(409), "it follows another");
    assert_eq!(
        report(&client, &[&entry(&house, &begun, 7)]).await,
        Err(409),
        "another in its place"
    );
    let mut of_another = first.clone();
    let own = standing.stored.workstation.into_bytes();
    let at = of_another.windows(16).position(|window| window == own).unwrap();
    of_another[at] ^= 1;
    assert_eq!(report(&client, &[&of_another]).await, Err(422));
    assert_eq!(report(&client, &[&[1, 2, 3]]).await, Err(422));
    assert_eq!(house.told(from).await, ["refused offline"; 2]);
}
