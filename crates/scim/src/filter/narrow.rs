//! What of a filter a database can answer by an index.
use serde_json::Value;

use super::{Filter, Operator};
use crate::path::AttributePath;

/// A condition that every resource meets which fits the filter, and that few meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow<'a> {
    /// `id eq`
    Id(&'a str),
    /// `externalId eq`
    ExternalId(&'a str),
    /// `userName eq`, whatever the case.
    UserName(&'a str),
    /// `displayName eq`, whatever the case.
    DisplayName(&'a str),
    /// `members eq`, or `members.value eq`, or the same in brackets.
    Member(&'a str),
}

impl Filter {
    /// The narrowest such condition, if there is one. What meets it must be asked whether it fits the filter.
    pub fn narrow(&self) -> Option<Narrow<'_>> {
        match self {
            Self::And(terms) => terms.iter().find_map(Self::narrow),
            Self::Compare { path, operator: Operator::Equal, value: Value::String(text) } => {
                of_attribute(path, text)
            }
            Self::Within { path, filter } if path.is("members") => match filter.as_ref() {
                Self::Compare { path, operator: Operator::Equal, value: Value::String(text) } => {
                    path.is("value").then_some(Narrow::Member(text))
                }
                Self::And(_)
                | Self::Or(_)
                | Self::Not(_)
                | Self::Compare { .. }
                | Self::Present(_)
                | Self::Within { .. } => None,
            },
            Self::Or(_)
            | Self::Not(_)
            | Self::Compare { .. }
            | Self::Present(_)
            | Self::Within { .. } => None,
        }
    }
}

fn of_attribute<'a>(path: &AttributePath, text: &'a str) -> Option<Narrow<'a>> {
    // The URN of the core schema may stand before the name; that of another may not.
    let core = path.schema.as_deref().is_none_or(|it| it.to_ascii_lowercase().contains(":core:"));
    let name = path.name.to_ascii_lowercase();
    match (name.as_str(), path.sub.as_deref()) {
        _ if !core => None,
        ("id", None) => Some(Narrow::Id(text)),
        ("externalid", None) => Some(Narrow::ExternalId(text)),
        ("username", None) => Some(Narrow::UserName(text)),
        ("displayname", None) => Some(Narrow::DisplayName(text)),
        ("members", None) => Some(Narrow::Member(text)),
        ("members", Some(sub)) if sub.eq_ignore_ascii_case("value") => Some(Narrow::Member(text)),
        (_, _) => None,
    }
}
