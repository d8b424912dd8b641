//! Provisioning of people and groups by other systems (SCIM, RFC 7644): each change is one transaction with its events.
use std::collections::BTreeSet;

use imp_identity::name::Label;
use imp_identity::user::{Role, UserError};
use imp_scim::patch::Patch;
use imp_scim::{Resource, ScimError, ScimType};
use imp_storage::StorageError;

use super::deprovision::DeprovisionError;

mod change_group;
mod change_user;
mod group_form;
mod read;
mod roles;
mod user_form;

pub(crate) use change_group::{change_group, create_group, remove_group};
pub(crate) use change_user::{change_user, create_user, remove_user};
pub use read::{GroupMembers, UnitSize, find_group, group_named, groups_page, list_units};
pub(crate) use read::{Listed, select_groups, select_users, show_group, show_user};

/// What the configuration says of provisioning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The roles that a client may give to people, and take from them.
    pub grants: BTreeSet<Role>,
    /// The roles that groups give to their members, by the groups' names. With any, clients give none themselves.
    pub group_roles: Vec<(Label, Role)>,
    /// Where resources are: the address of the service, without a final slash.
    pub base: String,
}

/// What a client asks of a resource that exists.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// `If-Match`, if it was sent.
    pub(crate) if_match: Option<String>,
    /// What it is to be.
    pub(crate) to: Wish,
}

/// What a resource is to be.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// This (PUT).
    Whole(Resource),
    /// Changed like this (PATCH).
    Patch(Patch),
}

/// A resource and its version.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// As it is shown, without its schemas.
    pub(crate) resource: Resource,
    /// Its version.
    pub(crate) version: u64,
}

/// Nothing was provisioned.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The client is told.
    #[error("the request was refused")]
    Refused(#[from] ScimError),
    /// See the source.
    #[error("could not store what was provisioned")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for ProvisionError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() {
            let detail = "Another resource has this name or external identifier.";
            Self::Refused(ScimError::bad(ScimType::Uniqueness, detail))
        } else {
            Self::Storage(error)
        }
    }
}

impl From<DeprovisionError> for ProvisionError {
    fn from(error: DeprovisionError) -> Self {
        match error {
            DeprovisionError::LastAdministrator => {
                let detail = "The last administrator cannot be disabled or removed.";
                Self::Refused(ScimError::new(403, detail))
            }
            DeprovisionError::Storage(source) => source.into(),
        }
    }
}

impl From<UserError> for ProvisionError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Removed => Self::Refused(ScimError::not_found("user")),
            UserError::AlreadyActive | UserError::AlreadyDisabled => {
                Self::Refused(ScimError::new(409, error.to_string()))
            }
        }
    }
}

impl Change {
    /// Refuses a change of another version than the client knows (RFC 7644 §3.14).
    fn check(&self, version: u64) -> Result<(), ScimError> {
        let known = self.if_match.as_deref().is_none_or(|it| imp_scim::etag::matches(it, version));
        if known { Ok(()) } else { Err(stale()) }
    }
}

fn stale() -> ScimError {
    ScimError::new(412, "The resource has changed in the meantime: read it again.")
}

/// 400 `invalidValue` for an attribute.
fn invalid(attribute: &str, why: impl std::fmt::Display) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, format!("'{attribute}': {why}"))
}
