//! Bluetooth Low Energy: the phone is the peripheral, the workstation the central.
//!
//! One service with two characteristics carries frames: *inbound* (to the phone, write) and *outbound*
//! (from the phone, notify). Frames may be lost, doubled or reordered; `imp_authenticator` mends that.
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::{Uuid, uuid};

#[cfg(feature = "bluez")]
mod bluez;
mod config;
mod conversation;
#[cfg(feature = "emulator")]
pub mod emulated;
mod task;

pub use config::{CentralConfig, PeripheralConfig};
pub use conversation::{Conversation, ConversationError};

/// The IMP service. Its service data in an advertisement is the phone's current identifier, 8 bytes.
pub const SERVICE: Uuid = uuid!("1d0e0001-8c5b-4f63-a1d4-6c2f0b7e9a31");
/// The characteristic a workstation writes frames to.
pub const INBOUND: Uuid = uuid!("1d0e0002-8c5b-4f63-a1d4-6c2f0b7e9a31");
/// The characteristic a phone notifies frames on.
pub const OUTBOUND: Uuid = uuid!("1d0e0003-8c5b-4f63-a1d4-6c2f0b7e9a31");

/// The smallest ATT MTU (Bluetooth Core 5.4, Vol 3, Part F, §3.2.8, and Part G, §5.2.1).
pub const MTU_MIN: usize = 23;
/// The largest MTU used: writes of more than 500 bytes to a `BlueZ` peripheral fail, and a frame is MTU − 3.
pub const MTU_MAX: usize = 503;
/// Bytes of an ATT write or notification that are not payload (Vol 3, Part F, §3.4.5 and §3.4.7).
pub const ATT_HEADER: usize = 3;

/// Names a phone on the air for as long as it is in reach. What it looks like is the radio's business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Takes the radio's own name for a phone.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The radio's own name for the phone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A phone heard on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Whom to connect to.
    pub address: Address,
    /// The phone's identifier in the current slot; the roster resolves it.
    pub identifier: [u8; 8],
    /// Received signal strength in dBm, where the radio tells.
    pub rssi: Option<i16>,
}

/// Why a radio could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RadioError {
    /// No Bluetooth service, no adapter, or not the configured one.
    #[error("there is no Bluetooth here ({0})")]
    Unavailable(String, #[source] Option<Cause>),
    /// The adapter is switched off.
    #[error("the Bluetooth adapter {0} is switched off")]
    Off(String),
    /// The phone is not in reach (any more).
    #[error("{0} is not in reach")]
    NotInReach(Address),
    /// Something answered that is not an IMP phone.
    #[error("{0} does not offer the IMP service")]
    NoService(Address),
    /// The radio did not finish in time.
    #[error("the radio did not {0} in time")]
    Timeout(&'static str),
    /// The link ended: out of reach, switched off, or closed by the other side.
    #[error("the link is lost")]
    Disconnected,
    /// A frame larger than the link carries.
    #[error("a frame of {length} bytes does not fit an MTU of {mtu}")]
    FrameTooLarge {
        /// Bytes in the frame.
        length: usize,
        /// The link's MTU in bytes; a frame may have three less.
        mtu: usize,
    },
    /// The configuration cannot be used.
    #[error("the radio's configuration cannot be used: {0}")]
    Configuration(String),
    /// Anything else the system said.
    #[error("the radio could not {0}")]
    Failed(&'static str, #[source] Cause),
}

/// What a lower layer said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A workstation's radio.
#[async_trait]
pub trait Central: Send + Sync {
    /// Listens for phones until the receiver is dropped. A phone is reported each time it is heard; what the
    /// receiver does not take in time is dropped, not queued.
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError>;

    /// Connects to a phone that was heard.
    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError>;
}

/// A phone's radio.
#[async_trait]
pub trait Peripheral: Send + Sync {
    /// Advertises `identifier` in place of what was advertised before, until the peripheral is dropped.
    async fn advertise(&self, identifier: [u8; 8]) -> Result<(), RadioError>;

    /// Waits for the next workstation that connects. Cancel-safe.
    async fn accept(&self) -> Result<Box<dyn Connection>, RadioError>;
}

/// A link that carries frames, unreliably and in both directions.
#[async_trait]
pub trait Connection: Send {
    /// The ATT MTU in bytes, [`MTU_MIN`] to [`MTU_MAX`]; a frame may have [`ATT_HEADER`] bytes less.
    fn mtu(&self) -> usize;

    /// Hands one frame to the radio.
    async fn send(&mut self, frame: &[u8]) -> Result<(), RadioError>;

    /// Waits for the next frame. Cancel-safe: a cancelled wait loses nothing.
    async fn receive(&mut self) -> Result<Vec<u8>, RadioError>;

    /// Ends the link; frames already handed over still go out.
    async fn close(&mut self);

    /// As [`close`](Self::close), after a conversation that ended as it should: a radio on which connecting is slow may keep the
    /// link for a moment, and begin the next conversation over it.
    async fn part(&mut self) {
        self.close().await;
    }
}

/// Refuses a frame that `mtu` cannot carry.
pub(crate) fn check_frame(frame: &[u8], mtu: usize) -> Result<(), RadioError> {
    let length = frame.len();
    if length > mtu - ATT_HEADER {
        return Err(RadioError::FrameTooLarge { length, mtu });
    }
    Ok(())
}

/// A radio that has been opened, shared by the tasks that use it.
pub type SharedCentral = Arc<dyn Central>;
/// As [`SharedCentral`], for phones.
pub type SharedPeripheral = Arc<dyn Peripheral>;
