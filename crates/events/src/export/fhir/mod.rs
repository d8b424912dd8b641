//! FHIR R4 `AuditEvent` (hl7.org/fhir/R4/auditevent.html) in the patterns of IHE Basic Audit Log Patterns (BALP 1.1).
//!
//! BALP profiles what an interaction with a `RESTful` interface leaves behind: an event that a person or a machine caused through the server's
//! HTTP interface, and that created, changed, deleted or asked for something, is written to the letter of its profile and
//! says so in `meta.profile`. What has no profile there (signing in and out, what the server does by itself, failures)
//! keeps the same slices of agents and entities, and claims nothing.
use serde_json::{Map, Value, json};

mod agents;
mod balp;
mod entities;

use self::balp::Interaction;
use super::view::View;
use crate::mapping::{Code, Indicator};

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const URI: &str = "urn:ietf:rfc:3986";

/// The entry as a resource.
pub(super) fn audit_event(view: &View<'_>) -> Value {
    let interaction = Interaction::of(view);
    let mut event = Map::new();
    let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
    set("resourceType", json!("AuditEvent"));
    set("id", json!(view.entry.record.id));
    if let Some(interaction) = interaction {
        set("meta", json!({ "profile": [interaction.profile()] }));
    }
    set("type", kind(view, interaction));
    set("subtype", subtypes(view, interaction));
    let action = interaction.map_or(view.kind.export.audit.action, Interaction::action);
    set("action", json!(action.code()));
    set("recorded", json!(view.at()));
    set("outcome", json!(view.indicator().code()));
    set("outcomeDesc", json!(outcome(view)));
    set("agent", agents::agents(view, interaction));
    set("source", source(view));
    set("entity", entities::entities(view, interaction));
    Value::Object(event)
}

/// The profile that the resource claims.
#[cfg(test)]
pub(super) fn profile(view: &View<'_>) -> Option<&'static str> {
    Interaction::of(view).map(Interaction::profile)
}

fn kind(view: &View<'_>, interaction: Option<Interaction>) -> Value {
    match interaction {
        Some(_) => coding(
            "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "rest",
            "RESTful Operation",
        ),
        None => dicom(view.kind.export.audit.event),
    }
}

/// From the general to the particular: the interaction, DICOM's words, and the type in this log's catalogue.
fn subtypes(view: &View<'_>, interaction: Option<Interaction>) -> Value {
    let audit = view.kind.export.audit;
    let mut codings = Vec::new();
    if let Some(interaction) = interaction {
        let code = interaction.code();
        codings.push(coding("http://hl7.org/fhir/restful-interaction", code, code));
        codings.push(dicom(audit.event));
    }
    codings.extend(audit.kind.map(dicom));
    codings.push(coding("urn:imp:event", view.kind.name, &view.title()));
    Value::Array(codings)
}

fn outcome(view: &View<'_>) -> String {
    let said = match view.indicator() {
        Indicator::Success => "Success",
        Indicator::MinorFailure => "Minor failure",
        Indicator::SeriousFailure => "Serious failure",
        Indicator::MajorFailure => "Major failure",
    };
    view.reason().unwrap_or_else(|| said.to_owned())
}

fn source(view: &View<'_>) -> Value {
    let mut source = json!({
        "observer": {
            "type": "Device",
            "identifier": identifier(&view.source.server()),
            "display": view.source.host,
        },
        "type": [coding(
            "http://terminology.hl7.org/CodeSystem/security-source-type",
            "6",
            "Security Server",
        )],
    });
    if let Some(site) = &view.source.site {
        source["site"] = json!(site);
    }
    source
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

fn dicom(code: Code) -> Value {
    coding(DCM, code.value, code.meaning)
}

/// A URI as an identifier (R4 datatypes, §2.24.0.14).
fn identifier(uri: &str) -> Value {
    json!({ "system": URI, "value": uri })
}
