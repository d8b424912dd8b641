//! Importing people from LDAP and Active Directory: reading the directory, and the plan of what changes here.
pub mod person;
pub mod plan;
pub mod read;
pub mod settings;

pub use person::{DirectoryPerson, Skipped};
pub use plan::{Conflict, Known, Plan, PlanError, plan};
pub use read::{Credentials, Found, ReadError, read};
pub use settings::{AttributeNames, InvalidSettings, Leavers, Settings};
