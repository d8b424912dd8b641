//! What somebody holds who has no phone with her, or does not want her face to be compared: a FIDO2 security key.
//!
//! [`ctap`] is what is said to it (CTAP 2.1, the part that signing in needs), [`pin`] keeps her PIN from whoever listens on the wire, [`hid`]
//! carries it over USB. Calls block until somebody touches the key: use them from `spawn_blocking`.
mod ctap;
#[cfg(any(test, feature = "emulator"))]
mod emulated;
mod hid;
mod pin;

use imp_identity::Secret;

#[cfg(any(test, feature = "emulator"))]
pub use emulated::EmulatedKey;
pub use hid::UsbKeys;

/// What a key is asked to sign.
#[derive(Debug)]
pub struct AssertionRequest<'a> {
    /// For whom: the relying party's identifier (WebAuthn L3 §5.1.2).
    pub rp_id: &'a str,
    /// SHA-256 of the client data (WebAuthn L3 §5.8.1).
    pub client_data_hash: &'a [u8; 32],
    /// The key's PIN; without it, the key verifies who holds it by itself, with a finger.
    pub pin: Option<&'a Secret<String>>,
    /// The credentials with one of which a touch suffices: nobody is verified. If absent, whoever holds the key is.
    pub touch: Option<&'a [Vec<u8>]>,
}

/// What it signed (WebAuthn L3 §6.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The key's name of the credential.
    pub credential: Vec<u8>,
    /// Authenticator data, with flags and counter.
    pub authenticator_data: Vec<u8>,
    /// The signature over authenticator data and client data hash.
    pub signature: Vec<u8>,
    /// Whose credential it is, as the relying party named her; empty where the credential was named and the key does not say.
    pub user: Vec<u8>,
}

/// A way to whatever key is there now.
pub trait SecurityKey: Send + Sync {
    /// Has the one key that is there sign with a credential that it keeps. Verifies who holds it, unless a touch suffices.
    fn assert(&self, request: &AssertionRequest<'_>) -> Result<Assertion, SecurityKeyError>;
}

/// The key did not sign.
#[derive(Debug, thiserror::Error)]
pub enum SecurityKeyError {
    /// There is none, or it may not be opened.
    #[error("there is no security key: put it in")]
    NoKey,
    /// Which one?
    #[error("there are several security keys: leave one in")]
    Several,
    /// It has no credential for this hospital.
    #[error("this security key is not registered here")]
    NotRegistered,
    /// It can only verify a PIN.
    #[error("the security key wants its PIN")]
    PinRequired,
    /// There is no PIN on it, nor another way to verify who holds it.
    #[error("the security key has no PIN: set one first")]
    PinNotSet,
    /// The PIN, or the finger, is not the right one.
    #[error("the PIN is not right")]
    PinWrong,
    /// Too many wrong ones.
    #[error("the security key is blocked: take it out and put it in again, or ask for help")]
    Blocked,
    /// It always verifies, or is somebody else's.
    #[error("a touch of this security key does not suffice: use it with its PIN")]
    TouchRefused,
    /// Nobody touched it.
    #[error("nobody touched the security key in time")]
    TimedOut,
    /// It says no.
    #[error("the security key refused (CTAP {0:#04x})")]
    Refused(u8),
    /// It does not speak as it should.
    #[error("the security key said something that cannot be understood: {0}")]
    Protocol(&'static str),
    /// The connection broke.
    #[error("the security key cannot be used")]
    Io(#[from] std::io::Error),
}

impl SecurityKeyError {
    /// By the status of an answer (CTAP 2.1 §8.2).
    const fn of(status: u8) -> Self {
        match status {
            0x2E => Self::NotRegistered,
            0x31 | 0x33 | 0x3C => Self::PinWrong,
            0x32 | 0x34 | 0x3F => Self::Blocked,
            0x35 => Self::PinNotSet,
            0x36 => Self::PinRequired,
            0x2D | 0x2F | 0x3A => Self::TimedOut,
            other => Self::Refused(other),
        }
    }
}

#[cfg(test)]
mod tests;
