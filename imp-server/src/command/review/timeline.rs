//! The timeline of one person or one workstation: what belongs to one session stands together.
use std::collections::HashMap;

use imp_events::Question;
use imp_events::attendance::Form;
use imp_events::sentence::Called as _;
use imp_identity::event::Reading;
use imp_identity::{Actor, CaseId, Event, SessionId, UserId, WorkstationId};
use imp_storage::Transaction;
use jiff::{SignedDuration, Timestamp};

use super::ask::{AskError, permit_question, record_reading};
use super::known_names::KnownNames;
use super::search::{Reviewed, reviewed};
use crate::command::Context;
use crate::store::{Direction, StoredEntry, Tables as _};

/// The most entries of one timeline.
const MOST: usize = 2000;

/// What is shown when no time is named.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whose timeline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What a person did, and what was done to her.
    Person(UserId),
    /// What happened at a workstation.
    Workstation(WorkstationId),
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineQuestion {
    /// Whose timeline.
    pub subject: Subject,
    /// Not earlier than this; a day before the end unless said otherwise.
    pub from: Option<Timestamp>,
    /// Earlier than this; now unless said otherwise.
    pub until: Option<Timestamp>,
    /// For which open case.
    pub case: Option<CaseId>,
}

/// What happened, grouped.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// Newest first.
    pub groups: Vec<Group>,
    /// What is called what.
    pub names: KnownNames,
    /// Whether there was more than a timeline holds.
    pub truncated: bool,
}

/// Entries that belong together.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it is, in words.
    pub title: String,
    /// The session, if it is one.
    pub session: Option<SessionId>,
    /// Oldest first.
    pub entries: Vec<Reviewed>,
}

/// Reads a timeline. A person's may span a week, a workstation's, which shows many people's days at once, a day; more
/// needs an open case. Appends `log-read`.
pub async fn read_timeline(
    context: &mut Context<'_>,
    actor: &Actor,
    asked: TimelineQuestion,
) -> Result<Timeline, AskError> {
    let now = context.now.checked_add(SignedDuration::from_secs(1)).unwrap_or(context.now);
    let until = asked.until.unwrap_or(now);
    let from = asked.from.or_else(|| until.checked_sub(A_DAY).ok()).unwrap_or(Timestamp::MIN);
    let times =
        Question { from: Some(from), until: Some(until), case: asked.case, ..Question::default() };
    let (question, form) = match asked.subject {
        Subject::Person(user) => (Question { person: Some(user), ..times }, Form::Pages),
        // Grouped by sessions it is a table of who was there when.
        Subject::Workstation(id) => (Question { workstation: Some(id), ..times }, Form::Table),
    };
    let mut transaction = context.storage.read().await?;
    permit_question(&mut transaction, actor, &question, form, context.now).await?;
    let (stored, truncated) = collect(&mut transaction, &question).await?;
    let (entries, names) = reviewed(&mut transaction, stored).await?;
    drop(transaction);
    record_reading(context, actor, Reading::Timeline, &question).await?;
    let groups = grouped(entries, &names);
    Ok(Timeline { from, until, groups, names, truncated })
}

/// The first [`MOST`] answers, and whether there are more.
async fn collect(
    transaction: &mut Transaction,
    question: &Question,
) -> Result<(Vec<StoredEntry>, bool), AskError> {
    let mut entries: Vec<StoredEntry> = vec![];
    let mut after = None;
    loop {
        let direction = Direction::Oldest { after };
        let found = transaction.search().page(question, direction, 500).await?;
        entries.extend(found.entries);
        after = found.next;
        if after.is_none() || entries.len() >= MOST {
            entries.truncate(MOST);
            return Ok((entries, after.is_some()));
        }
    }
}

/// Sessions with all that was done in them, and between them what belongs to none; newest first.
fn grouped(entries: Vec<Reviewed>, names: &KnownNames) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    let mut sessions: HashMap<SessionId, usize> = HashMap::new();
    // Where each person's session goes on: what she does there belongs to it.
    let mut current: HashMap<(UserId, WorkstationId), SessionId> = HashMap::new();
    let mut alone: Option<usize> = None;
    for entry in entries {
        let session = entry.record.as_ref().and_then(|record| {
            session(&record.event).or_else(|| {
                let event = &record.event;
                let key = (event.user().or(record.actor_user())?, event.workstation()?);
                current.get(&key).copied()
            })
        });
        let place = match session {
            Some(id) => *sessions.entry(id).or_insert(groups.len()),
            None => alone.unwrap_or(groups.len()),
        };
        if place == groups.len() {
            groups.push(Group { title: String::new(), session, entries: vec![] });
        }
        alone = if session.is_none() { Some(place) } else { None };
        if let Some(event) = entry.record.as_ref().map(|record| &record.event) {
            follow(&mut current, event);
        }
        if let Some(group) = groups.get_mut(place) {
            group.entries.push(entry);
        }
    }
    for group in &mut groups {
        group.title = title(group, names);
    }
    groups.reverse();
    groups
}

/// The session that an event is about.
fn session(event: &Event) -> Option<SessionId> {
    if let Event::SessionEstablished { session, .. }
    | Event::SessionSuspended { session, .. }
    | Event::SessionResumed { session, .. }
    | Event::SessionRevoked { session, .. } = event
    {
        return Some(*session);
    }
    if let Event::TapAccepted(facts) = event { Some(facts.session) } else { None }
}

fn follow(current: &mut HashMap<(UserId, WorkstationId), SessionId>, event: &Event) {
    if let Event::SessionEstablished { session, user, workstation, .. }
    | Event::SessionResumed { session, user, workstation } = event
    {
        current.insert((*user, *workstation), *session);
    }
    if let Event::SessionRevoked { session, .. } = event {
        current.retain(|_, held| held != session);
    }
}

/// Who was where from when to when.
fn title(group: &Group, names: &KnownNames) -> String {
    let (Some(first), Some(last)) = (group.entries.first(), group.entries.last()) else {
        return String::new();
    };
    let times = if first.at == last.at {
        format!("{:.0}", first.at)
    } else {
        format!("{:.0} to {:.0}", first.at, last.at)
    };
    if group.session.is_none() {
        return format!("Outside sessions, {times}");
    }
    let events = group.entries.iter().filter_map(|entry| Some(&entry.record.as_ref()?.event));
    let of_session: Vec<&Event> = events.filter(|event| session(event).is_some()).collect();
    let person = of_session.iter().find_map(|event| event.user());
    let who = person.map_or_else(|| "somebody".to_owned(), |user| names.person(user));
    let mut places: Vec<WorkstationId> = vec![];
    for workstation in of_session.iter().filter_map(|event| event.workstation()) {
        if places.last() != Some(&workstation) {
            places.push(workstation);
        }
    }
    let places: Vec<String> = places.into_iter().map(|place| names.workstation(place)).collect();
    format!("Session of {who} at {}, {times}", places.join(", then "))
}
