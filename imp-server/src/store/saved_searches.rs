//! `saved_searches`
use imp_identity::search::SavedSearch;
use imp_identity::{SearchId, UserId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::text;

/// The most searches that are listed.
const MOST: i64 = 500;

/// Saved searches.
#[derive(Debug)]
pub struct SavedSearches<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct SearchRow {
    search_id: Uuid,
    owner_id: Option<Uuid>,
    search_name: String,
    shared: bool,
    question: String,
}

impl TryFrom<SearchRow> for SavedSearch {
    type Error = StorageError;

    fn try_from(row: SearchRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.search_id.into(),
            owner: row.owner_id.map(UserId::from),
            name: text("saved_searches.search_name", &row.search_name)?,
            shared: row.shared,
            question: row.question,
        })
    }
}

impl SavedSearches<'_> {
    /// Adds a search; a unique violation when its owner has one of that name.
    pub async fn add(&mut self, search: &SavedSearch) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO saved_searches \
            (search_id, owner_id, search_name, shared, question) VALUES ($1, $2, $3, $4, $5)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(search.id.as_uuid())
            .bind(search.owner.map(UserId::as_uuid))
            .bind(search.name.as_str())
            .bind(search.shared)
            .bind(search.question.as_str())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes a search.
    pub async fn remove(&mut self, id: SearchId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM saved_searches WHERE search_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// One search.
    pub async fn find(&mut self, id: SearchId) -> Result<Option<SavedSearch>, StorageError> {
        const SQL: &str = "SELECT * FROM saved_searches WHERE search_id = $1";
        let row: Option<SearchRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(SavedSearch::try_from).transpose()
    }

    /// The searches that `user` may run, by name: her own and the shared ones. For an operator, the shared ones.
    pub async fn visible_to(
        &mut self,
        user: Option<UserId>,
    ) -> Result<Vec<SavedSearch>, StorageError> {
        const SQL: &str = "SELECT * FROM saved_searches WHERE shared OR owner_id = $1 \
            ORDER BY search_name, search_id LIMIT $2";
        let rows: Vec<SearchRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.map(UserId::as_uuid))
            .bind(MOST)
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(SavedSearch::try_from).collect()
    }
}
