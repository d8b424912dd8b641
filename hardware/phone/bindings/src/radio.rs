//! The phone's Bluetooth: the app advertises and serves GATT, the library says what, and what the frames mean.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use imp_hardware::ble::{self, Connection, MTU_MAX, MTU_MIN, Peripheral};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_blocking;

/// Frames that wait to be read in one link; more are dropped, as on any radio, and the link repeats them.
const FRAMES: usize = 256;
/// Workstations that wait to be answered; more are sent away.
const CALLERS: usize = 8;

/// Speaks to the Bluetooth of the phone. What happens there is told to [`Service`](crate::Service).
#[uniffi::export(with_foreign)]
pub trait Radio: Send + Sync {
    /// Advertises the IMP service with these 8 bytes of service data, in place of what was advertised before.
    fn advertise(&self, service_data: Vec<u8>) -> Result<(), RadioError>;

    /// Advertises no longer.
    fn stop_advertising(&self);

    /// Notifies the workstation of this link of one value of the *outbound* characteristic. Returns when the system takes the next.
    fn notify(&self, link: u64, frame: Vec<u8>) -> Result<(), RadioError>;

    /// Ends a link. What was handed over before still goes out.
    fn disconnect(&self, link: u64);
}

/// Why the app's radio did not do it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum RadioError {
    /// Bluetooth is switched off, or the app may not use it.
    #[error("Bluetooth cannot be used: {reason}")]
    Unavailable {
        /// What the system said.
        reason: String,
    },
    /// The link is gone.
    #[error("the link is lost")]
    Disconnected,
    /// Anything else.
    #[error("the radio failed: {reason}")]
    Failed {
        /// What the system said.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for RadioError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// What an app serves: one primary service with two characteristics.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Gatt {
    /// UUID of the service, also in the advertisement with its service data.
    pub service: String,
    /// UUID of the characteristic that workstations write to, without response or with.
    pub inbound: String,
    /// UUID of the characteristic that notifies.
    pub outbound: String,
    /// The largest ATT MTU that is used, in bytes; a frame has at most three less.
    pub largest_mtu: u16,
}

/// What an app serves.
#[uniffi::export]
pub fn gatt() -> Gatt {
    Gatt {
        service: ble::SERVICE.to_string(),
        inbound: ble::INBOUND.to_string(),
        outbound: ble::OUTBOUND.to_string(),
        largest_mtu: u16::try_from(MTU_MAX).unwrap_or(u16::MAX),
    }
}

/// The links that are up, as the app's events tell.
#[derive(Default)]
pub(crate) struct Links(Mutex<BTreeMap<u64, mpsc::Sender<Vec<u8>>>>);

impl Links {
    fn links(&self) -> MutexGuard<'_, BTreeMap<u64, mpsc::Sender<Vec<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on a frame; one of a link that is not known, or that does not keep up, is dropped.
    pub(crate) fn frame(&self, link: u64, frame: Vec<u8>) {
        if frame.len() <= MTU_MAX
            && let Some(frames) = self.links().get(&link)
        {
            // The link protocol repeats what is dropped.
            let _ = frames.try_send(frame);
        }
    }

    /// Ends what reads from this link.
    pub(crate) fn closed(&self, link: u64) {
        self.links().remove(&link);
    }

    fn close_all(&self) {
        self.links().clear();
    }
}

/// The app's radio, as the phone uses radios.
pub(crate) struct AppPeripheral {
    radio: Arc<dyn Radio>,
    links: Arc<Links>,
    callers: tokio::sync::Mutex<mpsc::Receiver<AppConnection>>,
    /// Told when the phone listens.
    listening: Arc<Notify>,
}

/// Where the app's events go in.
#[derive(Clone)]
pub(crate) struct Doorbell {
    radio: Arc<dyn Radio>,
    links: Arc<Links>,
    callers: mpsc::Sender<AppConnection>,
}

impl AppPeripheral {
    pub(crate) fn new(radio: Arc<dyn Radio>, listening: Arc<Notify>) -> (Self, Doorbell) {
        let links = Arc::<Links>::default();
        let (ring, callers) = mpsc::channel(CALLERS);
        let doorbell =
            Doorbell { radio: Arc::clone(&radio), links: Arc::clone(&links), callers: ring };
        let callers = tokio::sync::Mutex::new(callers);
        (Self { radio, links, callers, listening }, doorbell)
    }
}

impl Doorbell {
    /// A workstation subscribed. False when the phone is too busy for it, and the app should disconnect.
    pub(crate) fn opened(&self, link: u64, mtu: u16) -> bool {
        let (frames, inbound) = mpsc::channel(FRAMES);
        let connection = AppConnection {
            radio: Arc::clone(&self.radio),
            links: Arc::clone(&self.links),
            link,
            mtu: usize::from(mtu).clamp(MTU_MIN, MTU_MAX),
            inbound,
        };
        // Before the phone hears of it, so that no frame is lost.
        self.links.links().insert(link, frames);
        let taken = self.callers.try_send(connection).is_ok();
        if !taken {
            self.links.closed(link);
        }
        taken
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }
}

#[async_trait]
impl Peripheral for AppPeripheral {
    async fn advertise(&self, identifier: [u8; 8]) -> Result<(), ble::RadioError> {
        let radio = Arc::clone(&self.radio);
        ask(move || radio.advertise(identifier.to_vec()), "advertise").await
    }

    async fn accept(&self) -> Result<Box<dyn Connection>, ble::RadioError> {
        self.listening.notify_one();
        let caller = self.callers.lock().await.recv().await;
        Ok(Box::new(caller.ok_or(ble::RadioError::Disconnected)?))
    }
}

impl Drop for AppPeripheral {
    fn drop(&mut self) {
        self.links.close_all();
    }
}

/// A link of the app's radio.
struct AppConnection {
    radio: Arc<dyn Radio>,
    links: Arc<Links>,
    link: u64,
    mtu: usize,
    inbound: mpsc::Receiver<Vec<u8>>,
}

#[async_trait]
impl Connection for AppConnection {
    fn mtu(&self) -> usize {
        self.mtu
    }

    async fn send(&mut self, frame: &[u8]) -> Result<(), ble::RadioError> {
        let (radio, link, frame) = (Arc::clone(&self.radio), self.link, frame.to_vec());
        ask(move || radio.notify(link, frame), "notify").await
    }

    async fn receive(&mut self) -> Result<Vec<u8>, ble::RadioError> {
        self.inbound.recv().await.ok_or(ble::RadioError::Disconnected)
    }

    async fn close(&mut self) {
        self.links.closed(self.link);
        let (radio, link) = (Arc::clone(&self.radio), self.link);
        // Only a stopping runtime does not do it, and then the app stops advertising anyway.
        let _ = spawn_blocking(move || radio.disconnect(link)).await;
    }
}

/// Asks the app's radio on a thread that may wait.
async fn ask(
    call: impl FnOnce() -> Result<(), RadioError> + Send + 'static,
    what: &'static str,
) -> Result<(), ble::RadioError> {
    let answered = spawn_blocking(call).await;
    let answered = answered.map_err(|error| ble::RadioError::Failed(what, Box::new(error)))?;
    answered.map_err(|error| match error {
        RadioError::Unavailable { reason } => ble::RadioError::Unavailable(reason, None),
        RadioError::Disconnected => ble::RadioError::Disconnected,
        RadioError::Failed { .. } => ble::RadioError::Failed(what, Box::new(error)),
    })
}
