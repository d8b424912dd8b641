//! The event catalogue, its envelope (RFC 8417), questions to the log, consumers, and exports.
pub mod attendance;
mod caep;
pub mod catalogue;
pub mod consumer;
pub mod entry;
pub mod export;
pub mod mapping;
pub mod question;
pub mod sentence;
pub mod set;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use attendance::{AttendanceRefused, Circumstances, Form, refuse_attendance};
pub use catalogue::{EventType, catalogue, event_type};
pub use consumer::{ConsumeError, Consumer};
pub use entry::Entry;
pub use question::{InvalidQuestion, Kind, Question};
pub use set::{Issuer, Set};

#[cfg(test)]
mod tests;
