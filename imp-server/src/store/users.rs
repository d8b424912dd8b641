//! `users`
use imp_identity::clock::to_micros;
use imp_identity::name::{Email, Label, Username};
use imp_identity::user::{Role, State, User};
use imp_identity::{UserId, clock};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use uuid::Uuid;

use super::value::{corrupt, text};

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
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<Self, StorageError> {
        let state = match row.disabled_at {
            None => State::Active,
            Some(at) => {
                State::Disabled { at: clock::from_micros(at).ok_or(corrupt("users.disabled_at"))? }
            }
        };
        Ok(Self {
            id: row.user_id.into(),
            username: text("users.username", &row.username)?,
            display_name: text("users.display_name", &row.display_name)?,
            role: text("users.role", &row.role)?,
            unit: row.unit.map(|unit| text("users.unit", &unit)).transpose()?,
            email: row.email.map(|email| text("users.email", &email)).transpose()?,
            state,
        })
    }
}

fn disabled_at(user: &User) -> Option<i64> {
    match user.state {
        State::Active => None,
        State::Disabled { at } => Some(to_micros(at)),
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
            .bind(disabled_at(user))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores whether she may be authenticated, and where notices to her go.
    pub async fn update(&mut self, user: &User) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE users SET disabled_at = $2, email = $3 WHERE user_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.id.as_uuid())
            .bind(disabled_at(user))
            .bind(user.email.as_ref().map(Email::expose))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One user.
    pub async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError> {
        const SQL: &str = "SELECT * FROM users WHERE user_id = $1";
        let row: Option<UserRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(User::try_from).transpose()
    }

    /// The user of that name.
    pub async fn find_by_name(&mut self, name: &Username) -> Result<Option<User>, StorageError> {
        const SQL: &str = "SELECT * FROM users WHERE username = $1";
        let row: Option<UserRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.as_str())
            .fetch_optional(conn)
            .await?);
        row.map(User::try_from).transpose()
    }

    /// The users after a name, by username.
    pub async fn page(
        &mut self,
        after: Option<&Username>,
        asked: u32,
    ) -> Result<Page<User, Username>, StorageError> {
        const SQL: &str = "SELECT * FROM users WHERE username > $1 ORDER BY username LIMIT $2";
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
}
