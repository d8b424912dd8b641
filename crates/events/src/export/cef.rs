//! Common Event Format (`ArcSight` CEF implementation standard, version 0).
use std::fmt::Write as _;

use super::view::{Party, View};
use crate::mapping::Ocsf;

/// One event.
pub(super) fn event(view: &View<'_>) -> String {
    let mut line = String::from("CEF:0");
    let severity = view.severity().cef().to_string();
    let title = view.title();
    for field in
        ["IMP", "imp-server", &view.source.version, view.kind.name, &title, severity.as_str()]
    {
        line.push('|');
        push_header(&mut line, field);
    }
    line.push('|');
    for (number, (key, value)) in extension(view).into_iter().enumerate() {
        if number > 0 {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        push_value(&mut line, shortened(&value, longest(key)));
    }
    line
}

/// The longest value of a key, in characters (the standard's dictionary).
fn longest(key: &str) -> usize {
    match key {
        "externalId" => 40,
        "act" | "outcome" => 63,
        "dvchost" => 100,
        _ if key.starts_with("cs") && !key.ends_with("Label") => 4000,
        _ => 1023,
    }
}

fn shortened(value: &str, longest: usize) -> &str {
    value.char_indices().nth(longest).map_or(value, |(end, _)| &value[..end])
}

/// The keys of the standard's dictionary that apply, in a fixed order.
fn extension(view: &View<'_>) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("rt", view.at().as_millisecond().to_string()),
        ("externalId", view.entry.record.id.to_string()),
        ("cat", category(view.kind.export.ocsf).to_owned()),
        ("act", view.kind.name.to_owned()),
        ("outcome", if view.succeeded() { "success" } else { "failure" }.to_owned()),
        ("msg", view.kind.meaning.to_owned()),
        ("dvchost", view.source.host.clone()),
        ("cn1Label", "logIndex".to_owned()),
        ("cn1", view.entry.index.to_string()),
    ];
    pairs.extend(view.reason().map(|reason| ("reason", reason)));
    people(view, &mut pairs);
    labelled(view, &mut pairs);
    pairs
}

/// Who acted is the source, whom it concerns the destination.
fn people(view: &View<'_>, pairs: &mut Vec<(&'static str, String)>) {
    let actor = view.actor();
    if let Party::User(_) | Party::Operator(_) = actor {
        pairs.push(("suid", view.id(actor)));
        pairs.extend(view.person(actor).map(|person| ("suser", person.username.to_string())));
        if let Party::Operator(Some(account)) = actor {
            pairs.push(("suser", account.to_owned()));
        }
    }
    if let Some(user) = view.event().user() {
        pairs.push(("duid", user.to_string()));
        let person = view.person(Party::User(user));
        pairs.extend(person.map(|person| ("duser", person.username.to_string())));
    }
    if let Some(workstation) = view.event().workstation().map(Party::Workstation) {
        pairs.extend(view.name(workstation).map(|name| ("shost", name.to_owned())));
    }
}

/// The custom strings, each with what it means.
fn labelled(view: &View<'_>, pairs: &mut Vec<(&'static str, String)>) {
    let details: serde_json::Map<_, _> =
        view.facts().into_iter().map(|(name, value)| (name, value.into())).collect();
    let actor = view.actor();
    let values = [
        ("cs1Label", "actor", "cs1", Some(format!("{} {}", actor.kind(), view.id(actor)))),
        (
            "cs2Label",
            "workstation",
            "cs2",
            view.event().workstation().map(|workstation| workstation.to_string()),
        ),
        ("cs3Label", "device", "cs3", view.event().device().map(|device| device.to_string())),
        ("cs4Label", "object", "cs4", view.object().map(|o| format!("{} {}", o.kind, o.id))),
        ("cs5Label", "site", "cs5", view.source.site.clone()),
        ("cs6Label", "details", "cs6", Some(serde_json::Value::Object(details).to_string())),
    ];
    for (label, meaning, key, value) in values {
        if let Some(value) = value {
            pairs.push((label, meaning.to_owned()));
            pairs.push((key, value));
        }
    }
}

const fn category(ocsf: Ocsf) -> &'static str {
    match ocsf.category() {
        2 => "Findings",
        3 => "Identity & Access Management",
        4 => "Network Activity",
        6 => "Application Activity",
        _ => "System Activity",
    }
}

/// A header field: backslash and bar are escaped, and it is one line.
fn push_header(line: &mut String, field: &str) {
    for letter in field.chars() {
        match letter {
            '\\' | '|' => {
                line.push('\\');
                line.push(letter);
            }
            _ if letter.is_control() => line.push(' '),
            _ => line.push(letter),
        }
    }
}

/// An extension value: backslash, equals sign and line breaks are escaped.
fn push_value(line: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' | '=' => {
                line.push('\\');
                line.push(letter);
            }
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            _ if letter.is_control() => {
                // Nothing else of its kind has an escape; what it was stays legible.
                let _infallible = write!(line, "\\\\u{:04x}", u32::from(letter));
            }
            _ => line.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_as_long_as_its_key_allows() {
        assert_eq!(shortened("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{e9}");
        assert_eq!(shortened("ab", 2), "ab");
        assert_eq!((longest("cs6"), longest("cs6Label"), longest("msg")), (4000, 1023, 1023));
    }

    #[test]
    fn what_separates_is_escaped_where_it_separates() {
        let mut header = String::new();
        push_header(&mut header, "a|b\\c=d\ne");
        assert_eq!(header, "a\\|b\\\\c=d e");
        let mut value = String::new();
        push_value(&mut value, "a|b\\c=d\ne\u{7}");
        assert_eq!(value, "a|b\\\\c\\=d\\ne\\\\u0007");
    }
}
