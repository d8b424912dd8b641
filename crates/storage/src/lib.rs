//! One way to use two databases: SQLite inside the server by default, PostgreSQL when several replicas are needed.
//! Opens, migrates, and runs one SQL text on both ([`on!`]). Knows no table.
mod error;
mod page;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;

pub use error::StorageError;
pub use page::{Page, limit};
pub use storage::{Kind, Options, Storage};
pub use transaction::Transaction;
