//! Every type of event through every format; other people's parsers judge the same lines in the tests of the whole.
use std::collections::HashMap;

use imp_identity::event::{Actor, Event};
use imp_identity::name::Label;

use super::*;
use crate::catalogue::catalogue;
use crate::testing::samples;

mod reference;

#[test]
fn every_type_is_one_line_in_every_format() {
    let (source, names) = (source(), everything());
    let samples = samples();
    for kind in catalogue() {
        let entries = samples.iter().filter(|entry| entry.record.event.name() == kind.name);
        let mut count = 0;
        for entry in entries {
            count += 1;
            for format in Format::ALL {
                let line = Export { format: *format, source: &source, names: &names }.line(entry);
                let text = String::from_utf8(line).unwrap();
                let body = text.strip_suffix('\n').unwrap();
                let body = body.strip_suffix('\r').unwrap_or(body);
                assert!(!body.contains(['\n', '\r']), "{format} {}", kind.name);
                assert!(body.contains(kind.name), "{format} does not name {}: {body}", kind.name);
            }
        }
        assert!(count > 0, "no sample of {}", kind.name);
    }
}

#[test]
fn people_are_identifiers_for_whoever_may_not_know_their_names() {
    let (source, known) = (source(), everything());
    let unknown = Names::pseudonymous(HashMap::new());
    for entry in samples() {
        let mut entry = entry;
        entry.record.actor = Actor::Operator("secret-account".to_owned());
        let told = secrets(&entry.record.event);
        for format in Format::ALL {
            let line = |names| {
                let line = Export { format: *format, source: &source, names }.line(&entry);
                unfolded(&String::from_utf8(line).unwrap())
            };
            let (open, closed) = (line(&known), line(&unknown));
            for secret in told.iter().map(String::as_str).chain(["secret-account"]) {
                let name = entry.record.event.name();
                assert!(mentions(&open, secret), "{format} of {name} loses {secret:?}:\n{open}");
                assert!(
                    !mentions(&closed, secret),
                    "{format} of {name} tells {secret:?}:\n{closed}"
                );
            }
            let event = &entry.record.event;
            if let Some(user) = event.user() {
                assert!(closed.contains(&user.to_string()), "{format} loses the identifier");
            }
        }
    }
}

#[test]
fn a_refused_tap_is_a_failure_that_says_why() {
    let (source, names) = (source(), everything());
    let refused = |entry: &&Entry| matches!(entry.record.event, Event::TapRefused { .. });
    let samples = samples();
    let entry = samples.iter().find(refused).unwrap();
    let line = |format| {
        let export = Export { format, source: &source, names: &names };
        String::from_utf8(export.line(entry)).unwrap()
    };
    assert!(line(Format::Fhir).contains(r#""outcome":"4""#));
    assert!(line(Format::Atna).contains(r#"EventOutcomeIndicator="4""#));
    assert!(line(Format::Ocsf).contains(r#""status_id":2"#));
    assert!(line(Format::Cef).contains("outcome=failure"));
    assert!(line(Format::Csv).contains(",failure,"));
}

#[test]
fn the_classes_of_the_catalogue_are_those_that_are_written() {
    for kind in catalogue() {
        let class = kind.export.ocsf.class;
        let written = [2004, 2005, 3001, 3002, 3004, 3005, 4001, 6002, 6005];
        assert!(written.contains(&class), "{} is of class {class}", kind.name);
    }
}

/// What people wrote, and what they are called, in one event.
fn secrets(event: &Event) -> Vec<String> {
    let value = serde_json::to_value(event).unwrap();
    let texts = names::personal_members(event).iter().map(|name| &value[*name]);
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Whether `word` stands in `text`, and not only inside of another word.
fn mentions(text: &str, word: &str) -> bool {
    let part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next())
    })
}

/// The line with what its format folds away: details of audit messages are in base64, and escapes differ.
fn unfolded(line: &str) -> String {
    let mut text = line.to_owned();
    for part in line.split("value=\"").skip(1) {
        let encoded = part.split('"').next().unwrap_or_default();
        if let Ok(bytes) = data_encoding::BASE64.decode(encoded.as_bytes()) {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    let text = text.replace("&apos;", "'").replace("&quot;", "\"").replace("\"\"", "\"");
    text.replace("\\\\", "\\").replace("\\n", "\n").replace("\\\"", "\"").replace("\\=", "=")
}

pub(super) fn source() -> Source {
    Source {
        trust_domain: "hospital.example".parse().unwrap(),
        host: "imp.hospital.example".to_owned(),
        site: Some("Ward <7> | \"B\"".to_owned()),
        version: "0.1.0".to_owned(),
    }
}

/// Everybody and every place has a name, and an awkward one.
pub(super) fn everything() -> Names {
    let mentioned = Mentioned::by(&samples());
    let label: Label = "O'Hara, \"Ann\" <=|\\&".parse().unwrap();
    let person = || Person { username: "a.ohara".parse().unwrap(), display_name: label.clone() };
    Names::of_people(
        mentioned.users.into_iter().map(|user| (user, person())).collect(),
        mentioned.workstations.into_iter().map(|place| (place, label.clone())).collect(),
    )
}
