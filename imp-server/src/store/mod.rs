//! The tables, a file a family: rows, SQL, and their way into the entities of `imp-identity`. Decides nothing.
use imp_storage::Transaction;
use sqlx::migrate::Migrator;

mod attempts;
mod certificates;
mod challenges;
mod enrolments;
mod entries;
mod knowledge;
mod log;
mod memories;
mod notices;
mod phones;
mod policies;
mod references;
mod search;
mod sessions;
mod settings;
mod sign_in;
mod taps;
mod users;
mod value;
mod workstations;

pub use attempts::AttemptsTable;
pub use certificates::{Certificate, Certificates};
pub use challenges::{Answer, Challenges};
pub use enrolments::{Confirmation, Enrolments};
pub use entries::{Content, Entries, Entry, NewEntry, StoredEntry};
pub use knowledge::TapKnowledge;
pub use log::{Head, Log, TILES};
pub use memories::Memories;
pub use notices::{Notice, Notices};
pub use phones::{Phones, RosterRow};
pub use policies::Policies;
pub use references::References;
pub use search::{Direction, Found, REACH, Search};
pub use sessions::{Sessions, UserSession};
pub use settings::Settings;
pub use sign_in::{SignIn, SignInCodeRow};
pub use taps::Taps;
pub use users::Users;
pub use workstations::Workstations;

/// The schema, for [`imp_storage::Storage::open`].
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The tables, within a transaction.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $table:ident,)+) => {
        /// Reaches the tables within a transaction.
        pub trait Tables {
            $($(#[$doc])* fn $name(&mut self) -> $table<'_>;)+
        }
        impl Tables for Transaction {
            $(fn $name(&mut self) -> $table<'_> { $table(self) })+
        }
    };
}
tables! {
    /// Failed comparisons.
    attempts: AttemptsTable,
    /// Certificates that were issued.
    certificates: Certificates,
    /// Challenges that may be answered.
    challenges: Challenges,
    /// Supervised enrolments.
    enrolments: Enrolments,
    /// The log's entries.
    entries: Entries,
    /// The tree over the entries.
    log: Log,
    /// What the rules remember.
    memories: Memories,
    /// Notices of the day.
    notices: Notices,
    /// Phones.
    phones: Phones,
    /// Versions of the policy.
    policies: Policies,
    /// Biometric references.
    references: References,
    /// Questions about the log's entries.
    search: Search,
    /// Sessions.
    sessions: Sessions,
    /// Single values of the installation.
    settings: Settings,
    /// One-time codes and bearer tokens of people.
    sign_in: SignIn,
    /// Taps and their outcomes.
    taps: Taps,
    /// People.
    users: Users,
    /// Workstations.
    workstations: Workstations,
}

#[cfg(test)]
mod tests;
