//! What a record of the log says, as far as a phone understands it: records of a newer server may say more.
use imp_identity::spiffe::SpiffeId;
use imp_identity::tap::Purpose;
use imp_identity::{EventId, PhoneId, SessionId, UserId, WorkstationId};
use jiff::Timestamp;
use serde::Deserialize;

/// A record, read leniently.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Record {
    /// Names it.
    pub(crate) id: EventId,
    /// When it was appended.
    pub(crate) at: Timestamp,
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Event {
    /// The event's name.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) user: Option<UserId>,
    #[serde(default)]
    pub(crate) workstation: Option<WorkstationId>,
    #[serde(default)]
    pub(crate) purpose: Option<Purpose>,
    #[serde(default)]
    pub(crate) session: Option<SessionId>,
    #[serde(default)]
    pub(crate) phone: Option<PhoneId>,
    /// Whose certificate it is about.
    #[serde(default)]
    pub(crate) machine: Option<SpiffeId>,
    /// Why, for example, a tap was refused.
    #[serde(default)]
    reason: Option<serde_json::Value>,
}

impl Record {
    /// Reads the text of a record; `None` when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Event {
    /// Why, if the record says so in words.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_ref()?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::{Actor, Event as Written, Record as Whole, TapId};
    use uuid::Uuid;

    #[test]
    fn a_record_of_the_server_is_understood() {
        let whole = Whole {
            id: EventId::from(Uuid::from_u128(1)),
            at: "2026-11-22T07:05:00.123456Z".parse().unwrap(),
            actor: Actor::Server,
            event: Written::TapRefused {
                tap: TapId::from(Uuid::from_u128(2)),
                workstation: WorkstationId::from(Uuid::from_u128(3)),
                phone: None,
                user: Some(UserId::from(Uuid::from_u128(4))),
                purpose: Some(Purpose::TapIn),
                reason: imp_identity::refusal::Refusal::ComparisonFailed,
            },
        };
        let read = Record::parse(&serde_json::to_string(&whole).unwrap()).unwrap();
        assert_eq!((read.id, read.at), (whole.id, whole.at));
        assert_eq!(read.event.kind, "tap-refused");
        assert_eq!(read.event.user, Some(UserId::from(Uuid::from_u128(4))));
        assert_eq!(read.event.workstation, Some(WorkstationId::from(Uuid::from_u128(3))));
        assert_eq!((read.event.purpose, read.event.session), (Some(Purpose::TapIn), None));
        assert!(read.event.reason().is_some());
    }

    #[test]
    fn what_contradicts_itself_is_no_record() {
        let good = r#"{"id":"00000000-0000-0000-0000-000000000001","at":"2026-11-22T07:05:00Z","event":{"type":"x"}}"#;
        assert!(Record::parse(good).is_some());
        let twice = good.replace(r#""type":"x""#, r#""type":"x","type":"y""#);
        let bad = good.replace("000001", "00001");
        for text in [twice, bad, good[1..].to_owned(), format!("{good}{good}"), String::new()] {
            assert!(Record::parse(&text).is_none(), "{text}");
        }
        assert!(Record::parse(&"[".repeat(30_000)).is_none());
    }
}
