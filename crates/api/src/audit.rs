//! Review of the event log, by auditors: search, timelines, proofs, saved searches and cases. Nothing here changes or
//! removes an entry; every answer that shows entries to a person is itself an entry (`log-read`).
use std::collections::BTreeMap;

use imp_identity::case::Conclusion;
use imp_identity::event::Record;
use imp_identity::{CaseId, SearchId, UserId, WorkstationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::bytes::Base64;

/// What `GET /v1/events` is asked. Everything that is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Concerned or acting: a username, or the person's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where: the workstation's name if only one has it, or its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<String>,
    /// The phone or other device, by identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Uuid>,
    /// The names of events, such as `tap-refused`, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `accepted`, `refused` or `abandoned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Not earlier than this.
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Earlier than this. Who names a person and no time asks about the last 24 hours, unless for an open case.
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The number of the case for which it is asked: an open one allows what would show when somebody was at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<u64>,
    /// Newest first, from the entry before this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Oldest first, from the entry after this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// `newest` first or `oldest` first; newest unless said otherwise, or `after` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One page of entries. `GET /v1/events?person=…&workstation=…&…` and `GET /v1/searches/{search}/events`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The page. It may hold fewer entries than were asked for, or none, and not be the last: only a missing `next` says so.
    pub events: Vec<Entry>,
    /// The names of the people and workstations that occur, by identifier.
    pub names: BTreeMap<Uuid, String>,
    /// Pass as `before` (newest first) or `after` (oldest first) for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One entry of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Its place in the log, from 0, without gaps (RFC 9162 leaf index).
    pub index: u64,
    /// When it was appended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The name of the event, such as `tap-refused`.
    pub kind: String,
    /// The type URI of the event; absent when the record was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_uri: Option<String>,
    /// What happened, in plain words.
    pub sentence: String,
    /// Where its proof is: `GET` this.
    pub proof: String,
    /// The record; absent when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub record: Option<Record>,
}

/// Everything that proves one entry. `GET /v1/events/{index}/proof`; `imp-server log verify-receipt FILE` checks it with
/// nothing but the log's public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventProof {
    /// The exact text of the record; absent when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The 32 bytes that were hashed with the record; absent when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub salt: Option<Base64>,
    /// The leaf's data: SHA-256 of `imp-record/v1`, a zero octet, the salt and the record.
    #[schema(value_type = String)]
    pub commitment: Base64,
    /// The leaf index.
    pub index: u64,
    /// The inclusion proof (RFC 9162 §2.1.3), 32 bytes each, nearest the leaf first.
    #[schema(value_type = Vec<String>)]
    pub proof: Vec<Base64>,
    /// The checkpoint in whose tree it is (C2SP tlog-checkpoint): a signed note.
    pub checkpoint: String,
}

/// What one person or at one workstation was done, grouped by sessions, newest group first.
/// `GET /v1/timelines/users/{user}` and `GET /v1/timelines/workstations/{workstation}`, with `from` and `until`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// Where it begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Where it ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// What belongs together.
    pub groups: Vec<Group>,
    /// The names of the people and workstations that occur, by identifier.
    pub names: BTreeMap<Uuid, String>,
    /// Whether there was more than a timeline holds: ask for a shorter time.
    pub truncated: bool,
}

/// Entries that belong together: a session with the tap that opened it and all that was done in it, or one thing by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TimelineGroup)]
pub struct Group {
    /// What it is, in plain words.
    pub title: String,
    /// The session, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uuid>,
    /// Oldest first.
    pub events: Vec<Entry>,
}

/// `POST /v1/searches`: keeps a question under a name. Answers 201 [`SavedSearch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveSearch {
    /// What it is called; once for each owner.
    pub name: String,
    /// Whether other auditors may run it.
    #[serde(default)]
    pub shared: bool,
    /// What is asked: the parameters of `GET /v1/events`, without `before`, `after`, `order` and `limit`.
    pub question: EventsQuery,
}

/// A question that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedSearch {
    /// Names it.
    #[schema(value_type = Uuid)]
    pub id: SearchId,
    /// What it is called.
    pub name: String,
    /// Whose it is, by username; absent when an operator made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether other auditors may run it.
    pub shared: bool,
    /// What is asked.
    pub question: String,
}

/// The searches that the caller may run, by name. `GET /v1/searches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedSearches {
    /// All of them.
    pub searches: Vec<SavedSearch>,
}

/// `POST /v1/cases`: opens a case about entries of the log. Answers 201 [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCase {
    /// What it is about, in a line; what the first entry says unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The places in the log of the entries that raise the question.
    #[serde(default)]
    pub entries: Vec<u64>,
}

/// `POST /v1/cases/{number}/assignment`. Answers 200 [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCase {
    /// An auditor, by username.
    pub assignee: String,
}

/// `POST /v1/cases/{number}/comments`. Answers 200 [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentCase {
    /// 1 to 2,000 characters.
    pub comment: String,
    /// Further entries that belong to the case.
    #[serde(default)]
    pub entries: Vec<u64>,
}

/// `POST /v1/cases/{number}/closure`. Answers 200 [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// What was found.
    #[schema(value_type = String)]
    pub conclusion: Conclusion,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

/// `POST /v1/cases/{number}/reopening`: takes the case up again. Answers 200 [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenCase {
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    /// What people call it.
    pub number: u64,
    /// Names it in the log.
    #[schema(value_type = Uuid)]
    pub id: CaseId,
    /// What it is about.
    pub title: String,
    /// `open` or `closed`.
    pub state: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// The person whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub user: Option<UserId>,
    /// The workstation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub workstation: Option<WorkstationId>,
    /// Who looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub assignee: Option<UserId>,
    /// What was found, once it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub conclusion: Option<Conclusion>,
    /// Why that was found, once it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The places in the log of the entries that it is about.
    pub entries: Vec<u64>,
}

/// One page of cases, newest first. `GET /v1/cases?state=open|closed&assignee=USERNAME&before=…&limit=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cases {
    /// The page.
    pub cases: Vec<Case>,
    /// The names of the people and workstations that occur, by identifier.
    pub names: BTreeMap<Uuid, String>,
    /// Pass as `before` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A case with what it is about and what happened in it. `GET /v1/cases/{number}`, and `?proof=true` for the proofs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaseFile {
    /// Where it stands.
    pub case: Case,
    /// The entries that it is about, oldest first.
    pub evidence: Vec<Entry>,
    /// The entries by which it was opened and changed, oldest first.
    pub history: Vec<Entry>,
    /// The names of the people and workstations that occur, by identifier.
    pub names: BTreeMap<Uuid, String>,
    /// The proof of each entry of `evidence` and `history`, when they were asked for: all in one tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofs: Option<Vec<EventProof>>,
}
