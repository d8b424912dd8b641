//! The objects of which events are made.
use imp_identity::event::Event;
use imp_identity::id::UserId;
use serde_json::{Value, json};

use crate::export::view::{Party, View};

/// `device.type_id`
const SERVER: u8 = 1;
const DESKTOP: u8 = 2;
const MOBILE: u8 = 5;

/// Who acted.
pub(super) fn actor(view: &View<'_>) -> Value {
    match view.actor() {
        Party::User(id) => json!({ "user": user(view, Some(id)) }),
        Party::Operator(account) => json!({ "user": operator(account) }),
        party @ (Party::Workstation(_)
        | Party::Phone(_)
        | Party::Client(_)
        | Party::Device(_)
        | Party::Server) => {
            json!({
                "app_name": party.kind(),
                "app_uid": view.uri(party),
            })
        }
    }
}

/// A person, or that she is unknown.
pub(super) fn user(view: &View<'_>, id: Option<UserId>) -> Value {
    let Some(id) = id else { return json!({ "name": "unknown", "type_id": 0 }) };
    let mut user = json!({ "uid": id, "type_id": 1, "type": "User" });
    if let Some(person) = view.person(Party::User(id)) {
        user["name"] = json!(person.username);
        user["full_name"] = json!(person.display_name);
    }
    user
}

fn operator(account: Option<&str>) -> Value {
    json!({ "name": account.unwrap_or("operator"), "type_id": 2, "type": "Admin" })
}

/// Who is to work on a case, if it was given to somebody.
pub(super) fn assignee(view: &View<'_>) -> Option<Value> {
    let Event::CaseAssigned { assignee, .. } = view.event() else { return None };
    Some(user(view, Some(*assignee)))
}

/// The workstation; without one, the phone.
pub(super) fn device(view: &View<'_>) -> Option<Value> {
    let event = view.event();
    let phone = || view.concerned().into_iter().chain(view.participants()).find(is_phone);
    let party = event.workstation().map(Party::Workstation).or_else(phone)?;
    Some(machine(view, party))
}

fn is_phone(party: &Party<'_>) -> bool {
    matches!(party, Party::Phone(_))
}

fn machine(view: &View<'_>, party: Party<'_>) -> Value {
    let (type_id, kind) = match party {
        Party::Workstation(_) => (DESKTOP, "Desktop"),
        Party::Phone(_) => (MOBILE, "Mobile"),
        Party::Server => (SERVER, "Server"),
        Party::User(_) | Party::Operator(_) | Party::Client(_) | Party::Device(_) => (0, "Unknown"),
    };
    let mut machine = json!({ "uid": view.uri(party), "type_id": type_id, "type": kind });
    if let Some(name) = view.name(party) {
        machine["name"] = json!(name);
    }
    machine
}

/// One end of a connection. Of people's programs nothing is known but that they are theirs.
pub(super) fn endpoint(view: &View<'_>, party: Party<'_>) -> Value {
    match party {
        Party::User(_) | Party::Operator(_) => json!({ "name": "a program of the user" }),
        Party::Workstation(_)
        | Party::Phone(_)
        | Party::Client(_)
        | Party::Device(_)
        | Party::Server => machine(view, party),
    }
}

/// What is managed.
pub(super) fn entity(view: &View<'_>) -> Value {
    let Some(object) = view.object() else {
        return json!({ "name": view.title(), "type_id": 99, "type": view.kind.name });
    };
    let mut entity = json!({ "uid": object.id, "type": object.kind, "type_id": 99 });
    match object.kind {
        "policy" => {
            entity["type_id"] = json!(5);
            entity["policy"] = json!({ "uid": object.id, "name": "tap policy" });
        }
        "workstation" | "phone" => {
            entity["type_id"] = json!(1);
            if let Some(device) = device(view) {
                entity["device"] = device;
            }
        }
        _ => {}
    }
    entity
}

/// What was found or opened.
pub(super) fn finding(view: &View<'_>) -> Value {
    let object = view.object().map_or_else(|| view.entry_name(view.entry.index), |o| o.id);
    let mut finding = json!({
        "uid": object,
        "title": view.title(),
        "desc": view.kind.meaning,
        "created_time": view.at().as_millisecond(),
    });
    if let Event::FindingMade { rule, cause, sentence, .. } = view.event() {
        // A finding is not the entry that caused it: it has a name of its own.
        finding["uid"] = json!(view.entry_name(view.entry.index));
        finding["analytic"] = json!({ "name": rule, "type_id": 1, "type": "Rule" });
        finding["related_events"] = json!([{ "uid": view.entry_name(*cause) }]);
        if view.names.shows_people() {
            finding["desc"] = json!(sentence);
        }
    }
    finding
}

/// The session, where one is opened, continued or ended.
pub(super) fn session(view: &View<'_>) -> Option<Value> {
    let event = view.event();
    if let Event::TapAccepted(facts) = event {
        return Some(json!({ "uid": facts.session }));
    }
    if let Event::SessionEstablished { session, expires_at, .. } = event {
        return Some(json!({
            "uid": session,
            "created_time": view.at().as_millisecond(),
            "expiration_time": expires_at.as_millisecond(),
        }));
    }
    if let Event::SessionRevoked { session, reason, .. } = event {
        return Some(json!({ "uid": session, "expiration_reason": reason.code() }));
    }
    let (Event::SessionSuspended { session, .. } | Event::SessionResumed { session, .. }) = event
    else {
        return None;
    };
    Some(json!({ "uid": session }))
}
