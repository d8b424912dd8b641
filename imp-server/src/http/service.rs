//! For those who run the server: health, readiness, the contract.
pub(crate) mod health;
pub(crate) mod openapi;
pub(crate) mod ready;
