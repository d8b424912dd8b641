//! `users`
use imp_identity::UserId;
use imp_identity::clock::to_micros;
use imp_identity::name::{Email, Label, Username};
use imp_identity::user::{Role, State, User};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{instant_if, text};

/// People.
#[derive(Debug)]
pub struct Users<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
pub(super) struct UserRow {
    user_id: Uuid,
    username: String,
    display_name: String,
    role: String,
    unit: Option<String>,
    email: Option<String>,
    disabled_at: Option<i64>,
    removed_at: Option<i64>,
    former_username: Option<String>,
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<Self, StorageError> {
        let disabled_at = instant_if("users.disabled_at", row.disabled_at)?;
        let state = match (instant_if("users.removed_at", row.removed_at)?, disabled_at) {
            (Some(at), _) => State::Removed { at },
            (None, Some(at)) => State::Disabled { at },
            (None, None) => State::Active,
        };
        let username = row.former_username.unwrap_or(row.username);
        Ok(Self {
            id: row.user_id.into(),
            username: text("users.username", &username)?,
            display_name: text("users.display_name", &row.display_name)?,
            role: text("users.role", &row.role)?,
            unit: row.unit.map(|unit| text("users.unit", &unit)).transpose()?,
            email: row.email.map(|email| text("users.email", &email)).transpose()?,
            state,
        })
    }
}

/// When she was disabled, and when removed: who is removed counts as disabled, too.
fn instants(user: &User) -> (Option<i64>, Option<i64>) {
    match user.state {
        State::Active => (None, None),
        State::Disabled { at } => (Some(to_micros(at)), None),
        State::Removed { at } => (Some(to_micros(at)), Some(to_micros(at))),
    }
}

impl Users<'_> {
    /// Adds a user; a unique violation when the username is taken.
    pub async fn add(&mut self, user: &User) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO users \
            (user_id, username, display_name, role, unit, email, disabled_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.id.as_uuid())
            .bind(user.username.as_str())
            .bind(user.display_name.as_str())
            .bind(user.role.code())
            .bind(user.unit.as_ref().map(Label::as_str))
            .bind(user.email.as_ref().map(Email::expose))
            .bind(instants(user).0)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what she is now, as her next version; a unique violation when the username is taken. The name of one who is removed
    /// is free.
    pub async fn update(&mut self, user: &User, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE users SET username = $2, former_username = $3, \
            display_name = $4, role = $5, unit = $6, email = $7, disabled_at = $8, \
            removed_at = $9, user_changed_at = $10, user_version = user_version + 1 \
            WHERE user_id = $1";
        let (disabled_at, removed_at) = instants(user);
        let name = user.username.to_string();
        let (name, former) = match user.state {
            State::Active | State::Disabled { .. } => (name, None),
            State::Removed { .. } => (format!("removed-{}", user.id), Some(name)),
        };
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.id.as_uuid())
            .bind(name)
            .bind(former)
            .bind(user.display_name.as_str())
            .bind(user.role.code())
            .bind(user.unit.as_ref().map(Label::as_str))
            .bind(user.email.as_ref().map(Email::expose))
            .bind(disabled_at)
            .bind(removed_at)
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One user, who may be removed.
    pub async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError> {
        const SQL: &str = "SELECT * FROM users WHERE user_id = $1";
        let row: Option<UserRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(User::try_from).transpose()
    }

    /// The user of that name who is not removed.
    pub async fn find_by_name(&mut self, name: &Username) -> Result<Option<User>, StorageError> {
        const SQL: &str = "SELECT * FROM users WHERE username = $1";
        let row: Option<UserRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.as_str())
            .fetch_optional(conn)
            .await?);
        row.map(User::try_from).transpose()
    }

    /// The users after a name who are not removed, by username.
    pub async fn page(
        &mut self,
        after: Option<&Username>,
        asked: u32,
    ) -> Result<Page<User, Username>, StorageError> {
        const SQL: &str = "SELECT * FROM users \
            WHERE username > $1 AND removed_at IS NULL ORDER BY username LIMIT $2";
        let after = after.map_or("", Username::as_str);
        let rows: Vec<UserRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let users: Vec<_> = rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(users, asked, |user| user.username.clone()))
    }

    /// How many administrators may sign in.
    pub async fn active_administrators(&mut self) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM users WHERE role = $1 AND disabled_at IS NULL";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(Role::Administrator.code())
            .fetch_one(conn)
            .await?))
    }

    /// The units of those who are not removed, and how many are in each, by name.
    pub async fn units(&mut self) -> Result<Vec<(Label, i64)>, StorageError> {
        const SQL: &str = "SELECT unit, COUNT(*) FROM users \
            WHERE unit IS NOT NULL AND removed_at IS NULL GROUP BY unit ORDER BY unit LIMIT 10000";
        let rows: Vec<(String, i64)> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(|(unit, count)| Ok((text("users.unit", &unit)?, count))).collect()
    }
}
