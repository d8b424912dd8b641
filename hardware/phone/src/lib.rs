//! The reference phone: the authenticator that a staff member carries.
//!
//! It is bound to its owner by a one-time code, keeps her sealed biometric reference, shows it to workstations of
//! her hospital that prove themselves, signs what it showed to whom, and keeps the server's receipts of it.
//! Keystore, radio, clock and screen are arguments, so that an Android or iOS app can bind this library; the binary
//! `imp-phone` is the phone for Linux phones and small boards.
#[cfg(all(feature = "emulator", not(debug_assertions)))]
compile_error!("the feature `emulator` lets the phone lie: it must not be in a release build");

mod attend;
mod audit;
mod bind;
mod binding;
mod conduct;
mod config;
pub mod crash;
mod dispute;
mod doctor;
mod enrolment;
mod erase;
mod evidence;
mod holder;
mod journal;
mod judge;
mod keep;
#[cfg(feature = "emulator")]
mod misbehave;
mod phone;
mod record;
mod renew;
mod report;
mod screen;
mod seen;
mod serve;
mod sign_in;
mod state;
mod status;
mod storage;
mod trust;
mod uses;
mod vault;
mod verify;

#[cfg(test)]
mod tests;

pub use audit::{Standing, VerifiedUse};
pub use bind::{Bind, BindError, Bound};
pub use binding::BindingError;
pub use conduct::TapError;
pub use config::{Config, ConfigError};
pub use dispute::{DisputeError, notice_lines};
pub use doctor::Finding;
pub use enrolment::StoreError;
pub use erase::{Erase, EraseError, Erased, Told};
pub use evidence::Refused;
pub use holder::{ConnectError, HolderError};
pub use judge::ReceiptFault;
#[cfg(feature = "emulator")]
pub use misbehave::Misbehaviour;
pub use phone::{OpenError, Phone};
pub use renew::RenewError;
pub use screen::{Answer, Notice, Question, Screen, Silent, printable};
pub use seen::SeenError;
pub use serve::{Consent, ServeError, Serving};
pub use sign_in::{PhoneSignInError, SignInRequest};
pub use state::StateError;
pub use status::{BindingStatus, ReferenceStatus, Status, StatusError};
pub use storage::{Lock, Storage};
pub use uses::{Use, Uses, UsesError};
pub use vault::VaultError;
pub use verify::{LogAlarm, Verification, VerifyError};

pub use attend::explain;
