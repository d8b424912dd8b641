//! The rules over recorded events: each fires on what it is for, once, and is silent on an ordinary day.
use std::collections::HashMap;

use imp_identity::event::{Event, Outcome, Record, TapFacts};
use imp_identity::grant::GrantEnd;
use imp_identity::tap::Purpose;
use imp_identity::{Actor, EventId, PhoneId, Refusal, SessionId, TapId, UserId, WorkstationId};
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use super::*;

const ADA: u128 = 1;
const BEA: u128 = 2;

fn user(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

fn phone(n: u128) -> PhoneId {
    Uuid::from_u128(100 + n).into()
}

fn workstation(n: u128) -> WorkstationId {
    Uuid::from_u128(200 + n).into()
}

/// Workstations 1 and 2 stand in her unit, 3 in another unit of the site, 4 at another site.
fn standing(id: WorkstationId) -> Standing {
    let (name, unit, site) = match id.as_uuid().as_u128() - 200 {
        1 => ("desk 1", "ward 3", "north"),
        2 => ("desk 2", "ward 3", "north"),
        3 => ("lab", "laboratory", "north"),
        _ => ("gate", "ward 3", "south"),
    };
    Standing { name: name.to_owned(), unit: Some(unit.to_owned()), site: Some(site.to_owned()) }
}

/// A hospital that records events and lets the rules see them, with the memory kept as a store would keep it.
#[derive(Default)]
struct Ward {
    people: HashMap<UserId, PersonMemory>,
    places: HashMap<WorkstationId, PlaceMemory>,
    phones: HashMap<Uuid, DeviceMemory>,
    next: u64,
}

impl Ward {
    fn record(&mut self, local: DateTime, event: Event) -> Vec<Finding> {
        let at = local.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let id = EventId::from(Uuid::from_u128(u128::from(self.next)));
        let record = Record { id, at, actor: Actor::Server, event };
        // What a store keeps is text: it must survive the way there and back.
        let record: Record =
            serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        let (person, place) = (record.event.user(), record.event.workstation());
        let device = record.event.device();
        let mut memory = Memory {
            person: person.and_then(|id| self.people.remove(&id)).unwrap_or_default(),
            place: place.and_then(|id| self.places.remove(&id)).unwrap_or_default(),
            device: device.and_then(|id| self.phones.remove(&id)).unwrap_or_default(),
        };
        let facts =
            Facts { local, unit: Some("ward 3".to_owned()), workstation: place.map(standing) };
        let lines = Thresholds::default();
        let findings = consider(self.next, &record, &facts, &mut memory, &lines);
        self.next += 1;
        person.map(|id| self.people.insert(id, memory.person));
        place.map(|id| self.places.insert(id, memory.place));
        device.map(|id| self.phones.insert(id, memory.device));
        findings
    }

    fn tap(&mut self, local: DateTime, who: u128, place: u128) -> Vec<&'static str> {
        names(&self.record(local, accepted(who, who, place, Purpose::TapIn)))
    }
}

fn names(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

fn accepted(who: u128, with: u128, place: u128, purpose: Purpose) -> Event {
    Event::TapAccepted(Box::new(TapFacts {
        tap: TapId::from(Uuid::from_u128(1)),
        workstation: workstation(place),
        phone: phone(with),
        user: user(who),
        purpose,
        session: SessionId::from(Uuid::from_u128(1)),
        model_set: "imp-face@1".to_owned(),
        mask: true,
        steps: vec![],
    }))
}

fn refused(who: u128, place: u128) -> Event {
    Event::TapRefused {
        tap: TapId::from(Uuid::from_u128(1)),
        workstation: workstation(place),
        phone: Some(phone(who)),
        user: Some(user(who)),
        purpose: Some(Purpose::TapIn),
        reason: Refusal::ComparisonFailed,
    }
}

fn offline(at: DateTime) -> Event {
    Event::OfflineTapReconciled {
        tap: TapId::from(Uuid::from_u128(1)),
        workstation: workstation(1),
        phone: phone(ADA),
        user: user(ADA),
        purpose: Purpose::TapIn,
        decided_at: at.to_zoned(TimeZone::UTC).unwrap().timestamp(),
        outcome: Outcome::Accepted,
    }
}

fn noon() -> DateTime {
    date(2026, 11, 22).at(12, 0, 0, 0)
}

#[test]
fn an_ordinary_week_deserves_no_look() {
    let mut ward = Ward::default();
    for day in 0..7 {
        for hour in [7, 9, 11, 13] {
            let local = date(2026, 11, 1).at(hour, 0, 0, 0) + day.days();
            assert_eq!(ward.tap(local, ADA, 1), [""; 0]);
            assert_eq!(ward.tap(local + 40.seconds(), ADA, 2), [""; 0]);
            assert_eq!(ward.tap(local + 1.minute(), BEA, 1), [""; 0]);
            assert_eq!(names(&ward.record(local + 2.minutes(), refused(BEA, 1))), [""; 0]);
        }
    }
}

#[test]
fn nobody_is_at_two_sites_within_the_journey_between_them() {
    let mut ward = Ward::default();
    ward.tap(noon(), ADA, 1);
    let found = ward.record(noon() + 29.minutes(), accepted(ADA, ADA, 4, Purpose::Unlock));
    assert_eq!(names(&found), ["impossible-travel"]);
    assert_eq!(found[0].user, Some(user(ADA)));
    assert_eq!(
        found[0].sentence,
        "Accepted at gate (south) 29 minutes apart from desk 1 (north); the journey takes at least 30."
    );
    let mut ward = Ward::default();
    ward.tap(noon(), ADA, 1);
    assert_eq!(ward.tap(noon() + 30.minutes(), ADA, 4), [""; 0]);
    // Somebody else's tap is not hers.
    assert_eq!(ward.tap(noon() + 31.minutes(), BEA, 1), [""; 0]);
}

#[test]
fn one_phone_is_not_at_two_workstations_within_the_walk() {
    let mut ward = Ward::default();
    ward.record(noon(), refused(ADA, 1));
    let found = ward.record(noon() + 19.seconds(), refused(ADA, 2));
    assert_eq!(names(&found), ["phone-in-two-places"]);
    assert_eq!(found[0].device, Some(phone(ADA).as_uuid()));
    assert_eq!(names(&ward.record(noon() + 39.seconds(), refused(ADA, 1))), [""; 0]);
}

#[test]
fn a_tap_in_another_unit_is_marked_until_it_is_familiar() {
    let mut ward = Ward::default();
    assert_eq!(ward.tap(noon(), ADA, 3), ["other-unit"]);
    assert_eq!(ward.tap(noon() + 29.days(), ADA, 3), [""; 0]);
    assert_eq!(ward.tap(noon() + 60.days(), ADA, 3), ["other-unit"]);
}

#[test]
fn many_failures_are_said_once_in_their_span() {
    let mut ward = Ward::default();
    let said: Vec<i64> = (0..12)
        .filter(|n| {
            let at = noon() + n.minutes();
            let found = ward.record(at, refused(if n % 2 == 0 { ADA } else { BEA }, 1));
            names(&found).contains(&"many-failures")
        })
        .collect();
    assert_eq!(said, [4]);
    // Elsewhere the count begins anew, and slowly is not many.
    for n in 0..6 {
        let at = noon() + (60 + 5 * n).minutes();
        assert_eq!(names(&ward.record(at, refused(ADA, 2))), [""; 0], "{n}");
    }
}

#[test]
fn every_emergency_access_copied_token_and_unexpected_peer_is_marked() {
    let mut ward = Ward::default();
    let reason = "Resuscitation in bed 4".parse().unwrap();
    let event = Event::BreakGlassUsed {
        user: user(ADA),
        workstation: workstation(1),
        reason,
        session: None,
        second: None,
    };
    for hour in 0..3 {
        let found = ward.record(noon() + hour.hours(), event.clone());
        assert_eq!(names(&found), ["break-glass"]);
    }
    let copied = Event::GrantRevoked {
        grant: Uuid::from_u128(0xd1).into(),
        user: user(ADA),
        client: Uuid::from_u128(0xd2).into(),
        reason: GrantEnd::RefreshReused,
    };
    assert_eq!(names(&ward.record(noon(), copied)), ["copied-token"]);
    let signed_out = Event::GrantRevoked {
        grant: Uuid::from_u128(0xd1).into(),
        user: user(ADA),
        client: Uuid::from_u128(0xd2).into(),
        reason: GrantEnd::SignedOut,
    };
    assert_eq!(names(&ward.record(noon(), signed_out)), <[&str; 0]>::default());
    let machine = "spiffe://imp.internal/workstation/00000000-0000-0000-0000-0000000000c9";
    let peer = "10.0.0.9:2575".to_owned();
    let refused = Event::ConnectionUnexpected {
        machine: machine.parse().unwrap(),
        peer,
        outcome: Outcome::Refused,
    };
    let found = ward.record(noon(), refused);
    assert_eq!(names(&found), ["unexpected-peer"]);
    assert!(found[0].sentence.contains("was kept from talking to 10.0.0.9:2575"));
}

#[test]
fn an_offline_tap_of_a_leaver_is_marked_whenever_it_was() {
    let disabled = Event::UserDisabled { user: user(ADA) };
    for (minutes, said) in [(-10, "10 minutes before"), (25, "25 minutes after")] {
        let mut ward = Ward::default();
        ward.record(noon(), disabled.clone());
        let found = ward.record(noon() + 2.hours(), offline(noon() + minutes.minutes()));
        assert_eq!(names(&found), ["offline-leaver"]);
        assert!(found[0].sentence.contains(said), "{}", found[0].sentence);
    }
    let mut ward = Ward::default();
    ward.record(noon(), disabled);
    ward.record(noon() + 1.hour(), Event::UserEnabled { user: user(ADA) });
    assert_eq!(names(&ward.record(noon() + 2.hours(), offline(noon() + 90.minutes()))), [""; 0]);
}

#[test]
fn a_night_is_odd_for_who_works_days_and_only_once() {
    let mut ward = Ward::default();
    let first = date(2026, 9, 1).at(7, 0, 0, 0);
    let night = date(2026, 11, 22).at(23, 30, 0, 0);
    for day in 0..39 {
        ward.tap(first + day.days(), ADA, 1);
    }
    // Too little is known of her yet.
    let mut stranger = Ward::default();
    assert_eq!(stranger.tap(night, ADA, 1), [""; 0]);
    ward.tap(first + 40.days(), ADA, 1);
    assert_eq!(ward.tap(night, ADA, 1), ["unusual-night"]);
    // The same night, after midnight.
    assert_eq!(ward.tap(night + 2.hours(), ADA, 1), [""; 0]);
}

#[test]
fn a_night_is_nothing_odd_for_who_works_nights() {
    let mut ward = Ward::default();
    let first = date(2026, 9, 1).at(22, 10, 0, 0);
    for day in 0..60 {
        assert_eq!(ward.tap(first + day.days(), ADA, 1), [""; 0]);
    }
}

#[test]
fn memory_stays_small() {
    let mut ward = Ward::default();
    for n in 0..500 {
        ward.record(noon() + n.seconds(), refused(ADA, 1));
    }
    let place = &ward.places[&workstation(1)];
    assert_eq!(place.failures.len(), 64);
    let at = Timestamp::UNIX_EPOCH;
    let mut memory = Memory::default();
    for n in 0..100_i64 {
        let unit = Standing { unit: Some(format!("unit {n}")), ..Standing::default() };
        let facts = Facts { local: noon(), unit: None, workstation: Some(unit) };
        let event = accepted(ADA, ADA, 1, Purpose::TapIn);
        let id = EventId::from(Uuid::nil());
        let record = Record { id, at: at + n.hours(), actor: Actor::Server, event };
        consider(0, &record, &facts, &mut memory, &Thresholds::default());
    }
    assert_eq!(memory.person.units.len(), 32);
    assert!(memory.person.units.contains_key("unit 99"));
}

#[test]
fn every_rule_explains_itself_in_a_sentence() {
    for rule in RULES {
        assert!(rule.explanation.ends_with('.') && rule.explanation.len() > 60, "{}", rule.name);
        assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    }
}

/// `IMP_WRITE_REFERENCE=1` writes the page instead of comparing.
#[test]
fn the_reference_lists_every_rule() {
    use std::fmt::Write as _;
    let mut page = String::from(
        "# Rules\n\nEach rule judges every entry of the log, in order, from the entry, what stands around it, and a small memory of the\n\
         person, the workstation and the phone. What it finds is an entry `finding-made`, with a sentence that says why; whether it\n\
         was anything, a person decides. The lines are drawn in `[review]` of the [configuration](configuration.md).\n\n\
         | Rule | What it marks, and why |\n|---|---|\n",
    );
    for rule in RULES {
        writeln!(page, "| `{}` | {} |", rule.name, rule.explanation).unwrap();
    }
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/rules.md");
    if std::env::var_os("IMP_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == page, "run with IMP_WRITE_REFERENCE=1");
}
