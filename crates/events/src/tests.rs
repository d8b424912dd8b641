//! What holds for every type of event, whatever it is.
use std::sync::Mutex;

use async_trait::async_trait;
use imp_identity::Event;

use crate::testing::samples;
use crate::{ConsumeError, Consumer, Entry, Kind, Question, event_type};

#[test]
fn every_type_survives_json() {
    for entry in samples() {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
        let text = serde_json::to_string(&entry.record.event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), entry.record.event);
    }
}

#[test]
fn every_type_can_be_asked_for_by_what_it_concerns() {
    for entry in samples() {
        let event = &entry.record.event;
        let question = Question {
            person: event.user().or(entry.record.actor_user()),
            workstation: event.workstation(),
            device: event.device(),
            kinds: vec![event.name().parse::<Kind>().unwrap()],
            outcome: event.outcome(),
            from: Some(entry.record.at),
            ..Question::default()
        };
        let found: Vec<_> = samples().into_iter().filter(|other| question.matches(other)).collect();
        assert_eq!(found.first(), Some(&entry), "{question:?}");
    }
}

/// Remembers what it was shown, by index, and chokes on one type.
struct Ledger {
    chokes_on: &'static str,
    seen: Mutex<Vec<u64>>,
}

#[async_trait]
impl Consumer for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn wants(&self, kind: &str) -> bool {
        kind != "policy-changed"
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        if let Some(bad) = batch.iter().find(|entry| entry.record.event.name() == self.chokes_on) {
            return Err(ConsumeError::poison(bad.index, "it is not to my taste"));
        }
        self.seen.lock().unwrap().extend(batch.iter().map(|entry| entry.index));
        Ok(())
    }
}

#[test]
fn every_type_passes_through_a_consumer_and_can_be_poison() {
    let taken = |consumer: &Ledger, batch: &[Entry]| at_once(consumer.consume(batch));
    for entry in samples() {
        let name = event_type(&entry.record.event).name;
        let consumer = Ledger { chokes_on: "nothing", seen: Mutex::default() };
        assert_eq!(consumer.wants(name), name != "policy-changed");
        taken(&consumer, std::slice::from_ref(&entry)).unwrap();
        assert_eq!(*consumer.seen.lock().unwrap(), [entry.index]);
        let consumer = Ledger { chokes_on: name, seen: Mutex::default() };
        let refused = taken(&consumer, std::slice::from_ref(&entry)).unwrap_err();
        assert_eq!(refused, ConsumeError::poison(entry.index, "it is not to my taste"));
        assert!(consumer.seen.lock().unwrap().is_empty());
    }
}

/// The outcome of a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
