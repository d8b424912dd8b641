//! Administration, by people with a token.
pub(crate) mod contact_user;
pub(crate) mod create_user;
pub(crate) mod disable_user;
pub(crate) mod enable_user;
pub(crate) mod find_user;
pub(crate) mod invite_workstation;
pub(crate) mod issue_sign_in_code;
pub(crate) mod list_phones;
pub(crate) mod list_users;
pub(crate) mod list_workstations;
pub(crate) mod names;
pub(crate) mod place_workstation;
pub(crate) mod revoke_phone;
pub(crate) mod revoke_workstation;
pub(crate) mod set_policy;
pub(crate) mod show_policy;
pub(crate) mod sign_in;
