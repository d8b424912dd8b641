//! Radios that are played: in one process ([`Air`]) or between processes that share a folder.
//!
//! A link loses, doubles, delays and reorders frames as its [`AirScript`] says, from a seed; what passes can be
//! recorded.
mod air;
mod folder;
mod lane;
mod link;
mod recording;
mod relay;
mod script;
mod socket;

pub use air::Air;
pub use folder::{FolderCentral, FolderPeripheral};
pub use recording::{Passed, read_recording};
pub use relay::Relay;
pub use script::{AirScript, AirStep, SharedScript};

/// How often a phone is heard.
const SCAN_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);
/// Advertisements that wait for a slow listener; more are dropped.
const SCAN_QUEUE: usize = 64;
/// Frames that wait in one place of a link.
const FRAME_QUEUE: usize = 256;
/// Workstations that wait to be accepted; more are refused.
const ACCEPT_QUEUE: usize = 8;

#[cfg(test)]
mod tests;
