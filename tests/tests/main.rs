//! One binary for everything that looks at IMP as a whole.
mod architecture;
mod crash;
mod demo;
mod docs;
mod journeys;
mod memory;
