//! The identity server: decides who may enter, opens sessions, issues certificates, keeps the event log.
//! It never sees a face: nothing here depends on `imp-biometrics`.
mod access;
mod app;
mod ca;
pub mod cli;
pub mod command;
mod config;
mod directory;
mod http;
mod job;
pub mod log;
pub mod oauth;
mod outside;
pub mod saml;
mod server;
pub mod store;
pub mod stream;
mod verify;
mod witness;

pub use access::{FilesError, Gate, GateError, Policies};
pub use app::{App, OpenError};
pub use ca::{Keys, KeysError};
pub use config::{
    AccessConfig, AttestationError, AttestationMode, Certificates, Config, Directory, GroupName,
    Http, InvalidConfig, LimitsConfig, LogConfig, LogWitness, Mail, MailError, Notices,
    OauthConfig, SignOnConfig, StorageConfig,
};
pub use server::{Server, StartError};
pub use witness::{Keeper, KeeperError, WitnessServer};
