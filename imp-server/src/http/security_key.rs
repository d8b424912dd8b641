//! Security keys at workstations.
pub(crate) mod answer;
pub(crate) mod ask;
