//! The identity server: decides who may enter, opens sessions, issues certificates, keeps the event log.
//! It never sees a face: nothing here depends on `imp-biometrics`.
mod access;
mod acme;
mod app;
mod ca;
pub mod cli;
pub mod command;
mod config;
mod connections;
mod directory;
mod http;
mod job;
pub mod log;
pub mod oauth;
mod outside;
mod revocation;
pub mod saml;
mod server;
pub mod store;
pub mod stream;
mod verify;
mod witness;

pub use access::{FilesError, Gate, GateError, Policies};
pub use acme::{AcmeSealError, AcmeServiceError, InvalidNetwork, Network};
pub use app::{App, OpenError};
pub use ca::{DoorkeeperError, IssuingAuthority, Keys, KeysError, OcspSigner, Signed};
pub use config::{
    AccessConfig, AcmeConfig, AttestationError, AttestationMode, Certificates, ClassConfig,
    ClassRule, Config, ConnectionsConfig, DevicesConfig, Directory, EstConfig, GroupName, Http,
    InvalidConfig, LimitsConfig, LogConfig, LogWitness, Mail, MailError, ManufacturerError,
    Notices, OauthConfig, RevocationConfig, SignOnConfig, StorageConfig,
};
pub use server::{Server, StartError};
pub use witness::{Keeper, KeeperError, WitnessServer};
