//! One binary for everything that looks at IMP as a whole.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy knows only functions marked as tests, not what they call"
)]
mod architecture;
mod conformance;
mod docs;
mod fleet;
mod foreign;
mod journeys;
mod machines;
mod processes;
mod validation;
