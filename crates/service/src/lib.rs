//! What every IMP program that runs for long shares: configuration, telemetry, HTTP layers, shutdown.
pub mod config;
pub mod http;
pub mod shutdown;
pub mod telemetry;

pub use shutdown::Shutdown;
