//! Questions to `entries`, page by page, fast at any size of the log.
//!
//! One index drives each question. A leg is a walk along that index from the newest entry or the oldest: a person has two
//! (she is concerned, or she acted), a list of types one each. Time bounds become index bounds first, as time never runs
//! backwards in the log. Where an entry must meet more than the leg's own condition, a walk looks at [`REACH`] entries
//! and then says how far it came: a page is answered in bounded time however rare its answers are.
use imp_events::{Kind, Question};
use imp_identity::clock::to_micros;
use imp_identity::event::Outcome;
use imp_identity::{Actor, Event, Record, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::entries::{EntryRow, StoredEntry, key};
use super::value::corrupt;

mod sql;

use sql::Column;

/// The most entries of an index that one walk looks at when they must meet further conditions.
pub const REACH: u32 = 10_000;

/// More types than this are not looked up one by one.
const MOST_LEGS: usize = 8;

/// How often one question goes on when a walk found nothing.
const ROUNDS: u32 = 5;

/// Answers questions about the log's entries.
#[derive(Debug)]
pub struct Search<'a>(pub(super) &'a mut Transaction);

/// Where a page begins, and which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Newest first, from the entry before this index; from the newest of all without one.
    Newest {
        /// The index that the page stays before.
        before: Option<u64>,
    },
    /// Oldest first, from the entry after this index; from the first of all without one.
    Oldest {
        /// The index that the page stays after.
        after: Option<u64>,
    },
}

/// One page of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, in the order that was asked for; perhaps fewer than were asked for even if there are more.
    pub entries: Vec<StoredEntry>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<u64>,
}

/// Which way a walk goes, and how far at most.
#[derive(Clone, Copy, Debug)]
struct Way {
    direction: Direction,
    /// Entries of an index, from 1.
    reach: i64,
}

/// The entries that a walk may see: `low <= index < high`.
#[derive(Clone, Copy, Debug)]
struct Window {
    low: i64,
    high: i64,
}

/// One walk along one index.
#[derive(Clone, Copy, Debug)]
struct Leg {
    column: Column,
    value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Nothing,
    Id(Uuid),
    Code(&'static str),
}

/// The walks that together find every answer, and how many entries they could see.
#[derive(Debug)]
struct Plan {
    legs: Vec<Leg>,
    /// Whether an entry that a walk meets may still not be an answer.
    further: bool,
    /// Whether there are more of them than a walk looks at.
    many: bool,
}

/// The conditions that a walk's own index does not see to.
#[derive(Debug)]
struct Further {
    person: Option<Uuid>,
    workstation: Option<Uuid>,
    device: Option<Uuid>,
    kinds: Option<String>,
    outcome: Option<&'static str>,
}

impl Direction {
    const fn is_newest(self) -> bool {
        matches!(self, Self::Newest { .. })
    }

    /// The same way, from where a page ended.
    const fn from(self, next: u64) -> Self {
        match self {
            Self::Newest { .. } => Self::Newest { before: Some(next) },
            Self::Oldest { .. } => Self::Oldest { after: Some(next) },
        }
    }
}

impl Search<'_> {
    /// One page of the entries that a question asks for: at most `asked`, 1 to 500. Looks at some 50,000 entries at most.
    pub async fn page(
        &mut self,
        question: &Question,
        direction: Direction,
        asked: u32,
    ) -> Result<Found, StorageError> {
        self.page_within(question, Way { direction, reach: i64::from(REACH) }, asked).await
    }

    async fn page_within(
        &mut self,
        question: &Question,
        mut way: Way,
        asked: u32,
    ) -> Result<Found, StorageError> {
        let mut found = self.walk(question, way, asked).await?;
        for _ in 1..ROUNDS {
            match found.next {
                Some(next) if found.entries.is_empty() => {
                    way.direction = way.direction.from(next);
                    found = self.walk(question, way, asked).await?;
                }
                Some(_) | None => break,
            }
        }
        Ok(found)
    }

    async fn walk(
        &mut self,
        question: &Question,
        way: Way,
        asked: u32,
    ) -> Result<Found, StorageError> {
        let direction = way.direction;
        let window = self.window(question, direction).await?;
        if window.low >= window.high {
            return Ok(Found::default());
        }
        let plan = self.plan(question, window, way.reach).await?;
        let (window, reached) = self.reach(&plan, window, way).await?;
        let asked = limit(asked);
        let further = Further::of(question, &plan);
        let mut rows = vec![];
        for leg in &plan.legs {
            rows.extend(self.rows(*leg, window, direction, &further, asked + 1).await?);
        }
        rows.sort_unstable_by_key(|row| row.log_index);
        rows.dedup_by_key(|row| row.log_index);
        if direction.is_newest() {
            rows.reverse();
        }
        let most = usize::try_from(asked).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let last = rows.last().map(|row| row.log_index).filter(|_| more);
        let entries = rows.into_iter().map(StoredEntry::try_from).collect::<Result<_, _>>()?;
        Ok(Found { entries, next: last.or(reached).map(index).transpose()? })
    }

    /// What a person or an operator asked of the log since an instant: the events of the latest 5,000 readings.
    pub async fn readings(
        &mut self,
        actor: &Actor,
        since: Timestamp,
    ) -> Result<Vec<Event>, StorageError> {
        const BY_USER: &str = "SELECT record FROM entries WHERE actor_id = $1 AND log_index >= $2 \
            AND kind = 'log-read' AND record IS NOT NULL ORDER BY log_index DESC LIMIT 5000";
        const BY_OTHERS: &str = "SELECT record FROM entries WHERE kind = 'log-read' \
            AND log_index >= $1 AND actor_id IS NULL AND record IS NOT NULL \
            ORDER BY log_index DESC LIMIT 5000";
        let Some(low) = self.first_at(since).await? else { return Ok(vec![]) };
        let texts: Vec<String> = match actor {
            Actor::User(user) => on!(&mut *self.0, |conn| sqlx::query_scalar(BY_USER)
                .bind(user.as_uuid())
                .bind(low)
                .fetch_all(conn)
                .await?),
            Actor::Operator(_)
            | Actor::Workstation(_)
            | Actor::Phone(_)
            | Actor::Client(_)
            | Actor::Device(_)
            | Actor::Server => {
                on!(&mut *self.0, |conn| sqlx::query_scalar(BY_OTHERS)
                    .bind(low)
                    .fetch_all(conn)
                    .await?)
            }
        };
        let record = |text: &String| {
            let record: Result<Record, _> = serde_json::from_str(text);
            record.map_err(|_| corrupt("entries.record"))
        };
        let records: Vec<Record> = texts.iter().map(record).collect::<Result<_, _>>()?;
        Ok(records.into_iter().filter(|read| read.actor == *actor).map(|read| read.event).collect())
    }

    /// What times and the page's beginning leave of the log.
    async fn window(
        &mut self,
        question: &Question,
        direction: Direction,
    ) -> Result<Window, StorageError> {
        const SIZE: &str = "SELECT COALESCE(MAX(log_index) + 1, 0) FROM entries";
        let size: i64 = on!(&mut *self.0, |conn| sqlx::query_scalar(SIZE).fetch_one(conn).await?);
        let mut window = Window { low: 0, high: size };
        if let Some(from) = question.from {
            window.low = self.first_at(from).await?.unwrap_or(size);
        }
        if let Some(until) = question.until {
            window.high = self.first_at(until).await?.unwrap_or(size);
        }
        match direction {
            Direction::Newest { before } => {
                window.high = window.high.min(before.map_or(i64::MAX, key));
            }
            Direction::Oldest { after } => {
                window.low = window.low.max(after.map_or(0, |after| key(after).saturating_add(1)));
            }
        }
        Ok(window)
    }

    /// The first entry that is not older than an instant.
    async fn first_at(&mut self, at: Timestamp) -> Result<Option<i64>, StorageError> {
        const SQL: &str =
            "SELECT log_index FROM entries WHERE at >= $1 ORDER BY at, log_index LIMIT 1";
        Ok(on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(to_micros(at))
            .fetch_optional(conn)
            .await?))
    }

    /// The walks with the fewest entries to look at.
    async fn plan(
        &mut self,
        question: &Question,
        window: Window,
        reach: i64,
    ) -> Result<Plan, StorageError> {
        let mut candidates = candidates(question);
        let further = candidates.len() > 1 || question.kinds.len() > MOST_LEGS;
        if !further {
            let legs = candidates.pop().unwrap_or_else(everything);
            return Ok(Plan { legs, further, many: false });
        }
        let mut fewest = window.high - window.low;
        let mut best = everything();
        for legs in candidates {
            let mut count = 0;
            for leg in &legs {
                count += self.count(*leg, window, reach).await?;
            }
            if count < fewest {
                (fewest, best) = (count, legs);
            }
        }
        Ok(Plan { legs: best, further, many: fewest >= reach })
    }

    /// How many entries a walk could see; `reach` when there are more.
    async fn count(&mut self, leg: Leg, window: Window, reach: i64) -> Result<i64, StorageError> {
        let Leg { column, value } = leg;
        let sql = sql::count(column);
        Ok(on!(&mut *self.0, |conn| {
            let query = sqlx::query_scalar(sql).bind(window.low).bind(window.high).bind(reach);
            match value {
                Value::Nothing => query,
                Value::Id(id) => query.bind(id),
                Value::Code(code) => query.bind(code),
            }
            .fetch_one(conn)
            .await?
        }))
    }

    /// What is left of the window when no walk looks at more entries than it may, and the last entry that is in reach if
    /// some are not.
    async fn reach(
        &mut self,
        plan: &Plan,
        window: Window,
        way: Way,
    ) -> Result<(Window, Option<i64>), StorageError> {
        if !(plan.further && plan.many) {
            return Ok((window, None));
        }
        let newest = way.direction.is_newest();
        let mut reached: Option<i64> = None;
        for leg in &plan.legs {
            let last = self.last_in_reach(*leg, window, way).await?;
            reached = match (reached, last) {
                (Some(one), Some(other)) if newest => Some(one.max(other)),
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let window = match reached {
            None => window,
            Some(low) if newest => Window { low, ..window },
            Some(last) => Window { high: last + 1, ..window },
        };
        Ok((window, reached))
    }

    async fn last_in_reach(
        &mut self,
        leg: Leg,
        window: Window,
        way: Way,
    ) -> Result<Option<i64>, StorageError> {
        let Leg { column, value } = leg;
        let sql = sql::reach(column, way.direction.is_newest());
        Ok(on!(&mut *self.0, |conn| {
            let query =
                sqlx::query_scalar(sql).bind(window.low).bind(window.high).bind(way.reach - 1);
            match value {
                Value::Nothing => query,
                Value::Id(id) => query.bind(id),
                Value::Code(code) => query.bind(code),
            }
            .fetch_optional(conn)
            .await?
        }))
    }

    async fn rows(
        &mut self,
        leg: Leg,
        window: Window,
        direction: Direction,
        further: &Further,
        most: i64,
    ) -> Result<Vec<EntryRow>, StorageError> {
        let Leg { column, value } = leg;
        let sql = sql::rows(column, direction.is_newest());
        Ok(on!(&mut *self.0, |conn| {
            let query = sqlx::query_as(sql)
                .bind(window.low)
                .bind(window.high)
                .bind(further.person)
                .bind(further.workstation)
                .bind(further.device)
                .bind(further.kinds.as_deref())
                .bind(further.outcome)
                .bind(most);
            match value {
                Value::Nothing => query,
                Value::Id(id) => query.bind(id),
                Value::Code(code) => query.bind(code),
            }
            .fetch_all(conn)
            .await?
        }))
    }
}

fn everything() -> Vec<Leg> {
    vec![Leg { column: Column::All, value: Value::Nothing }]
}

/// The ways to find all answers; the first is the best of equals.
fn candidates(question: &Question) -> Vec<Vec<Leg>> {
    let id = |column, id| Leg { column, value: Value::Id(id) };
    let mut candidates = vec![];
    if let Some(device) = question.device {
        candidates.push(vec![id(Column::Device, device)]);
    }
    if let Some(person) = question.person.map(UserId::as_uuid) {
        candidates.push(vec![id(Column::User, person), id(Column::Actor, person)]);
    }
    if let Some(workstation) = question.workstation {
        candidates.push(vec![id(Column::Workstation, workstation.as_uuid())]);
    }
    if (1..=MOST_LEGS).contains(&question.kinds.len()) {
        let leg = |kind: &Kind| Leg { column: Column::Kind, value: Value::Code(kind.name()) };
        candidates.push(question.kinds.iter().map(leg).collect());
    }
    if let Some(outcome) = question.outcome {
        candidates.push(vec![Leg { column: Column::Outcome, value: Value::Code(outcome.code()) }]);
    }
    candidates
}

impl Further {
    /// Everything that was asked for; none of it when the walks' own conditions are all there is.
    fn of(question: &Question, plan: &Plan) -> Self {
        if !plan.further {
            return Self {
                person: None,
                workstation: None,
                device: None,
                kinds: None,
                outcome: None,
            };
        }
        let names: Vec<_> = question.kinds.iter().map(|kind| kind.name()).collect();
        Self {
            person: question.person.map(UserId::as_uuid),
            workstation: question.workstation.map(WorkstationId::as_uuid),
            device: question.device,
            kinds: (!names.is_empty()).then(|| format!(",{},", names.join(","))),
            outcome: question.outcome.map(Outcome::code),
        }
    }
}

fn index(stored: i64) -> Result<u64, StorageError> {
    u64::try_from(stored).map_err(|_| corrupt("entries.log_index"))
}

#[cfg(test)]
mod tests;
