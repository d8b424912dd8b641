//! `log_erasures`
use imp_identity::clock::to_micros;
use imp_identity::erasure::{Erasure, Scope, State};
use imp_identity::{ErasureId, UserId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::entries::key;
use super::value::{corrupt, instant, text};

/// Requests to erase records of the log.
#[derive(Debug)]
pub struct Erasures<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct ErasureRow {
    erasure_id: Uuid,
    person: Option<Uuid>,
    log_index: Option<i64>,
    reason: String,
    requested_by: String,
    requested_at: i64,
    approved: Option<bool>,
    decided_by: Option<Uuid>,
    decided_at: Option<i64>,
    next_index: Option<i64>,
    erased: i64,
}

impl TryFrom<ErasureRow> for Erasure {
    type Error = StorageError;

    fn try_from(row: ErasureRow) -> Result<Self, StorageError> {
        let scope = match (row.log_index, row.person) {
            (Some(index), None) => Scope::Record(count(index)?),
            (None, Some(user)) => Scope::Person(user.into()),
            (Some(_), Some(_)) | (None, None) => return Err(corrupt("log_erasures.log_index")),
        };
        Ok(Self {
            id: row.erasure_id.into(),
            scope,
            reason: text("log_erasures.reason", &row.reason)?,
            requested_by: serde_json::from_str(&row.requested_by)
                .map_err(|_| corrupt("log_erasures.requested_by"))?,
            requested_at: instant("log_erasures.requested_at", row.requested_at)?,
            state: state(&row)?,
        })
    }
}

fn state(row: &ErasureRow) -> Result<State, StorageError> {
    let Some(approved) = row.approved else { return Ok(State::Requested) };
    let (Some(by), Some(at)) = (row.decided_by, row.decided_at) else {
        return Err(corrupt("log_erasures.decided_by"));
    };
    let (by, at) = (by.into(), instant("log_erasures.decided_at", at)?);
    let erased = count(row.erased)?;
    Ok(match (approved, row.next_index) {
        (false, _) => State::Refused { by, at },
        (true, Some(next)) => State::Approved { by, at, next: count(next)?, erased },
        (true, None) => State::Done { by, at, erased },
    })
}

fn count(column: i64) -> Result<u64, StorageError> {
    u64::try_from(column).map_err(|_| corrupt("log_erasures.log_index"))
}

/// The columns that change.
#[derive(Default)]
struct Decision {
    approved: Option<bool>,
    by: Option<UserId>,
    at: Option<Timestamp>,
    next: Option<u64>,
    erased: u64,
}

impl From<State> for Decision {
    fn from(state: State) -> Self {
        match state {
            State::Requested => Self::default(),
            State::Refused { by, at } => {
                Self { approved: Some(false), by: Some(by), at: Some(at), ..Self::default() }
            }
            State::Approved { by, at, next, erased } => {
                let (by, at) = (Some(by), Some(at));
                Self { approved: Some(true), by, at, next: Some(next), erased }
            }
            State::Done { by, at, erased } => {
                let (by, at) = (Some(by), Some(at));
                Self { approved: Some(true), by, at, next: None, erased }
            }
        }
    }
}

impl Erasures<'_> {
    /// Adds a request.
    pub async fn add(&mut self, erasure: &Erasure) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO log_erasures (erasure_id, person, log_index, reason, requested_by, \
            requested_at, erased) VALUES ($1, $2, $3, $4, $5, $6, 0)";
        let requested_by = serde_json::to_string(&erasure.requested_by)
            .map_err(|_| corrupt("log_erasures.requested_by"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(erasure.id.as_uuid())
            .bind(erasure.scope.user().map(UserId::as_uuid))
            .bind(erasure.scope.index().map(key))
            .bind(erasure.reason.as_str())
            .bind(&requested_by)
            .bind(to_micros(erasure.requested_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what became of a request.
    pub async fn update(&mut self, erasure: &Erasure) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE log_erasures SET approved = $2, decided_by = $3, decided_at = $4, \
            next_index = $5, erased = $6 WHERE erasure_id = $1";
        let decision = Decision::from(erasure.state);
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(erasure.id.as_uuid())
            .bind(decision.approved)
            .bind(decision.by.map(UserId::as_uuid))
            .bind(decision.at.map(to_micros))
            .bind(decision.next.map(key))
            .bind(key(decision.erased))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One request.
    pub async fn find(&mut self, id: ErasureId) -> Result<Option<Erasure>, StorageError> {
        const SQL: &str = "SELECT * FROM log_erasures WHERE erasure_id = $1";
        let row: Option<ErasureRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Erasure::try_from).transpose()
    }

    /// The requests, latest first, before one of them (its name holds the time); at most 500.
    pub async fn page(
        &mut self,
        before: Option<ErasureId>,
        asked: u32,
    ) -> Result<Vec<Erasure>, StorageError> {
        const SQL: &str =
            "SELECT * FROM log_erasures WHERE erasure_id < $1 ORDER BY erasure_id DESC LIMIT $2";
        let before = before.map_or(Uuid::max(), ErasureId::as_uuid);
        let rows: Vec<ErasureRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(before)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Erasure::try_from).collect()
    }

    /// The approved request that waits longest to be carried out to the end.
    pub async fn under_way(&mut self) -> Result<Option<Erasure>, StorageError> {
        const SQL: &str = "SELECT * FROM log_erasures WHERE next_index IS NOT NULL \
            ORDER BY decided_at, erasure_id LIMIT 1";
        let row: Option<ErasureRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_optional(conn).await?);
        row.map(Erasure::try_from).transpose()
    }
}
