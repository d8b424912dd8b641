use super::*;
use crate::testing::{MACHINE_TIME, samples};

fn full() -> Question {
    Question {
        person: Some(UserId::from(Uuid::from_u128(1))),
        workstation: Some(WorkstationId::from(Uuid::from_u128(2))),
        device: Some(Uuid::from_u128(3)),
        kinds: Kind::list("tap-refused, tap-abandoned").unwrap(),
        outcome: Some(Outcome::Refused),
        from: Some(MACHINE_TIME),
        until: Some(MACHINE_TIME + SignedDuration::from_hours(1)),
        case: Some(CaseId::from(Uuid::from_u128(4))),
    }
}

#[test]
fn a_question_survives_json_with_every_field_and_with_none() {
    for question in [full(), Question::everything()] {
        assert_eq!(Question::from_json(&question.to_json()), Ok(question));
    }
    assert_eq!(Question::everything().to_json(), "{}");
}

#[test]
fn kinds_may_be_a_text_with_commas() {
    let question = Question::from_json(r#"{"kinds":"tap-refused,tap-abandoned"}"#).unwrap();
    assert_eq!(question.kinds, full().kinds);
    assert_eq!(Question::from_json(r#"{"kinds":""}"#), Ok(Question::everything()));
}

#[test]
fn what_is_not_a_question_is_refused_with_a_reason() {
    for (text, why) in [
        (r#"{"kinds":["tap-in"]}"#, "there is no type of event named `tap-in`"),
        (r#"{"kinds":["tap-refused","tap-refused"]}"#, "the type `tap-refused` is named twice"),
        (
            r#"{"from":"2026-03-02T06:00:00Z","until":"2026-03-02T06:00:00Z"}"#,
            "`from` must be before `until`",
        ),
        (r#"{"group_by":"person"}"#, "unknown field `group_by`"),
        (r#"{"outcome":"maybe"}"#, "unknown variant `maybe`"),
        ("[]trailing", "trailing"),
    ] {
        let InvalidQuestion::Json(said) = Question::from_json(text).unwrap_err() else {
            panic!("{text}");
        };
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn every_condition_counts() {
    let entries = samples();
    let entry = entries.iter().find(|e| e.record.event.name() == "tap-refused").unwrap();
    let event = &entry.record.event;
    let question = Question {
        person: event.user(),
        workstation: event.workstation(),
        device: event.device(),
        kinds: Kind::list("tap-refused").unwrap(),
        outcome: Some(Outcome::Refused),
        from: Some(entry.record.at),
        until: Some(entry.record.at + SignedDuration::from_micros(1)),
        case: None,
    };
    assert!(question.matches(entry));
    let other = full();
    for changed in [
        Question { person: other.person, ..question.clone() },
        Question { workstation: other.workstation, ..question.clone() },
        Question { device: other.device, ..question.clone() },
        Question { kinds: Kind::list("tap-abandoned").unwrap(), ..question.clone() },
        Question { outcome: Some(Outcome::Accepted), ..question.clone() },
        Question { from: question.until, until: None, ..question.clone() },
        Question { from: None, until: question.from, ..question.clone() },
    ] {
        assert!(!changed.matches(entry), "{changed:?}");
    }
}

#[test]
fn a_person_is_found_as_the_one_who_acted() {
    let entries = samples();
    let acted = entries.iter().find(|entry| entry.record.actor_user().is_some()).unwrap();
    let question = Question { person: acted.record.actor_user(), ..Question::default() };
    assert!(question.matches(acted));
}
