//! One way to use two databases: SQLite inside the server by default, PostgreSQL when several replicas are needed.
//! Opens, migrates, runs one SQL text on both ([`on!`]), and lets writers share a commit. Knows no table.
mod carried;
mod error;
mod group;
mod page;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;

pub use carried::Carried;
pub use error::StorageError;
pub use group::{Commits, Mark};
pub use page::{Page, limit};
pub use storage::{Kind, Options, Storage};
pub use transaction::{Connection, Transaction};
