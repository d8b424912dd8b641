//! What deserves a look, and telling the person concerned.
//!
//! [`consider`] judges one entry of the log by every [`Rule`]: pure, from the entry, the [`Facts`] around it, and what was
//! remembered of the person, the workstation and the device ([`Memory`]). [`notice`] puts one day's uses into words.
mod consider;
mod memory;
pub mod notice;
pub mod rule;
mod thresholds;

pub use consider::{Facts, Finding, Situation, Standing, consider};
pub use memory::{DeviceMemory, Memory, PersonMemory, PlaceMemory, Sight};
pub use rule::{RULES, Rule};
pub use thresholds::Thresholds;

#[cfg(test)]
mod tests;
