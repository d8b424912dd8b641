//! The reference of the catalogue, for people: `docs/reference/events.md`.
use std::fmt::Write as _;

use super::catalogue;
use super::event_type::{EarlyErasure, EventType, Retention};

const HEAD: &str = "# Events

<!-- Generated from the catalogue (crates/events): IMP_WRITE_REFERENCE=1 with the tests of imp-events writes it. -->

Every entry of the log is of one of these types. Each has an index, an event identifier, a time and an actor, and the
members listed with its type. `Kept` is how long the record is kept; its leaf in the log stays, so that proofs stay valid
(see [the log](../log.md)). *Presence* says that the event shows when a person was at work: see
[Never attendance](../never-attendance.md). Severity and classes are those of OCSF 1.x; codes are those of DICOM
PS3.16, which FHIR AuditEvent and IHE ATNA share. The CEF signature id is the name.

No event holds special categories of personal data (GDPR Art. 9): no image, no template, no similarity.
";

/// The whole reference, in Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n| Event | Means |\n|---|---|\n");
    for kind in catalogue() {
        let _ = writeln!(text, "| [`{0}`](#{0}) | {1} |", kind.name, kind.meaning);
    }
    for kind in catalogue() {
        section(&mut text, kind);
    }
    text
}

/// One type. Writing into a text cannot fail.
fn section(text: &mut String, kind: &EventType) {
    let audit = kind.export.audit;
    let early = match kind.retention.early_erasure {
        EarlyErasure::Allowed => "an administrator and an auditor together may erase it earlier",
        EarlyErasure::Refused => "not erased earlier",
    };
    let presence = if kind.presence { "; presence" } else { "" };
    let subtype =
        audit.kind.map_or_else(String::new, |code| format!(", {} {}", code.value, code.meaning));
    let _ = write!(
        text,
        "\n## {name}\n\n{meaning}\n\n\
         - Type: `{uri}`\n\
         - Personal data: {personal}{presence}\n\
         - Kept: {kept}, {early}. Ground: {ground}\n\
         - DICOM, FHIR: {event} {event_meaning}{subtype}; action {action}, outcome {outcome}\n\
         - OCSF: class {class}, activity {activity}, severity {severity}\n",
        name = kind.name,
        meaning = kind.meaning,
        uri = kind.uri(),
        personal = kind.personal.words(),
        kept = kept(kind.retention),
        ground = kind.retention.ground,
        event = audit.event.value,
        event_meaning = audit.event.meaning,
        action = audit.action.code(),
        outcome = audit.outcome.code(),
        class = kind.export.ocsf.class,
        activity = kind.export.ocsf.activity,
        severity = kind.export.severity as u8,
    );
    if kind.fields.is_empty() {
        return;
    }
    text.push_str("\n| Member | Says |\n|---|---|\n");
    for field in kind.fields {
        let _ = writeln!(text, "| `{}` | {} |", field.name, field.meaning);
    }
}

/// How long, in words.
fn kept(retention: Retention) -> String {
    retention.days.map_or_else(|| "as long as the log".to_owned(), |days| format!("{days} days"))
}
