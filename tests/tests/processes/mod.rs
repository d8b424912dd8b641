//! The real programs in processes of their own.
mod authorities;
mod crash;
mod demo;
mod issuance;
mod log;
mod machines;
mod memory;
mod people;
mod served;
