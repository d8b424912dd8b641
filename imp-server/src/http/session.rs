//! Sessions.
pub(crate) mod end;
pub(crate) mod hand_over;
pub(crate) mod list;
pub(crate) mod suspend;
pub(crate) mod watch;
