//! Streams of events, for administrators.
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod receivers;
mod refusals;
pub(crate) mod replay;
pub(crate) mod status;
