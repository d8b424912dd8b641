//! Every flow and its refusals, through the whole router.
mod clients;
mod code;
mod consent;
mod contract;
mod desktop;
mod devices;
mod house;
mod keys;
mod logouts;
mod proofs;
mod signals;
mod tokens;
