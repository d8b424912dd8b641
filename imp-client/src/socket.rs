//! The agent's side of its local socket. What is said there: `imp-socket`.
mod accounts;
mod service;

pub use imp_socket::{
    Answer, Connection, ConnectionError, Entered, LONGEST_LINE, LineError, Request, TokenCommand,
};
pub use service::{ListenError, serve};
