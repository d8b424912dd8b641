//! Transactions on either database.
use crate::error::StorageError;

/// A transaction; rolled back unless committed.
#[derive(Debug)]
pub enum Transaction {
    /// In SQLite.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// In PostgreSQL.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Transaction {
    /// Makes the changes last: they have reached the disk when this returns.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// Runs one query text on whichever database a [`Transaction`] is in: the query is compiled once for each, and a
/// text that fits only one fails in the tests.
///
/// ```ignore
/// Ok(on!(self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?))
/// ```
#[macro_export]
macro_rules! on {
    ($transaction:expr, |$conn:ident| $query:expr) => {
        match $transaction {
            $crate::Transaction::Sqlite(transaction) => {
                let $conn = &mut **transaction;
                $query
            }
            $crate::Transaction::Postgres(transaction) => {
                let $conn = &mut **transaction;
                $query
            }
        }
    };
}
