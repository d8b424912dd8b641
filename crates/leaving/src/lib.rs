//! When somebody has left her workstation: from what the radio hears of her phone, and from how long nobody touched keyboard or pointer,
//! to a countdown and a locked desktop.
//!
//! Pure: time is what the caller says (any clock that does not jump, as time since some instant), and nothing is read or written. Two
//! promises are opposed, and `docs/walk-away.md` measures both: whoever sits there is not locked, least of all while she types; whoever
//! has left is locked soon.
//!
//! [`Watch`] decides; an estimate of where she is stands before it, whose numbers are in [`Model`]; [`Level`] is the filter of signal strengths from
//! which is learned what is usual; [`Constants`] are all other numbers.
mod belief;
mod constants;
mod level;
mod model;
mod watch;

pub use constants::Constants;
pub use level::Level;
pub use model::Model;
pub use watch::{Countdown, Reason, Verdict, Watch};
