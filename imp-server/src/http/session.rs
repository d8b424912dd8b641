//! Sessions.
pub(crate) mod end;
pub(crate) mod list;
pub(crate) mod suspend;
