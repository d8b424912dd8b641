//! Open Cybersecurity Schema Framework 1.8 (schema.ocsf.io).
use imp_identity::event::Event;
use serde_json::{Map, Value, json};

mod objects;

use self::objects::{actor, assignee, device, endpoint, entity, finding, session, user};
use super::view::{Party, View};
use crate::mapping::Severity;

const VERSION: &str = "1.8.0";
/// `activity_id` for what the class has no word for.
const OTHER: u8 = 99;

/// The entry as one event.
pub(super) fn event(view: &View<'_>) -> Value {
    let mut event = base(view);
    let specific = match view.kind.export.ocsf.class {
        2004 => detection(view),
        2005 => incident(view),
        3001 => account_change(view),
        3002 => authentication(view),
        3005 => user_access(view),
        4001 => network_activity(view),
        6002 => json!({ "app": product(view) }),
        6005 => datastore_activity(view),
        // Everything else in the catalogue is a thing that is managed; a test holds the catalogue to that.
        _ => json!({ "actor": actor(view), "entity": entity(view) }),
    };
    if let Value::Object(specific) = specific {
        event.extend(specific);
    }
    Value::Object(event)
}

/// What every class has.
fn base(view: &View<'_>) -> Map<String, Value> {
    let ocsf = view.kind.export.ocsf;
    let mut event = Map::new();
    let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
    set("class_uid", json!(ocsf.class));
    set("category_uid", json!(ocsf.category()));
    set("activity_id", json!(ocsf.activity));
    set("type_uid", json!(ocsf.type_uid()));
    if ocsf.activity == OTHER {
        set("activity_name", json!(view.title()));
    }
    set("severity_id", json!(view.severity() as u8));
    set("severity", json!(severity(view.severity())));
    set("status_id", json!(if view.succeeded() { 1 } else { 2 }));
    set("status", json!(if view.succeeded() { "Success" } else { "Failure" }));
    if let Some(reason) = view.reason() {
        set("status_detail", json!(reason));
    }
    set("time", json!(view.at().as_millisecond()));
    set("message", json!(view.kind.meaning));
    let mut metadata = metadata(view);
    if let Some(device) = device(view) {
        metadata["profiles"] = json!(["host"]);
        set("device", device);
    }
    set("metadata", metadata);
    let mut facts: Map<_, _> =
        view.facts().into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    facts.insert("index".to_owned(), json!(view.entry.index));
    // Not every class has a place for them.
    let mut name = |member: &str, id: Option<String>| {
        facts.extend(id.map(|id| (member.to_owned(), Value::from(id))));
    };
    let actor = view.actor();
    name("actor", Some(format!("{} {}", actor.kind(), view.id(actor))));
    name("user", view.event().user().map(|user| user.to_string()));
    name("workstation", view.event().workstation().map(|place| place.to_string()));
    name("device", view.event().device().map(|device| device.to_string()));
    set("unmapped", Value::Object(facts));
    event
}

fn metadata(view: &View<'_>) -> Value {
    json!({
        "version": VERSION,
        "product": product(view),
        "uid": view.entry.record.id,
        "event_code": view.kind.name,
        "log_name": view.source.log(),
        "log_provider": view.source.host,
        "original_time": view.at(),
        "labels": [view.kind.uri()],
    })
}

fn product(view: &View<'_>) -> Value {
    json!({
        "name": "imp-server",
        "vendor_name": "IMP",
        "version": view.source.version,
        "uid": view.source.server(),
    })
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn authentication(view: &View<'_>) -> Value {
    let mut event = json!({
        "actor": actor(view),
        "user": user(view, view.event().user()),
        "service": { "name": "imp-server", "uid": view.source.server() },
        "dst_endpoint": endpoint(view, Party::Server),
        "is_remote": false,
    });
    if let Some(session) = session(view) {
        event["session"] = session;
    }
    if let Event::TapAccepted(_) | Event::TapRefused { .. } | Event::OfflineTapReconciled { .. } =
        view.event()
    {
        // The phone by its key, and the face: two factors (SP 800-63B-4 §2.2).
        event["is_mfa"] = json!(true);
        event["auth_factors"] = json!([
            { "factor_type_id": 6, "factor_type": "Hardware Token" },
            { "factor_type_id": 4, "factor_type": "Biometric" },
        ]);
        event["logon_type_id"] = json!(2);
        event["logon_type"] = json!("Interactive");
    }
    event
}

fn account_change(view: &View<'_>) -> Value {
    json!({ "actor": actor(view), "user": user(view, view.event().user()) })
}

fn user_access(view: &View<'_>) -> Value {
    json!({
        "actor": actor(view),
        "user": user(view, view.event().user()),
        "privileges": ["administrator"],
    })
}

fn network_activity(view: &View<'_>) -> Value {
    let mut event = json!({ "src_endpoint": endpoint(view, view.actor()) });
    if let Event::ConnectionUnexpected { machine, peer, .. } = view.event() {
        event["src_endpoint"] = json!({ "uid": machine, "name": machine });
        event["dst_endpoint"] = json!({ "name": peer });
    }
    event
}

fn datastore_activity(view: &View<'_>) -> Value {
    let mut event = json!({
        "actor": actor(view),
        "src_endpoint": endpoint(view, view.actor()),
        "dst_endpoint": endpoint(view, Party::Server),
        "database": { "name": view.source.log(), "type_id": 99, "type": "Transparency log" },
    });
    if let Some(question) = view.question() {
        event["query_info"] = json!({ "uid": view.entry.record.id, "query_string": question });
    }
    event
}

fn detection(view: &View<'_>) -> Value {
    json!({
        "finding_info": finding(view),
        "is_alert": true,
        // New.
        "status_id": 1,
        "status": "New",
        "evidences": [{ "actor": actor(view) }],
    })
}

fn incident(view: &View<'_>) -> Value {
    let event = view.event();
    let (status_id, status) = if matches!(event, Event::CaseClosed { .. }) {
        (5, "Closed")
    } else if matches!(event, Event::CaseOpened { .. } | Event::UseDisputed { .. }) {
        (1, "New")
    } else {
        (2, "In Progress")
    };
    let mut event = json!({
        "finding_info_list": [finding(view)],
        "status_id": status_id,
        "status": status,
        // Whoever is an auditor, until a case is somebody's.
        "assignee_group": { "uid": "urn:imp:role:auditor", "name": "auditor" },
    });
    if let Some(assignee) = assignee(view) {
        event["assignee"] = assignee;
    }
    event
}
