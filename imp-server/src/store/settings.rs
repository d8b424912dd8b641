//! `settings`
use imp_storage::{StorageError, Transaction, on};

/// Single values of the installation, by name.
#[derive(Debug)]
pub struct Settings<'a>(pub(super) &'a mut Transaction);

impl Settings<'_> {
    /// The value of a name.
    pub async fn find(&mut self, name: &str) -> Result<Option<String>, StorageError> {
        const SQL: &str = "SELECT value FROM settings WHERE name = $1";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).bind(name).fetch_optional(conn).await?))
    }

    /// Gives a name its value.
    pub async fn put(&mut self, name: &str, value: &str) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO settings (name, value) VALUES ($1, $2) \
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(name)
            .bind(value)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
