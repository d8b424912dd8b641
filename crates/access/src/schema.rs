//! The schema: the entities are fixed, the actions are the operations.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::operation::Operation;

const ENTITIES: &str = include_str!("entities.cedarschema");

/// The schema as a text.
pub(crate) fn text(operations: &[Operation]) -> String {
    let mut text = format!("{ENTITIES}\n");
    let groups: BTreeSet<_> = operations.iter().flat_map(|operation| &operation.groups).collect();
    for group in groups {
        line(&mut text, format_args!("action {};", quoted(group)));
    }
    for Operation { id, groups, callers, subject } in operations {
        let groups: Vec<_> = groups.iter().map(|group| quoted(group)).collect();
        let callers: Vec<_> = callers.iter().map(|caller| caller.entity_type()).collect();
        line(
            &mut text,
            format_args!(
                "action {} in [{}] appliesTo {{ principal: [{}], resource: [{}], context: Circumstances }};",
                quoted(id),
                groups.join(", "),
                callers.join(", "),
                subject.entity_type()
            ),
        );
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

/// A name as Cedar reads it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.escape_debug())
}
