//! What happens in a large hospital, made up: people tap in, unlock, tap out, are refused now and then; machines get
//! certificates; auditors read. The same seed makes the same events.
use std::collections::VecDeque;

use imp_identity::event::{Reading, TapFacts};
use imp_identity::id::Id;
use imp_identity::refusal::{Abandonment, Refusal};
use imp_identity::session::End;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::tap::{Purpose, Step};
use imp_identity::{Actor, Event, EventId, PhoneId, Record, SessionId, UserId, WorkstationId};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// People with a phone.
const PEOPLE: usize = 8_000;
/// Workstations.
const WORKSTATIONS: usize = 1_500;
/// 60 million events a month are 23 a second.
const PACE: SignedDuration = SignedDuration::from_micros(43_000);

/// A hospital's events, one after the other.
pub(super) struct Ward {
    rng: StdRng,
    start: Timestamp,
    now: Timestamp,
    trust_domain: TrustDomain,
    people: Vec<(UserId, PhoneId)>,
    workstations: Vec<WorkstationId>,
    /// Sessions that go on: whose, where.
    open: Vec<(SessionId, usize, WorkstationId)>,
    ready: VecDeque<Record>,
}

impl Ward {
    /// A hospital whose first event happens at `now`.
    pub(super) fn new(seed: u64, now: Timestamp, trust_domain: TrustDomain) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let people = (0..PEOPLE).map(|_| (id(now, &mut rng), id(now, &mut rng))).collect();
        let workstations = (0..WORKSTATIONS).map(|_| id(now, &mut rng)).collect();
        let (open, ready) = (vec![], VecDeque::new());
        Self { rng, start: now, now, trust_domain, people, workstations, open, ready }
    }

    /// Somebody who works here.
    pub(super) fn person(&mut self) -> UserId {
        self.people[self.rng.random_range(0..PEOPLE)].0
    }

    /// Somebody's phone.
    pub(super) fn phone(&mut self) -> PhoneId {
        self.people[self.rng.random_range(0..PEOPLE)].1
    }

    /// One of the workstations.
    pub(super) fn workstation(&mut self) -> WorkstationId {
        self.workstations[self.rng.random_range(0..WORKSTATIONS)]
    }

    /// Goes on as if so many events had happened already.
    pub(super) fn go_on_after(&mut self, events: u64) {
        self.now = self.start + PACE * i32::try_from(events).unwrap_or(i32::MAX);
    }

    /// When something may have happened.
    pub(super) fn some_time(&mut self) -> Timestamp {
        let past = self.now.duration_since(self.start).as_micros();
        let past = i64::try_from(past).unwrap_or(i64::MAX);
        self.start + SignedDuration::from_micros(self.rng.random_range(0..=past))
    }

    fn record(&mut self, actor: Actor, event: Event) {
        self.now += PACE;
        let id = EventId::generate(self.now, &mut self.rng);
        self.ready.push_back(Record { id, at: self.now, actor, event });
    }

    /// One thing that happens: one to three events.
    fn happen(&mut self) {
        match self.rng.random_range(0..1000) {
            0..300 => self.tap_in(),
            300..600 => self.lock_or_unlock(),
            600..880 => self.leave(),
            880..930 => self.refused(),
            930..985 => self.given_up(),
            985..995 => self.certificate(),
            _ => self.log_read(),
        }
    }

    fn tap_in(&mut self) {
        let person = self.rng.random_range(0..PEOPLE);
        let workstation = self.workstation();
        let session = id(self.now, &mut self.rng);
        let actor = Actor::Workstation(workstation);
        let (user, _) = self.people[person];
        self.record(actor.clone(), self.accepted(person, workstation, session, Purpose::TapIn));
        let expires_at = self.now + SignedDuration::from_hours(12);
        let event = Event::SessionEstablished { session, user, workstation, expires_at };
        self.record(actor, event);
        self.open.push((session, person, workstation));
    }

    fn accepted(
        &self,
        person: usize,
        workstation: WorkstationId,
        session: SessionId,
        purpose: Purpose,
    ) -> Event {
        let (user, phone) = self.people[person];
        let mut rng = StdRng::seed_from_u64(u64::try_from(self.now.as_microsecond()).unwrap_or(0));
        let steps = ["ble-connect", "tls", "release", "capture", "compare", "submit"];
        let steps = steps
            .map(|name| Step { name: name.to_owned(), micros: rng.random_range(10_000..400_000) });
        Event::TapAccepted(Box::new(TapFacts {
            tap: id(self.now, &mut rng),
            workstation,
            phone,
            user,
            purpose,
            session,
            model_set: "imp-face@1".to_owned(),
            mask: rng.random_bool(0.3),
            steps: steps.to_vec(),
        }))
    }

    fn lock_or_unlock(&mut self) {
        let Some((session, person, workstation)) = self.somebody() else { return self.tap_in() };
        let (user, _) = self.people[person];
        let actor = Actor::Workstation(workstation);
        self.record(actor.clone(), Event::SessionSuspended { session, user, workstation });
        self.record(actor.clone(), self.accepted(person, workstation, session, Purpose::Unlock));
        self.record(actor, Event::SessionResumed { session, user, workstation });
        self.open.push((session, person, workstation));
    }

    fn leave(&mut self) {
        let Some((session, person, workstation)) = self.somebody() else { return self.tap_in() };
        let (user, _) = self.people[person];
        let event = Event::SessionRevoked { session, user, workstation, reason: End::TapOut };
        self.record(Actor::Workstation(workstation), event);
    }

    fn somebody(&mut self) -> Option<(SessionId, usize, WorkstationId)> {
        let count = self.open.len();
        (count > 0).then(|| self.open.swap_remove(self.rng.random_range(0..count)))
    }

    fn refused(&mut self) {
        let (user, phone) = self.people[self.rng.random_range(0..PEOPLE)];
        let workstation = self.workstation();
        let event = Event::TapRefused {
            tap: id(self.now, &mut self.rng),
            workstation,
            phone: Some(phone),
            user: Some(user),
            purpose: Some(Purpose::TapIn),
            reason: Refusal::ChallengeExpired,
        };
        self.record(Actor::Workstation(workstation), event);
    }

    fn given_up(&mut self) {
        let workstation = self.workstation();
        let event = Event::TapAbandoned {
            tap: id(self.now, &mut self.rng),
            workstation,
            phone: None,
            user: None,
            purpose: Purpose::TapIn,
            reason: Abandonment::NoFace,
        };
        self.record(Actor::Workstation(workstation), event);
    }

    fn certificate(&mut self) {
        let phone = self.phone();
        let trust_domain = self.trust_domain.clone();
        let machine = SpiffeId { trust_domain, machine: Machine::Phone(phone) };
        let serial = format!("{:032x}", self.rng.random::<u128>());
        let expires_at = self.now + SignedDuration::from_hours(24 * 7);
        self.record(Actor::Phone(phone), Event::CertificateIssued { machine, serial, expires_at });
    }

    fn log_read(&mut self) {
        let (auditor, about) = (self.people[self.rng.random_range(0..5)].0, self.person());
        let event = Event::LogRead {
            means: Reading::Timeline,
            question: format!(r#"{{"person":"{about}"}}"#),
            user: Some(about),
            workstation: None,
            case: None,
        };
        self.record(Actor::User(auditor), event);
    }
}

fn id<T>(now: Timestamp, rng: &mut StdRng) -> Id<T> {
    Id::generate(now, rng)
}

impl Iterator for Ward {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.ready.is_empty() {
            self.happen();
        }
        self.ready.pop_front()
    }
}
