//! `sessions`
use imp_identity::authentication::Authentication;
use imp_identity::clock::to_micros;
use imp_identity::policy::SessionLimits;
use imp_identity::session::{Session, State};
use imp_identity::user::User;
use imp_identity::{SessionId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::users::UserRow;
use super::value::{corrupt, instant, text};

/// Sessions.
#[derive(Debug)]
pub struct Sessions<'a>(pub(super) &'a mut Transaction);

/// A session and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSession {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
}

#[derive(Debug, sqlx::FromRow)]
struct SessionRow {
    session_id: Uuid,
    user_id: Uuid,
    workstation_id: Uuid,
    session_opened_at: i64,
    session_authentication: Option<String>,
    session_active_at: i64,
    session_expires_at: i64,
    suspended_at: Option<i64>,
    suspended_until: Option<i64>,
    ended_at: Option<i64>,
    end_reason: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct UserSessionRow {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    user: UserRow,
}

impl SessionRow {
    fn authentication(&self) -> Result<Authentication, StorageError> {
        let Some(stored) = &self.session_authentication else {
            let opened_at = instant("sessions.session_opened_at", self.session_opened_at)?;
            return Ok(Authentication::tap(opened_at));
        };
        serde_json::from_str(stored).map_err(|_| corrupt("sessions.session_authentication"))
    }

    fn state(&self) -> Result<State, StorageError> {
        if let Some(at) = self.ended_at {
            return Ok(State::Ended {
                at: instant("sessions.ended_at", at)?,
                reason: text(
                    "sessions.end_reason",
                    self.end_reason.as_deref().unwrap_or_default(),
                )?,
            });
        }
        match (self.suspended_at, self.suspended_until) {
            (None, None) => Ok(State::Active),
            (Some(at), Some(until)) => Ok(State::Suspended {
                at: instant("sessions.suspended_at", at)?,
                until: instant("sessions.suspended_until", until)?,
            }),
            (Some(_), None) | (None, Some(_)) => Err(corrupt("sessions.suspended_at")),
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StorageError;

    fn try_from(row: SessionRow) -> Result<Self, StorageError> {
        Ok(Self {
            state: row.state()?,
            authentication: row.authentication()?,
            active_at: instant("sessions.session_active_at", row.session_active_at)?,
            id: row.session_id.into(),
            user: row.user_id.into(),
            workstation: row.workstation_id.into(),
            opened_at: instant("sessions.session_opened_at", row.session_opened_at)?,
            expires_at: instant("sessions.session_expires_at", row.session_expires_at)?,
        })
    }
}

impl TryFrom<UserSessionRow> for UserSession {
    type Error = StorageError;

    fn try_from(row: UserSessionRow) -> Result<Self, StorageError> {
        Ok(Self { session: row.session.try_into()?, user: row.user.try_into()? })
    }
}

fn sessions(rows: Vec<SessionRow>) -> Result<Vec<Session>, StorageError> {
    rows.into_iter().map(Session::try_from).collect()
}

fn stored(authentication: &Authentication) -> Result<String, StorageError> {
    serde_json::to_string(authentication).map_err(|_| corrupt("sessions.session_authentication"))
}

impl Sessions<'_> {
    /// Adds a session.
    pub async fn add(&mut self, session: &Session) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO sessions (session_id, user_id, workstation_id, \
            session_opened_at, session_expires_at, session_authentication, session_active_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let authentication = stored(&session.authentication)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(session.id.as_uuid())
            .bind(session.user.as_uuid())
            .bind(session.workstation.as_uuid())
            .bind(to_micros(session.opened_at))
            .bind(to_micros(session.expires_at))
            .bind(&authentication)
            .bind(to_micros(session.active_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores where it is, whether it counts, and how she was authenticated last.
    pub async fn update(&mut self, session: &Session) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE sessions SET workstation_id = $2, suspended_at = $3, \
            suspended_until = $4, ended_at = $5, end_reason = $6, session_authentication = $7, \
            session_active_at = $8 WHERE session_id = $1";
        let authentication = stored(&session.authentication)?;
        let (suspended, ended) = match session.state {
            State::Active => (None, None),
            State::Suspended { at, until } => (Some((at, until)), None),
            State::Ended { at, reason } => (None, Some((at, reason))),
        };
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(session.id.as_uuid())
            .bind(session.workstation.as_uuid())
            .bind(suspended.map(|(at, _)| to_micros(at)))
            .bind(suspended.map(|(_, until)| to_micros(until)))
            .bind(ended.map(|(at, _)| to_micros(at)))
            .bind(ended.map(|(_, reason)| reason.code()))
            .bind(&authentication)
            .bind(to_micros(session.active_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Somebody gave a sign of life in an active session at a workstation.
    pub async fn touch(
        &mut self,
        id: SessionId,
        workstation: WorkstationId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE sessions SET session_active_at = $3 WHERE session_id = $1 \
            AND workstation_id = $2 AND session_active_at < $3 AND suspended_at IS NULL \
            AND ended_at IS NULL";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(workstation.as_uuid())
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One session and its user.
    pub async fn find(&mut self, id: SessionId) -> Result<Option<UserSession>, StorageError> {
        const SQL: &str = "SELECT sessions.*, users.* \
            FROM sessions JOIN users ON users.user_id = sessions.user_id WHERE session_id = $1";
        let row: Option<UserSessionRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(UserSession::try_from).transpose()
    }

    /// A user's sessions that have not ended, oldest first. They may be past their limits.
    pub async fn open_of_user(&mut self, user: UserId) -> Result<Vec<Session>, StorageError> {
        const SQL: &str = "SELECT * FROM sessions WHERE user_id = $1 AND ended_at IS NULL \
            ORDER BY session_opened_at, session_id";
        sessions(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .fetch_all(conn)
            .await?))
    }

    /// What a tap of a user at a workstation may touch, oldest first: her sessions that have not ended, and whatever is
    /// active there.
    pub async fn touched_by_tap(
        &mut self,
        user: UserId,
        workstation: WorkstationId,
    ) -> Result<Vec<Session>, StorageError> {
        const SQL: &str = "SELECT * FROM sessions WHERE ended_at IS NULL \
            AND (user_id = $1 OR (workstation_id = $2 AND suspended_at IS NULL)) \
            ORDER BY session_opened_at, session_id";
        sessions(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .bind(workstation.as_uuid())
            .fetch_all(conn)
            .await?))
    }

    /// The sessions at a workstation that have not ended, newest first, with their users. They may be past their limits.
    pub async fn open_at(
        &mut self,
        workstation: WorkstationId,
    ) -> Result<Vec<UserSession>, StorageError> {
        const SQL: &str = "SELECT sessions.*, users.* \
            FROM sessions JOIN users ON users.user_id = sessions.user_id \
            WHERE workstation_id = $1 AND ended_at IS NULL \
            ORDER BY session_opened_at DESC, session_id DESC";
        let rows: Vec<UserSessionRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(workstation.as_uuid())
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(UserSession::try_from).collect()
    }

    /// Deletes a session that has ended: its record was erased.
    pub async fn forget(&mut self, id: SessionId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM sessions WHERE session_id = $1 AND ended_at IS NOT NULL";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// Sessions that have reached a limit and not ended yet, at most `limit`.
    pub async fn expired(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Session>, StorageError> {
        const SQL: &str = "SELECT * FROM sessions WHERE ended_at IS NULL \
            AND (session_expires_at <= $1 OR suspended_until <= $1) \
            ORDER BY session_id LIMIT $2";
        sessions(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(imp_storage::limit(limit))
            .fetch_all(conn)
            .await?))
    }

    /// Active sessions without a sign of life since as long as the policy allows, at most `limit`.
    pub async fn idle(
        &mut self,
        limits: &SessionLimits,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Session>, StorageError> {
        const SQL: &str = "SELECT * FROM sessions WHERE ended_at IS NULL AND suspended_at IS NULL \
            AND session_active_at <= $1 ORDER BY session_active_at, session_id LIMIT $2";
        let Some(since) = limits.idle.and_then(|idle| now.checked_sub(idle).ok()) else {
            return Ok(vec![]);
        };
        sessions(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(since))
            .bind(imp_storage::limit(limit))
            .fetch_all(conn)
            .await?))
    }
}
