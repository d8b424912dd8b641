//! The real programs in processes of their own.
mod crash;
mod demo;
mod log;
mod memory;
