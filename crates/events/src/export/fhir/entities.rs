//! What was used, changed or asked (`AuditEvent.entity`).
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::balp::Interaction;
use super::{coding, identifier};
use crate::export::view::{Party, View};

const TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// The object, whom else it concerns, and the entry of the log with everything that it says.
pub(super) fn entities(view: &View<'_>, interaction: Option<Interaction>) -> Value {
    let mut entities = Vec::new();
    match (interaction, view.question()) {
        (Some(Interaction::Search), Some(question)) => entities.push(query(question)),
        _ => entities.extend(object(view)),
    }
    entities.extend(view.concerned().into_iter().map(|party| concerned(view, party)));
    entities.push(entry(view));
    Value::Array(entities)
}

/// BALP: the question as it was asked, in base64, so that nothing in it can do harm on the way.
fn query(question: &str) -> Value {
    json!({
        "type": system_object(),
        "role": coding(ROLE, "24", "Query"),
        "query": BASE64.encode(question.as_bytes()),
    })
}

fn object(view: &View<'_>) -> Option<Value> {
    let object = view.object()?;
    Some(json!({
        "what": { "identifier": identifier(&object.id), "display": object.kind },
        "type": system_object(),
        "role": coding(ROLE, "4", "Domain Resource"),
    }))
}

fn concerned(view: &View<'_>, party: Party<'_>) -> Value {
    let mut what = json!({ "identifier": identifier(&view.uri(party)) });
    if let Some(name) = view.name(party) {
        what["display"] = json!(name);
    }
    match party {
        Party::User(_) => json!({
            "what": what,
            "type": coding(TYPE, "1", "Person"),
            "role": coding(ROLE, "11", "Security User Entity"),
        }),
        Party::Workstation(_)
        | Party::Phone(_)
        | Party::Client(_)
        | Party::Device(_)
        | Party::Operator(_)
        | Party::Server => json!({
            "what": what,
            "type": coding(TYPE, "4", "Other"),
            "role": coding(ROLE, "13", "Security Resource"),
        }),
    }
}

/// The entry itself, so that its place in the log can be proved, with the rest of what it says.
fn entry(view: &View<'_>) -> Value {
    let mut details = vec![
        json!({ "type": "index", "valueString": view.entry.index.to_string() }),
        json!({ "type": "event type", "valueString": view.kind.uri() }),
    ];
    // FHIR's strings are not empty (R4 datatypes, string).
    let facts = view.facts().into_iter().filter(|(_, value)| !value.trim().is_empty());
    details
        .extend(facts.map(|(name, value)| json!({ "type": name, "valueString": legible(&value) })));
    json!({
        "what": { "identifier": identifier(&view.entry_name(view.entry.index)) },
        "type": coding(TYPE, "4", "Other"),
        "role": coding(ROLE, "17", "Data Repository"),
        "description": view.kind.meaning,
        "detail": details,
    })
}

/// FHIR's strings hold no control characters but tab and line breaks (R4 datatypes, string).
fn legible(text: &str) -> String {
    let allowed = |letter: char| !letter.is_control() || ['\t', '\n', '\r'].contains(&letter);
    text.chars().map(|letter| if allowed(letter) { letter } else { '\u{fffd}' }).collect()
}

fn system_object() -> Value {
    coding(TYPE, "2", "System Object")
}
