//! `cases`, `case_entries`, `case_steps`
use imp_identity::case::{Case, State};
use imp_identity::clock::to_micros;
use imp_identity::{CaseId, UserId, WorkstationId};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use uuid::Uuid;

use super::entries::key;
use super::value::{corrupt, instant, text};

/// Cases: where each stands, and where in the log its story is.
#[derive(Debug)]
pub struct Cases<'a>(pub(super) &'a mut Transaction);

/// Which cases are listed: those that meet every condition that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Open ones, or closed ones.
    pub open: Option<bool>,
    /// Who looks into them.
    pub assignee: Option<UserId>,
}

#[derive(Debug, sqlx::FromRow)]
struct CaseRow {
    case_number: i64,
    case_id: Uuid,
    title: String,
    case_opened_at: i64,
    case_changed_at: i64,
    about_user_id: Option<Uuid>,
    about_workstation_id: Option<Uuid>,
    assignee_id: Option<Uuid>,
    case_closed_at: Option<i64>,
    conclusion: Option<String>,
    closing_reason: Option<String>,
}

impl CaseRow {
    fn state(&self) -> Result<State, StorageError> {
        match (self.case_closed_at, &self.conclusion, &self.closing_reason) {
            (None, None, None) => Ok(State::Open),
            (Some(at), Some(conclusion), Some(reason)) => Ok(State::Closed {
                at: instant("cases.case_closed_at", at)?,
                conclusion: text("cases.conclusion", conclusion)?,
                reason: text("cases.closing_reason", reason)?,
            }),
            _ => Err(corrupt("cases.case_closed_at")),
        }
    }

    fn case(self, entries: Vec<u64>) -> Result<Case, StorageError> {
        let state = self.state()?;
        Ok(Case {
            id: self.case_id.into(),
            number: place(self.case_number)?,
            title: text("cases.title", &self.title)?,
            opened_at: instant("cases.case_opened_at", self.case_opened_at)?,
            changed_at: instant("cases.case_changed_at", self.case_changed_at)?,
            user: self.about_user_id.map(UserId::from),
            workstation: self.about_workstation_id.map(WorkstationId::from),
            entries,
            assignee: self.assignee_id.map(UserId::from),
            state,
        })
    }
}

fn place(column: i64) -> Result<u64, StorageError> {
    u64::try_from(column).map_err(|_| corrupt("cases.case_number"))
}

impl Cases<'_> {
    /// The number of the next case. There is one writer at a time, so that none is given twice.
    pub async fn next_number(&mut self) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT COALESCE(MAX(case_number), 0) + 1 FROM cases";
        let next: i64 = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        place(next)
    }

    /// Adds a case.
    pub async fn add(&mut self, case: &Case) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO cases (case_number, case_id, title, case_opened_at, \
            case_changed_at, about_user_id, about_workstation_id) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(case.number))
            .bind(case.id.as_uuid())
            .bind(case.title.as_str())
            .bind(to_micros(case.opened_at))
            .bind(to_micros(case.changed_at))
            .bind(case.user.map(UserId::as_uuid))
            .bind(case.workstation.map(WorkstationId::as_uuid))
            .execute(conn)
            .await
            .map(drop)?);
        self.update(case).await
    }

    /// Stores where a case stands, and the entries that it is about.
    pub async fn update(&mut self, case: &Case) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE cases SET case_changed_at = $2, assignee_id = $3, \
            case_closed_at = $4, conclusion = $5, closing_reason = $6 WHERE case_number = $1";
        let (closed_at, conclusion, reason) = match &case.state {
            State::Open => (None, None, None),
            State::Closed { at, conclusion, reason } => {
                (Some(to_micros(*at)), Some(conclusion.code()), Some(reason.as_str()))
            }
        };
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(case.number))
            .bind(to_micros(case.changed_at))
            .bind(case.assignee.map(UserId::as_uuid))
            .bind(closed_at)
            .bind(conclusion)
            .bind(reason)
            .execute(conn)
            .await
            .map(drop)?);
        let known = self.entries(case.number).await?;
        for index in case.entries.iter().filter(|index| known.binary_search(index).is_err()) {
            self.add_entry(case.number, *index).await?;
        }
        Ok(())
    }

    async fn add_entry(&mut self, number: u64, index: u64) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO case_entries (case_number, about_index) VALUES ($1, $2)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(number))
            .bind(key(index))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Remembers the entry by which a case was opened or changed.
    pub async fn add_step(&mut self, number: u64, index: u64) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO case_steps (case_number, step_index) VALUES ($1, $2)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(number))
            .bind(key(index))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The case of a number.
    pub async fn numbered(&mut self, number: u64) -> Result<Option<Case>, StorageError> {
        const SQL: &str = "SELECT * FROM cases WHERE case_number = $1";
        let row: Option<CaseRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(key(number))
            .fetch_optional(conn)
            .await?);
        let Some(row) = row else { return Ok(None) };
        let entries = self.entries(number).await?;
        row.case(entries).map(Some)
    }

    /// The case that an event names.
    pub async fn find(&mut self, id: CaseId) -> Result<Option<Case>, StorageError> {
        const SQL: &str = "SELECT case_number FROM cases WHERE case_id = $1";
        let number: Option<i64> = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        match number {
            Some(number) => self.numbered(place(number)?).await,
            None => Ok(None),
        }
    }

    /// The cases before a number, latest first; at most 500.
    pub async fn page(
        &mut self,
        filter: CaseFilter,
        before: Option<u64>,
        asked: u32,
    ) -> Result<Page<Case, u64>, StorageError> {
        const SQL: &str = "SELECT * FROM cases WHERE case_number < $1 \
            AND ($2 IS NULL OR assignee_id = $2) \
            AND ($3 IS NULL OR (case_closed_at IS NULL) = $3) \
            ORDER BY case_number DESC LIMIT $4";
        let rows: Vec<CaseRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(before.map_or(i64::MAX, key))
            .bind(filter.assignee.map(UserId::as_uuid))
            .bind(filter.open)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let mut cases = vec![];
        for row in rows {
            let entries = self.entries(place(row.case_number)?).await?;
            cases.push(row.case(entries)?);
        }
        Ok(Page::new(cases, asked, |case| case.number))
    }

    /// The entries that a case is about, lowest first.
    async fn entries(&mut self, number: u64) -> Result<Vec<u64>, StorageError> {
        const SQL: &str = "SELECT about_index FROM case_entries WHERE case_number = $1 \
            ORDER BY about_index";
        let rows: Vec<i64> = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key(number))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(place).collect()
    }

    /// The entries by which a case was opened and changed, in order; the first 1,000.
    pub async fn steps(&mut self, number: u64) -> Result<Vec<u64>, StorageError> {
        const SQL: &str = "SELECT step_index FROM case_steps WHERE case_number = $1 \
            ORDER BY step_index LIMIT 1000";
        let rows: Vec<i64> = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key(number))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(place).collect()
    }
}
