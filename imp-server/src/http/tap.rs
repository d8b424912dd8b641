//! Taps, by workstations.
pub(crate) mod abandon;
pub(crate) mod journal;
pub(crate) mod open;
pub(crate) mod presence;
pub(crate) mod roster;
pub(crate) mod submit;
