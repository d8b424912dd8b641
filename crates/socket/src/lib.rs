//! The socket of the workstation's agent: what programs of the same machine (the window, the PAM module, the command line) ask, and what they
//! are answered. One JSON object a line in each direction.
//!
//! A connection carries one [`Request`]; any number of answers follow, the last of which is what was asked for. Closing the connection stops
//! what was asked for. [`client`] is for asynchronous programs, [`blocking`] for others: it never waits longer than it is told.
pub mod blocking;
pub mod client;
mod enrolment;
mod line;
mod protocol;
mod status;
mod tap;

pub use client::{Connection, ConnectionError};
pub use enrolment::{EnrolCommand, Enrolled, Progress};
pub use line::{LONGEST_LINE, LineError, read_line, write_line};
pub use protocol::{
    Answer, BreakGlassCommand, Entered, Frame, KeyCommand, Request, Token, TokenCommand,
    VouchCommand,
};
pub use status::{
    AloneStatus, Leaving, LeavingReason, RadioState, Reach, RosterStatus, ScreenState, SignedIn,
    StatusReport, Switched, Tapping,
};
pub use tap::{Hint, Person, Session, TapCommand, TapMeans, TapOutcome, TapReport};
