//! No type without documentation, mapping and sample.
use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::testing::samples;

#[test]
fn every_type_has_a_sample() {
    let sampled: BTreeSet<_> = samples().iter().map(|entry| entry.record.event.name()).collect();
    let listed: BTreeSet<_> = catalogue().iter().map(|kind| kind.name).collect();
    assert_eq!(sampled, listed);
    assert_eq!(listed.len(), catalogue().len(), "a type is listed twice");
}

#[test]
fn the_catalogue_and_the_events_say_the_same_of_names_and_members() {
    for entry in samples() {
        let event = &entry.record.event;
        let kind = event_type(event);
        assert_eq!(kind.name, event.name());
        assert_eq!(kind.uri(), event.type_uri());
        assert_eq!(find(event.name()), Some(kind));
        let json = serde_json::to_value(event).unwrap();
        let members: BTreeSet<_> =
            json.as_object().unwrap().keys().map(String::as_str).filter(|m| *m != "type").collect();
        let documented: BTreeSet<_> = kind.fields.iter().map(|field| field.name).collect();
        assert_eq!(members, documented, "{}", kind.name);
        assert_eq!(documented.len(), kind.fields.len(), "{}: a member twice", kind.name);
    }
}

#[test]
fn every_type_is_documented() {
    for kind in catalogue() {
        assert!(kind.meaning.len() >= 15 && kind.meaning.ends_with('.'), "{}", kind.name);
        assert!(!kind.fields.iter().any(|field| field.meaning.len() < 5), "{}", kind.name);
        assert!(
            kind.retention.days != Some(0) && kind.retention.ground.len() > 20,
            "{}",
            kind.name
        );
        let ocsf = kind.export.ocsf;
        assert!((1..=6).contains(&ocsf.category()) && ocsf.activity < 100, "{}", kind.name);
        let audit = kind.export.audit;
        assert!(audit.event.value.starts_with("1101"), "{}", kind.name);
    }
}

#[test]
fn a_refusal_never_counts_as_a_success_in_the_mapping() {
    use crate::mapping::Indicator;
    use imp_identity::event::Outcome;
    for entry in samples() {
        let event = &entry.record.event;
        let kind = event_type(event);
        // An outcome that the event itself says is the export's to tell.
        let said = kind.fields.iter().any(|field| field.name == "outcome");
        if !said && event.outcome() == Some(Outcome::Refused) {
            assert_ne!(kind.export.audit.outcome, Indicator::Success, "{}", kind.name);
        }
    }
}

#[test]
fn what_concerns_no_person_is_not_pseudonymous() {
    for entry in samples() {
        let kind = event_type(&entry.record.event);
        if entry.record.event.user().is_some() {
            assert_ne!(kind.personal, PersonalContent::None, "{}", kind.name);
        }
        if kind.presence {
            assert!(entry.record.event.user().is_some(), "{}", kind.name);
        }
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/events.md");
    if std::env::var_os("IMP_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, reference(), "run this test with IMP_WRITE_REFERENCE=1");
}
