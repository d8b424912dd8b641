//! One binary for everything that looks at IMP as a whole.
mod architecture;
mod docs;
mod journeys;
mod probe;
