//! `logouts`
use imp_identity::clock::to_micros;
use imp_identity::{ClientId, SignOnId, UserId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::KnownAs;
use super::value::{corrupt, instant};

/// Whom to tell that a user is signed out.
#[derive(Debug)]
pub struct Logouts<'a>(pub(super) &'a mut Transaction);

/// An application that is to be told that a user is signed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// Names it: `jti` of its token.
    pub id: Uuid,
    /// What ended.
    pub sign_on: SignOnId,
    /// Whom to tell.
    pub client: ClientId,
    /// Who is signed out.
    pub user: UserId,
    /// What the application calls her and the sign-on.
    pub known: KnownAs,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// First instant at which it is not tried again.
    pub give_up_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct LogoutRow {
    logout_id: Uuid,
    sign_on_id: Uuid,
    client_id: Uuid,
    user_id: Uuid,
    visit_subject: String,
    visit_session: String,
    name_format: Option<String>,
    tries: i64,
    due_at: i64,
    give_up_at: i64,
}

impl TryFrom<LogoutRow> for Logout {
    type Error = StorageError;

    fn try_from(row: LogoutRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.logout_id,
            sign_on: row.sign_on_id.into(),
            client: row.client_id.into(),
            user: row.user_id.into(),
            known: KnownAs::open(row.visit_subject, row.visit_session, row.name_format)?,
            tries: u32::try_from(row.tries).map_err(|_| corrupt("logouts.tries"))?,
            due_at: instant("logouts.due_at", row.due_at)?,
            give_up_at: instant("logouts.give_up_at", row.give_up_at)?,
        })
    }
}

impl Logouts<'_> {
    /// Adds one.
    pub async fn add(&mut self, logout: &Logout) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO logouts (logout_id, sign_on_id, client_id, user_id, visit_subject, \
            visit_session, name_format, tries, due_at, give_up_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(logout.id)
            .bind(logout.sign_on.as_uuid())
            .bind(logout.client.as_uuid())
            .bind(logout.user.as_uuid())
            .bind(logout.known.subject.as_str())
            .bind(logout.known.session.as_str())
            .bind(logout.known.format_code())
            .bind(i64::from(logout.tries))
            .bind(to_micros(logout.due_at))
            .bind(to_micros(logout.give_up_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// What is due, the longest waiting first.
    pub async fn due(&mut self, now: Timestamp, most: u32) -> Result<Vec<Logout>, StorageError> {
        const SQL: &str = "SELECT * FROM logouts WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
        let rows: Vec<LogoutRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(i64::from(most))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Logout::try_from).collect()
    }

    /// Puts one off, if it is still due when it was: so one replica takes it. Answers whether it was.
    pub async fn put_off(
        &mut self,
        logout: &Logout,
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE logouts SET due_at = $3, tries = tries + 1 \
            WHERE logout_id = $1 AND due_at = $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(logout.id)
            .bind(to_micros(logout.due_at))
            .bind(to_micros(until))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Puts off what is due for a client.
    pub async fn put_off_all(
        &mut self,
        client: ClientId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE logouts SET due_at = $3 WHERE client_id = $1 AND due_at <= $2";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(client.as_uuid())
            .bind(to_micros(now))
            .bind(to_micros(until))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes one. Answers whether it was there.
    pub async fn remove(&mut self, id: Uuid) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM logouts WHERE logout_id = $1";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL).bind(id).execute(conn).await?.rows_affected())
            > 0)
    }
}
