//! `review_memories`
use imp_storage::{StorageError, Transaction, on};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::value::corrupt;

/// What the rules remember of those whom entries concern.
#[derive(Debug)]
pub struct Memories<'a>(pub(super) &'a mut Transaction);

impl Memories<'_> {
    /// What is remembered of a person, a workstation or a device; the default of who is new.
    pub async fn find<M: Default + DeserializeOwned>(
        &mut self,
        subject: Uuid,
    ) -> Result<M, StorageError> {
        const SQL: &str = "SELECT memory FROM review_memories WHERE subject_id = $1";
        let memory: Option<String> =
            on!(self.0, |conn| sqlx::query_scalar(SQL).bind(subject).fetch_optional(conn).await?);
        memory.map_or_else(
            || Ok(M::default()),
            |text| serde_json::from_str(&text).map_err(|_| corrupt("review_memories.memory")),
        )
    }

    /// Remembers.
    pub async fn put(
        &mut self,
        subject: Uuid,
        memory: &impl Serialize,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO review_memories (subject_id, memory) VALUES ($1, $2) \
            ON CONFLICT (subject_id) DO UPDATE SET memory = excluded.memory";
        let text = serde_json::to_string(memory).map_err(|_| corrupt("review_memories.memory"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(subject)
            .bind(&text)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
