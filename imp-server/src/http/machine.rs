//! Machines: enrolment, binding, renewal, erasure.
pub(crate) mod bind_phone;
pub(crate) mod credentials;
pub(crate) mod enrol_workstation;
pub(crate) mod erase;
pub(crate) mod renew;
pub(crate) mod revoke_self;
