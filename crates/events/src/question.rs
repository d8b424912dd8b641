//! What can be asked of the log. There is no grouping, no counting and no order but the log's: see
//! [`attendance`](crate::attendance).
use std::fmt;
use std::str::FromStr;

use imp_identity::event::Outcome;
use imp_identity::{CaseId, UserId, WorkstationId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::Entry;
use crate::catalogue::{self, EventType};

/// Which entries: all that meet every condition that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, try_from = "Unchecked")]
pub struct Question {
    /// She is the user concerned, or the user who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<UserId>,
    /// It happened there, or concerns that workstation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workstation: Option<WorkstationId>,
    /// That phone or machine took part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Uuid>,
    /// It is of one of these types; of any, without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// That came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The case for which it is asked. Chooses nothing, but may allow what would otherwise be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
}

/// The name of a type in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(&'static EventType);

/// The question cannot be asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// No such type.
    #[error("there is no type of event named `{0}`")]
    UnknownKind(String),
    /// A type twice, or more types than there are.
    #[error("the type `{0}` is named twice")]
    RepeatedKind(&'static str),
    /// Nothing can lie between.
    #[error("`from` must be before `until`")]
    EmptyTime,
    /// Not JSON, or not the JSON of a question.
    #[error("not a question")]
    Json(String),
}

impl Question {
    /// Everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Reads the JSON of a question, as saved searches and `log-read` hold it.
    pub fn from_json(text: &str) -> Result<Self, InvalidQuestion> {
        serde_json::from_str(text).map_err(|error| InvalidQuestion::Json(error.to_string()))
    }

    /// The JSON of the question: one text for one question, for `log-read` and saved searches.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to serialise; a test asks every field.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it can be asked: for questions that were put together field by field.
    pub fn check(&self) -> Result<(), InvalidQuestion> {
        for (place, kind) in self.kinds.iter().enumerate() {
            if self.kinds.iter().take(place).any(|earlier| earlier == kind) {
                return Err(InvalidQuestion::RepeatedKind(kind.name()));
            }
        }
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => Err(InvalidQuestion::EmptyTime),
            _ => Ok(()),
        }
    }

    /// Whether the entry is one of the answers.
    pub fn matches(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        let event = &record.event;
        let about = |person| event.user() == Some(person) || record.actor_user() == Some(person);
        self.person.is_none_or(about)
            && self.workstation.is_none_or(|id| event.workstation() == Some(id))
            && self.device.is_none_or(|id| event.device() == Some(id))
            && self.wants(event.name())
            && self.outcome.is_none_or(|outcome| event.outcome() == Some(outcome))
            && self.from.is_none_or(|from| from <= record.at)
            && self.until.is_none_or(|until| record.at < until)
    }

    /// Whether it asks for events of that name.
    pub fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted.name() == kind)
    }

    /// How long a time it asks about; `None` without a beginning or an end.
    pub fn span(&self) -> Option<SignedDuration> {
        Some(self.until?.duration_since(self.from?))
    }
}

impl Kind {
    /// The type's name.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// What the catalogue says of it.
    pub const fn event_type(self) -> &'static EventType {
        self.0
    }

    /// Reads a list such as `tap-accepted,tap-refused`; an empty text is an empty list.
    pub fn list(text: &str) -> Result<Vec<Self>, InvalidQuestion> {
        if text.trim().is_empty() {
            return Ok(vec![]);
        }
        text.split(',').map(|name| name.trim().parse()).collect()
    }
}

impl FromStr for Kind {
    type Err = InvalidQuestion;

    fn from_str(name: &str) -> Result<Self, InvalidQuestion> {
        let unknown = || InvalidQuestion::UnknownKind(name.chars().take(64).collect());
        catalogue::find(name).map(Self).ok_or_else(unknown)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The same fields, before the check.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Unchecked {
    person: Option<UserId>,
    workstation: Option<WorkstationId>,
    device: Option<Uuid>,
    #[serde(deserialize_with = "kinds")]
    kinds: Vec<Kind>,
    outcome: Option<Outcome>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    case: Option<CaseId>,
}

impl TryFrom<Unchecked> for Question {
    type Error = InvalidQuestion;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidQuestion> {
        let Unchecked { person, workstation, device, kinds, outcome, from, until, case } =
            unchecked;
        let question = Self { person, workstation, device, kinds, outcome, from, until, case };
        question.check()?;
        Ok(question)
    }
}

/// A list, or one text with commas, which is how a query string says it.
fn kinds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Kind>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kinds {
        Text(String),
        List(Vec<String>),
    }
    let kinds = match Kinds::deserialize(from)? {
        Kinds::Text(text) => Kind::list(&text),
        Kinds::List(names) => names.iter().map(|name| name.parse()).collect(),
    };
    kinds.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
