//! `user_groups`, `group_members`
use imp_identity::clock::to_micros;
use imp_identity::group::{Group, Membership};
use imp_identity::name::Label;
use imp_identity::profile::ExternalId;
use imp_identity::{GroupId, UserId};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::profiles::version;
use super::value::{instant, text};

/// Groups and who is in them.
#[derive(Debug)]
pub struct Groups<'a>(pub(super) &'a mut Transaction);

/// A group and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGroup {
    /// Which.
    pub group: Group,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct GroupRow {
    group_id: Uuid,
    group_name: String,
    group_external_id: Option<String>,
    group_version: i64,
    group_changed_at: i64,
}

impl TryFrom<GroupRow> for StoredGroup {
    type Error = StorageError;

    fn try_from(row: GroupRow) -> Result<Self, StorageError> {
        let external_id =
            row.group_external_id.map(|it| text("user_groups.group_external_id", &it));
        Ok(Self {
            group: Group {
                id: row.group_id.into(),
                name: text("user_groups.group_name", &row.group_name)?,
                external_id: external_id.transpose()?,
            },
            version: version("user_groups.group_version", row.group_version)?,
            changed_at: instant("user_groups.group_changed_at", row.group_changed_at)?,
        })
    }
}

impl Groups<'_> {
    /// Adds a group; a unique violation when one has that name, whatever the case.
    pub async fn add(&mut self, group: &Group, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO user_groups (group_id, group_name, group_key, \
            group_external_id, group_version, group_changed_at) VALUES ($1, $2, $3, $4, 1, $5)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(group.id.as_uuid())
            .bind(group.name.as_str())
            .bind(group.name.as_str().to_lowercase())
            .bind(group.external_id.as_ref().map(ExternalId::as_str))
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what it is now, as its next version; a unique violation when another one has that name.
    pub async fn update(&mut self, group: &Group, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE user_groups SET group_name = $2, group_key = $3, \
            group_external_id = $4, group_version = group_version + 1, group_changed_at = $5 \
            WHERE group_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(group.id.as_uuid())
            .bind(group.name.as_str())
            .bind(group.name.as_str().to_lowercase())
            .bind(group.external_id.as_ref().map(ExternalId::as_str))
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Deletes a group and its members.
    pub async fn remove(&mut self, id: GroupId) -> Result<(), StorageError> {
        const MEMBERS: &str = "DELETE FROM group_members WHERE group_id = $1";
        const GROUP: &str = "DELETE FROM user_groups WHERE group_id = $1";
        for sql in [MEMBERS, GROUP] {
            on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(id.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }

    /// One group.
    pub async fn find(&mut self, id: GroupId) -> Result<Option<StoredGroup>, StorageError> {
        const SQL: &str = "SELECT * FROM user_groups WHERE group_id = $1";
        let row: Option<GroupRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(StoredGroup::try_from).transpose()
    }

    /// The group of that name, whatever the case.
    pub async fn find_by_name(&mut self, name: &str) -> Result<Option<StoredGroup>, StorageError> {
        const SQL: &str = "SELECT * FROM user_groups WHERE group_key = $1";
        let row: Option<GroupRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.to_lowercase())
            .fetch_optional(conn)
            .await?);
        row.map(StoredGroup::try_from).transpose()
    }

    /// The groups after one, in the order in which they were created.
    pub async fn page(
        &mut self,
        after: Option<GroupId>,
        asked: u32,
    ) -> Result<Page<StoredGroup, GroupId>, StorageError> {
        const SQL: &str =
            "SELECT * FROM user_groups WHERE group_id > $1 ORDER BY group_id LIMIT $2";
        let rows: Vec<GroupRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after.map_or(Uuid::nil(), GroupId::as_uuid))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let groups = rows.into_iter().map(StoredGroup::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::new(groups, asked, |it| it.group.id))
    }

    /// Who is in a group, and what they are called.
    pub async fn members(&mut self, id: GroupId) -> Result<Vec<(UserId, Label)>, StorageError> {
        const SQL: &str = "SELECT users.user_id, display_name \
            FROM group_members JOIN users ON users.user_id = group_members.user_id \
            WHERE group_id = $1 ORDER BY users.user_id";
        let rows: Vec<(Uuid, String)> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_all(conn).await?);
        let member =
            |(id, name): (Uuid, String)| Ok((id.into(), text("users.display_name", &name)?));
        rows.into_iter().map(member).collect()
    }

    /// How many are in a group.
    pub async fn count_members(&mut self, id: GroupId) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM group_members WHERE group_id = $1";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).bind(id.as_uuid()).fetch_one(conn).await?))
    }

    /// The groups that a user is in, by name.
    pub async fn of_user(&mut self, user: UserId) -> Result<Vec<StoredGroup>, StorageError> {
        const SQL: &str = "SELECT user_groups.* FROM group_members \
            JOIN user_groups ON user_groups.group_id = group_members.group_id \
            WHERE user_id = $1 ORDER BY group_key";
        let rows: Vec<GroupRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(user.as_uuid()).fetch_all(conn).await?);
        rows.into_iter().map(StoredGroup::try_from).collect()
    }

    /// Changes who is in a group. Who is added must exist: a foreign-key violation otherwise.
    pub async fn change_members(
        &mut self,
        id: GroupId,
        members: &Membership,
    ) -> Result<(), StorageError> {
        const ADD: &str = "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2) \
            ON CONFLICT (group_id, user_id) DO NOTHING";
        const REMOVE: &str = "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2";
        let added = members.added.iter().map(|user| (ADD, user));
        for (sql, user) in added.chain(members.removed.iter().map(|user| (REMOVE, user))) {
            on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(id.as_uuid())
                .bind(user.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }
}
