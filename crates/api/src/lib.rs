//! The HTTP contract of IMP: paths, bodies, problems, and the typed client that workstations and phones use.
pub mod admin;
pub mod audit;
pub mod break_glass;
pub mod bytes;
pub mod client;
pub mod connection;
pub mod device;
pub mod enrolment;
pub mod export;
pub mod log;
pub mod machine;
pub mod me;
pub mod oauth;
pub mod phone_sign_in;
pub mod problem;
pub mod saml;
pub mod security_key;
pub mod session;
pub mod stream;
pub mod tap;

pub use bytes::Base64;
pub use client::{Client, ClientError, Export, FetchedPolicy};
pub use problem::Problem;
