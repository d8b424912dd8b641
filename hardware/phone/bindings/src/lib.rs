//! The phone's side of IMP as a library for apps.
//!
//! An app gives it four things that only the app has: [`Keystore`] (keys that hardware keeps), [`Storage`] (records),
//! [`Radio`] (the Bluetooth of the phone) and [`Screen`] (its owner). The library is the rest: binding, the protocol of the tap,
//! sealing, receipts and their proofs, renewal, erasure. The guide is `docs/phones.md`; the protocol is `docs/reference/protocol.md`.
//!
//! Every call blocks until it is done, and callbacks come on threads of the library: call and be called off the main thread.

mod chunks;
mod errors;
mod keystore;
mod notice;
mod phone;
mod radio;
mod records;
mod screen;
mod service;
mod storage;
mod threads;

#[cfg(test)]
mod tests;

pub use errors::{
    BindError, DisputeError, EraseError, OpenError, RenewError, ServeError, StatusError, UsesError,
    VerifyError,
};
pub use keystore::{Keystore, KeystoreError};
pub use notice::{Answer, Notice, Purpose};
pub use phone::ImpPhone;
pub use radio::{Gatt, Radio, RadioError, gatt};
pub use records::{
    Bound, Enrolled, Erased, LoggedUse, PhoneStatus, RefusedReceipt, Standing, Told, Use, Uses,
    Verification,
};
pub use screen::{Consent, Question, Screen};
pub use service::Service;
pub use storage::{Storage, StorageError};

uniffi::setup_scaffolding!();
