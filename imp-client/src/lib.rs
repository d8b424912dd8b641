//! The workstation's agent: hears the phone, sees the face, has the server decide, opens and locks the desktop.
//!
//! [`agent`] holds the parts together; [`tap`] is the main job; [`entry`] are the ways in beside it; [`enrolment`] prepares it; [`upkeep`] keeps everything fresh; [`socket`] is how
//! programs of the workstation ask; [`broker`] hands the session over to the browser; [`doctor`] says what is wrong. Machines that are not
//! workstations use [`machine`], to be enrolled as devices, and [`gateway`], to stand in front of others.
pub mod agent;
pub mod broker;
pub mod config;
pub mod crash;
pub mod credentials;
pub mod desktop;
pub mod devices;
pub mod doctor;
pub mod enrolment;
pub mod entry;
pub mod gateway;
pub mod hardening;
pub mod introduction;
pub mod journal;
mod leaving;
mod links;
mod looking;
pub mod m2m;
pub mod machine;
pub mod meeting;
mod offline;
pub mod outbox;
pub mod prefetch;
pub mod presence;
pub mod receipt;
pub mod roster;
mod screen;
pub mod server;
pub mod setup;
pub mod socket;
pub mod state;
pub mod status;
pub mod tap;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod upkeep;
pub mod vouch;
mod watch;

#[cfg(test)]
extern crate self as imp_client;

pub use agent::{Agent, CameraFactory, Devices, Parts};
pub use config::ClientConfig;
pub use state::StateDirectory;

#[cfg(all(feature = "emulator", not(debug_assertions)))]
compile_error!(
    "the feature `emulator` lets scripts and crashes in: it must not be in a release build"
);
