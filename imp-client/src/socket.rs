//! The agent's local socket: one JSON object a line in each direction, for the same account and root only.
mod client;
mod protocol;
mod service;

pub use client::{Connection, ConnectionError};
pub use protocol::{Answer, Entered, LONGEST_LINE, LineError, Request};
pub use service::{ListenError, serve};
