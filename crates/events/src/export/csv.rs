//! Comma-separated values (RFC 4180), safe to open in a spreadsheet.
use csv::{Terminator, WriterBuilder};

use super::view::{Party, View};

const COLUMNS: [&str; 20] = [
    "index",
    "event_id",
    "at",
    "type",
    "uri",
    "severity",
    "outcome",
    "reason",
    "actor_kind",
    "actor_id",
    "actor_name",
    "user_id",
    "user_name",
    "workstation_id",
    "workstation_name",
    "device_id",
    "object_kind",
    "object_id",
    "site",
    "details",
];

/// The header line.
pub(super) fn head() -> Vec<u8> {
    record(&COLUMNS.map(str::to_owned))
}

/// One entry. Line breaks inside of texts become spaces, so that a line of the file is a record.
pub(super) fn row(view: &View<'_>) -> Vec<u8> {
    let event = view.event();
    let (user, workstation) =
        (event.user().map(Party::User), event.workstation().map(Party::Workstation));
    let id = |party: Option<Party<'_>>| party.map(|party| view.id(party)).unwrap_or_default();
    let name = |party: Option<Party<'_>>| {
        party.and_then(|party| view.name(party).map(str::to_owned)).unwrap_or_default()
    };
    let object = view.object();
    let outcome = if view.succeeded() { "success" } else { "failure" };
    let details: serde_json::Map<_, _> =
        view.facts().into_iter().map(|(name, value)| (name, value.into())).collect();
    let cells: [String; 20] = [
        view.entry.index.to_string(),
        view.entry.record.id.to_string(),
        view.at().to_string(),
        view.kind.name.to_owned(),
        view.kind.uri(),
        (view.severity() as u8).to_string(),
        outcome.to_owned(),
        view.reason().unwrap_or_default(),
        view.actor().kind().to_owned(),
        view.id(view.actor()),
        view.name(view.actor()).unwrap_or_default().to_owned(),
        id(user),
        name(user),
        id(workstation),
        name(workstation),
        event.device().map(|device| device.to_string()).unwrap_or_default(),
        object.as_ref().map(|object| object.kind.to_owned()).unwrap_or_default(),
        object.map(|object| object.id).unwrap_or_default(),
        view.source.site.clone().unwrap_or_default(),
        serde_json::Value::Object(details).to_string(),
    ];
    record(&cells.map(|cell| guarded(&cell)))
}

/// A spreadsheet takes a cell that begins so for a formula (CWE-1236): an apostrophe says that it is text.
fn guarded(cell: &str) -> String {
    let flat = cell.replace(['\n', '\r'], " ");
    if flat.starts_with(['=', '+', '-', '@', '\t']) { format!("'{flat}") } else { flat }
}

fn record(cells: &[String; 20]) -> Vec<u8> {
    let mut writer =
        WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::with_capacity(512));
    // Writing to memory does not fail, and the count of cells is fixed.
    let _written = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_is_marked_as_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=HYPERLINK(\"x\")"] {
            assert!(guarded(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(guarded("Ward 7, bed=2"), "Ward 7, bed=2");
        assert_eq!(guarded("two\r\nlines"), "two  lines");
    }
}
