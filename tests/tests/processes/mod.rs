//! The real programs in processes of their own.
mod authorities;
mod ble_lab;
mod crash;
mod demo;
mod issuance;
mod log;
mod machines;
mod memory;
mod offline;
mod people;
mod served;
