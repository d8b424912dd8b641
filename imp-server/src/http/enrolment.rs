//! Supervised enrolment: a workstation with an officer's token.
pub(crate) mod confirm_reference;
pub(crate) mod issue_reference;
pub(crate) mod open;
pub(crate) mod status;
