//! A small proxy in front of a device or an application: outside, machines with certificates over TLS 1.3; inside, what the device speaks.
//!
//! A [`config::Route`] goes one way. Who is at the other end is the SPIFFE ID in its certificate; whether it is expected says the
//! connection policy, of which the gateway holds a signed copy ([`enforcement`]); on MLLP and HTTP routes each message is
//! signed and verified ([`outgoing`], [`incoming`]). What is refused is told to the server, also later ([`reports`]). Nothing here waits
//! for the server.
pub mod config;
mod enforcement;
mod http;
mod incoming;
mod inside;
mod lanes;
mod link;
mod mllp;
mod outgoing;
mod reports;
mod revocations;
mod shared;
mod start;
mod status;
mod stopped;
mod tcp;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod upkeep;

pub(crate) use enforcement::class_of;

pub use config::{GatewayConfig, InvalidGatewayConfig};
pub use enforcement::EnforcementError;
pub use incoming::{IncomingError, InstallationTrust};
pub use outgoing::OutgoingError;
pub use reports::ReportsError;
pub use start::{Gateway, GatewayError, GatewayParts};
pub use status::{GatewayStatus, RouteStatus};
