//! `profiles`, beside `users`
use imp_identity::UserId;
use imp_identity::clock::to_micros;
use imp_identity::name::{Label, Username};
use imp_identity::profile::{ExternalId, Profile};
use imp_identity::user::User;
use imp_storage::{Page, StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::users::UserRow;
use super::value::{corrupt, instant, text};

/// People as directories know them. Who is removed is not here.
#[derive(Debug)]
pub struct Profiles<'a>(pub(super) &'a mut Transaction);

/// A user, what a directory says of her, and her version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: User,
    /// What a directory says.
    pub profile: Profile,
    /// Counts her changes, from 1.
    pub version: u64,
    /// When she was changed last; `None` if she never was.
    pub changed_at: Option<Timestamp>,
    /// Whether it was a directory that disabled her last: only then may a directory let her in again.
    pub has_left: bool,
}

#[derive(Debug, sqlx::FromRow)]
struct PersonRow {
    #[sqlx(flatten)]
    user: UserRow,
    user_version: i64,
    user_changed_at: Option<i64>,
    profile_source: Option<String>,
    user_external_id: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    other_attributes: Option<String>,
    has_left: Option<bool>,
}

impl TryFrom<PersonRow> for Person {
    type Error = StorageError;

    fn try_from(row: PersonRow) -> Result<Self, StorageError> {
        let label = |what, column: Option<String>| column.map(|it| text(what, &it)).transpose();
        let changed_at = row.user_changed_at.map(|at| instant("users.user_changed_at", at));
        let other = row.other_attributes.map(|it| text("profiles.other_attributes", &it));
        let external_id = row.user_external_id.map(|it| text("profiles.user_external_id", &it));
        Ok(Self {
            user: row.user.try_into()?,
            version: version("users.user_version", row.user_version)?,
            changed_at: changed_at.transpose()?,
            has_left: row.has_left.unwrap_or_default(),
            profile: Profile {
                source: label("profiles.profile_source", row.profile_source)?,
                external_id: external_id.transpose()?,
                given_name: label("profiles.given_name", row.given_name)?,
                family_name: label("profiles.family_name", row.family_name)?,
                other: other.transpose()?.unwrap_or_default(),
            },
        })
    }
}

/// A version.
pub(super) fn version(what: &'static str, column: i64) -> Result<u64, StorageError> {
    u64::try_from(column).map_err(|_| corrupt(what))
}

/// A question about people who are not removed; `$rest` comes behind the conditions.
macro_rules! people {
    ($rest:literal) => {
        concat!(
            "SELECT users.*, profile_source, user_external_id, given_name, family_name, \
             other_attributes, has_left FROM users LEFT JOIN profiles ON profiles.user_id = users.user_id \
             WHERE removed_at IS NULL ",
            $rest
        )
    };
}

impl Profiles<'_> {
    /// Stores what a directory says of a user; a unique violation when that directory says it of another.
    pub async fn put(&mut self, user: UserId, profile: &Profile) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO profiles (user_id, profile_source, user_external_id, \
            given_name, family_name, other_attributes) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (user_id) DO UPDATE SET profile_source = $2, user_external_id = $3, \
            given_name = $4, family_name = $5, other_attributes = $6";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.as_uuid())
            .bind(profile.source.as_ref().map(Label::as_str))
            .bind(profile.external_id.as_ref().map(ExternalId::as_str))
            .bind(profile.given_name.as_ref().map(Label::as_str))
            .bind(profile.family_name.as_ref().map(Label::as_str))
            .bind(profile.other.as_str())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Keeps whether a directory or somebody here disabled a user.
    pub async fn mark_left(&mut self, user: UserId, left: bool) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO profiles (user_id, other_attributes, has_left) \
            VALUES ($1, '{}', $2) ON CONFLICT (user_id) DO UPDATE SET has_left = $2";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.as_uuid())
            .bind(left)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Forgets what a directory says of a user.
    pub async fn forget(&mut self, user: UserId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM profiles WHERE user_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(user.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// One person.
    pub async fn find(&mut self, id: UserId) -> Result<Option<Person>, StorageError> {
        const SQL: &str = people!("AND users.user_id = $1");
        let row: Option<PersonRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Person::try_from).transpose()
    }

    /// The person of that name.
    pub async fn find_by_name(&mut self, name: &Username) -> Result<Option<Person>, StorageError> {
        const SQL: &str = people!("AND username = $1");
        let row: Option<PersonRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.as_str())
            .fetch_optional(conn)
            .await?);
        row.map(Person::try_from).transpose()
    }

    /// Those whom some directory calls this, at most 100.
    pub async fn find_by_external_id(&mut self, id: &str) -> Result<Vec<Person>, StorageError> {
        const SQL: &str = people!("AND user_external_id = $1 ORDER BY users.user_id LIMIT 100");
        people(on!(self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_all(conn).await?))
    }

    /// The people after one, in the order in which they were created.
    pub async fn page(
        &mut self,
        after: Option<UserId>,
        asked: u32,
    ) -> Result<Page<Person, UserId>, StorageError> {
        const SQL: &str = people!("AND users.user_id > $1 ORDER BY users.user_id LIMIT $2");
        let rows = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after.map_or(Uuid::nil(), UserId::as_uuid))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        Ok(Page::new(people(rows)?, asked, |person| person.user.id))
    }

    /// The people behind the first `skip`, in the order in which they were created.
    pub async fn slice(&mut self, skip: u32, asked: u32) -> Result<Vec<Person>, StorageError> {
        const SQL: &str = people!("ORDER BY users.user_id LIMIT $1 OFFSET $2");
        people(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(limit(asked))
            .bind(i64::from(skip))
            .fetch_all(conn)
            .await?))
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM users WHERE removed_at IS NULL";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The version of a user who is not removed.
    pub async fn version(&mut self, id: UserId) -> Result<Option<u64>, StorageError> {
        const SQL: &str =
            "SELECT user_version FROM users WHERE user_id = $1 AND removed_at IS NULL";
        let found: Option<i64> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        found.map(|it| version("users.user_version", it)).transpose()
    }

    /// Counts a change to a user that `users` does not show.
    pub async fn touch(&mut self, id: UserId, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE users SET user_version = user_version + 1, \
            user_changed_at = $2 WHERE user_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}

fn people(rows: Vec<PersonRow>) -> Result<Vec<Person>, StorageError> {
    rows.into_iter().map(Person::try_from).collect()
}
