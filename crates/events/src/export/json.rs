//! The log's own records.
use serde_json::{Value, json};

use super::view::{Party, View};

/// The entry as the log has it, with the URI of its type; without what the reader may not see.
pub(super) fn entry(view: &View<'_>) -> Value {
    let record = &view.entry.record;
    let actor = if view.actor() == Party::Operator(None) {
        json!({ "kind": "operator" })
    } else {
        json!(record.actor)
    };
    json!({
        "index": view.entry.index,
        "id": record.id,
        "at": record.at,
        "uri": view.kind.uri(),
        "actor": actor,
        "event": view.shown_event(),
    })
}
