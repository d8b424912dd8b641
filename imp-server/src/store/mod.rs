//! The tables, a file a family: rows, SQL, and their way into the entities of `imp-identity`. Decides nothing.
use imp_storage::Transaction;
use sqlx::migrate::Migrator;

mod acme;
mod approvals;
mod attempts;
mod cases;
mod ceremonies;
mod certificates;
mod challenges;
mod clients;
mod connections;
mod consumers;
mod credentials;
mod devices;
mod emergencies;
mod enrolments;
mod entries;
mod erasures;
mod grants;
mod groups;
mod handovers;
mod interactions;
mod journals;
mod knowledge;
mod log;
mod log_checkpoints;
mod logouts;
mod memories;
mod named;
mod notices;
mod oauth;
mod observations;
mod phones;
mod policies;
mod profiles;
mod receivers;
mod references;
mod saved_searches;
mod search;
mod sessions;
mod settings;
mod sign_in;
mod sign_ons;
mod signing_keys;
mod streams;
mod taps;
mod users;
mod uses;
mod value;
mod verification;
mod visits;
mod workstations;

pub use acme::{Acme, AcmeAccount, AcmeKey, DueChallenge};
pub use approvals::Approvals;
pub use attempts::AttemptsTable;
pub use cases::{CaseFilter, Cases};
pub use ceremonies::{Ceremonies, Ceremony, CeremonyKind, PhoneSignIn};
pub use certificates::{Certificate, Certificates, Expiring, Issuance, Withdrawal};
pub use challenges::{Answer, Challenges};
pub use clients::{ClientKind, Clients, StoredClient};
pub use connections::{Connections, StoredPolicy, StoredProposal, Verdict};
pub use consumers::{Consumers, Cursor, Lease, SetAside};
pub use credentials::Credentials;
pub use devices::{DeviceFilter, Devices, EnrolmentCode, InUse};
pub use emergencies::Emergencies;
pub use enrolments::{Confirmation, Enrolments};
pub use entries::{Content, Entries, NewEntry, StoredEntry};
pub use erasures::Erasures;
pub use grants::{AuthorizationCode, Grant, Grants, RefreshToken, Wishes};
pub use groups::{Groups, StoredGroup};
pub use handovers::{Handover, Handovers};
pub use interactions::{Interaction, InteractionFailure, Interactions};
pub use journals::Journals;
pub use knowledge::TapKnowledge;
pub use log::{Head, Log, TILES};
pub use log_checkpoints::LogCheckpoints;
pub use logouts::{Logout, Logouts};
pub use memories::Memories;
pub use named::Named;
pub use notices::{Notice, Notices};
pub use oauth::{DeviceCode, DeviceState, Oauth};
pub use observations::Observations;
pub use phones::{Phones, RosterRow};
pub use policies::Policies;
pub use profiles::{Person, Profiles};
pub use receivers::Receivers;
pub use references::References;
pub use saved_searches::SavedSearches;
pub use search::{Direction, Found, REACH, Search};
pub use sessions::{Sessions, UserSession};
pub use settings::Settings;
pub use sign_in::{SignIn, SignInCodeRow};
pub use sign_ons::SignOns;
pub use signing_keys::{SigningKeys, StoredSigningKey};
pub(crate) use streams::StoredMessage;
pub use streams::{StoredStream, Streams};
pub use taps::Taps;
pub use users::Users;
pub use uses::{INVESTIGATIONS, OwnUsesPage};
pub use verification::{Verification, VerificationRow};
pub use visits::{KnownAs, Visit, Visits};
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
    /// Accounts, orders and authorizations of ACME.
    acme: Acme,
    /// Enrolments of devices that a second person approves.
    approvals: Approvals,
    /// Failed comparisons.
    attempts: AttemptsTable,
    /// Cases of the review.
    cases: Cases,
    /// Questions to authenticators and phones.
    ceremonies: Ceremonies,
    /// Certificates that were issued.
    certificates: Certificates,
    /// Challenges that may be answered.
    challenges: Challenges,
    /// Applications that people are signed on to.
    clients: Clients,
    /// The connection policy.
    connections: Connections,
    /// How far consumers have come.
    consumers: Consumers,
    /// Passkeys and security keys.
    credentials: Credentials,
    /// The inventory.
    devices: Devices,
    /// Entries in emergencies.
    emergencies: Emergencies,
    /// Supervised enrolments.
    enrolments: Enrolments,
    /// Requests to erase records of the log.
    erasures: Erasures,
    /// What applications were granted.
    grants: Grants,
    /// Groups of users.
    groups: Groups,
    /// The log's entries.
    entries: Entries,
    /// Codes that hand desktops over to browsers.
    handovers: Handovers,
    /// Journals of workstations that decided on their own.
    journals: Journals,
    /// The tree over the entries.
    log: Log,
    /// Checkpoints that are kept.
    log_checkpoints: LogCheckpoints,
    /// Whom to tell that a user is signed out.
    logouts: Logouts,
    /// What the rules remember.
    memories: Memories,
    /// Notices of the day.
    notices: Notices,
    /// What enforcement points saw.
    observations: Observations,
    /// What the OpenID provider keeps for a short time.
    oauth: Oauth,
    /// What browsers were asked.
    interactions: Interactions,
    /// What identifiers are called.
    named: Named,
    /// Phones.
    phones: Phones,
    /// Versions of the policy.
    policies: Policies,
    /// People as directories know them.
    profiles: Profiles,
    /// Receivers of security events.
    receivers: Receivers,
    /// Biometric references.
    references: References,
    /// Saved searches.
    saved_searches: SavedSearches,
    /// Questions about the log's entries.
    search: Search,
    /// Sessions.
    sessions: Sessions,
    /// Single values of the installation.
    settings: Settings,
    /// One-time codes and bearer tokens of people.
    sign_in: SignIn,
    /// Browsers in which people are signed on.
    sign_ons: SignOns,
    /// Keys that sign tokens.
    signing_keys: SigningKeys,
    /// Streams of events to other systems.
    streams: Streams,
    /// Taps and their outcomes.
    taps: Taps,
    /// People.
    users: Users,
    /// The log's tables, as they are.
    verification: Verification,
    /// Which applications know of a sign-on.
    visits: Visits,
    /// Workstations.
    workstations: Workstations,
}

#[cfg(test)]
mod tests;
