//! The workstation's side: scan, connect, write and be notified.
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use btleplug::api::{
    Central as _, CentralEvent, CentralState, CharPropFlags, Characteristic, Manager as _,
    Peripheral as _, ValueNotification, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral, PeripheralId};
use futures::{Stream, StreamExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use uuid::Uuid;

use super::listener::Listener;
use crate::ble::task::start;
use crate::ble::{
    Address, Advertisement, Central, Connection, INBOUND, MTU_MAX, MTU_MIN, OUTBOUND, RadioError,
    check_frame,
};

/// How long each of connecting, discovering and subscribing may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Advertisements that wait for a slow listener; more are dropped.
const SCAN_QUEUE: usize = 64;

/// One Bluetooth adapter, found again whenever it was lost.
pub(in crate::ble) struct BluezCentral {
    adapters: std::sync::Arc<Adapters>,
}

impl BluezCentral {
    /// Finds the adapter called `adapter`, or the first one, and checks that it is on.
    pub(in crate::ble) async fn open(adapter: Option<String>) -> Result<Self, RadioError> {
        let adapters = Adapters { wanted: adapter, manager: Mutex::new(None) };
        adapters.current().await?;
        Ok(Self { adapters: std::sync::Arc::new(adapters) })
    }
}

#[async_trait]
impl Central for BluezCentral {
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError> {
        // A first look, so that the caller hears of an adapter that is missing or off.
        self.adapters.current().await?;
        let (heard, receiver) = mpsc::channel(SCAN_QUEUE);
        start(Listener::new(std::sync::Arc::clone(&self.adapters), heard).run());
        Ok(receiver)
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError> {
        let adapter = self.adapters.current().await?;
        let known = adapter.peripherals().await.map_err(|error| failed("list phones", error))?;
        let phone = known
            .into_iter()
            .find(|phone| phone.id().to_string() == address.as_str())
            .ok_or_else(|| RadioError::NotInReach(address.clone()))?;
        match BluezConnection::open(&adapter, phone.clone(), address).await {
            Ok(connection) => Ok(Box::new(connection)),
            Err(error) => {
                // Half a connection would keep the phone from being found again.
                let _ = phone.disconnect().await;
                Err(error)
            }
        }
    }
}

/// Finds the adapter; the bus connection is made again when it has died.
pub(super) struct Adapters {
    wanted: Option<String>,
    manager: Mutex<Option<Manager>>,
}

impl Adapters {
    /// The adapter as it is now.
    pub(super) async fn current(&self) -> Result<Adapter, RadioError> {
        let mut kept = self.manager.lock().await;
        let manager = match kept.take() {
            Some(manager) => manager,
            None => Manager::new()
                .await
                .map_err(|error| unavailable("the system bus cannot be reached", error))?,
        };
        // Not kept on failure: next time a new bus connection is made.
        let adapters = manager
            .adapters()
            .await
            .map_err(|error| unavailable("the Bluetooth service does not answer", error))?;
        *kept = Some(manager);
        drop(kept);
        self.choose(adapters).await
    }

    async fn choose(&self, adapters: Vec<Adapter>) -> Result<Adapter, RadioError> {
        for adapter in adapters {
            let description = adapter
                .adapter_info()
                .await
                .map_err(|error| failed("look at an adapter", error))?;
            let name = description.split(' ').next().unwrap_or_default();
            if self.wanted.as_deref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            return match adapter.adapter_state().await {
                Ok(CentralState::PoweredOff) => Err(RadioError::Off(name.to_owned())),
                Ok(CentralState::PoweredOn | CentralState::Unknown) => Ok(adapter),
                Err(error) => Err(failed("look at an adapter", error)),
            };
        }
        let wanted = self.wanted.as_deref().map_or_else(
            || "no adapter was found".to_owned(),
            |wanted| format!("no adapter {wanted} was found"),
        );
        Err(RadioError::Unavailable(wanted, None))
    }
}

type Notifications = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;
type Events = Pin<Box<dyn Stream<Item = CentralEvent> + Send>>;

/// A link to a phone.
struct BluezConnection {
    phone: Peripheral,
    id: PeripheralId,
    inbound: Characteristic,
    write: WriteType,
    notifications: Notifications,
    events: Events,
    mtu: usize,
    closed: bool,
}

impl BluezConnection {
    async fn open(
        adapter: &Adapter,
        phone: Peripheral,
        address: &Address,
    ) -> Result<Self, RadioError> {
        let id = phone.id();
        step("connect", phone.connect()).await?;
        step("discover services", phone.discover_services()).await?;
        let inbound = characteristic(&phone, INBOUND, address)?;
        let outbound = characteristic(&phone, OUTBOUND, address)?;
        // Listen before subscribing, so that nothing is missed.
        let events = step("watch the link", adapter.events()).await?;
        let notifications = step("subscribe", phone.notifications()).await?;
        step("subscribe", phone.subscribe(&outbound)).await?;
        let command = inbound.properties.contains(CharPropFlags::WRITE_WITHOUT_RESPONSE);
        let write = if command { WriteType::WithoutResponse } else { WriteType::WithResponse };
        let mtu = usize::from(phone.mtu()).clamp(MTU_MIN, MTU_MAX);
        Ok(Self { phone, id, inbound, write, notifications, events, mtu, closed: false })
    }

    /// Whether `event` says that this link is over.
    fn ends(&self, event: &CentralEvent) -> bool {
        match event {
            CentralEvent::DeviceDisconnected(id) => *id == self.id,
            CentralEvent::StateUpdate(state) => *state == CentralState::PoweredOff,
            CentralEvent::DeviceDiscovered(_)
            | CentralEvent::DeviceUpdated(_)
            | CentralEvent::DeviceConnected(_)
            | CentralEvent::DeviceServicesModified(_)
            | CentralEvent::ManufacturerDataAdvertisement { .. }
            | CentralEvent::ServiceDataAdvertisement { .. }
            | CentralEvent::ServicesAdvertisement { .. }
            | CentralEvent::RssiUpdate { .. } => false,
        }
    }
}

#[async_trait]
impl Connection for BluezConnection {
    fn mtu(&self) -> usize {
        self.mtu
    }

    async fn send(&mut self, frame: &[u8]) -> Result<(), RadioError> {
        check_frame(frame, self.mtu)?;
        if self.closed {
            return Err(RadioError::Disconnected);
        }
        let written = self.phone.write(&self.inbound, frame, self.write).await;
        match (written, self.write) {
            (Ok(()), _) => Ok(()),
            (Err(_), WriteType::WithoutResponse) => {
                // Some stacks refuse write commands: requests are slower, and always work.
                self.phone
                    .write(&self.inbound, frame, WriteType::WithResponse)
                    .await
                    .map_err(|error| failed("send a frame", error))?;
                self.write = WriteType::WithResponse;
                Ok(())
            }
            (Err(error), WriteType::WithResponse) => Err(failed("send a frame", error)),
        }
    }

    async fn receive(&mut self) -> Result<Vec<u8>, RadioError> {
        while !self.closed {
            tokio::select! {
                biased;
                notification = self.notifications.next() => match notification {
                    // BlueZ also shows values that were read, and other characteristics' values.
                    Some(value) if value.uuid == OUTBOUND => return Ok(value.value),
                    Some(_) => {}
                    None => self.closed = true,
                },
                event = self.events.next() => match event {
                    Some(event) => self.closed = self.ends(&event),
                    None => self.closed = true,
                },
            }
        }
        Err(RadioError::Disconnected)
    }

    async fn close(&mut self) {
        self.closed = true;
        if let Err(error) = self.phone.disconnect().await {
            tracing::debug!(%error, "the link was down already");
        }
    }
}

impl Drop for BluezConnection {
    fn drop(&mut self) {
        if self.closed || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let phone = self.phone.clone();
        start(async move {
            // BlueZ keeps a link up until somebody ends it.
            let _ = phone.disconnect().await;
        });
    }
}

fn characteristic(
    phone: &Peripheral,
    uuid: Uuid,
    address: &Address,
) -> Result<Characteristic, RadioError> {
    phone
        .characteristics()
        .into_iter()
        .find(|found| found.uuid == uuid)
        .ok_or_else(|| RadioError::NoService(address.clone()))
}

/// One step towards a connection, within its time.
async fn step<T>(
    action: &'static str,
    work: impl Future<Output = btleplug::Result<T>>,
) -> Result<T, RadioError> {
    let result = timeout(STEP_TIMEOUT, work).await;
    result.map_err(|_| RadioError::Timeout(action))?.map_err(|error| failed(action, error))
}

pub(super) fn failed(action: &'static str, error: btleplug::Error) -> RadioError {
    RadioError::Failed(action, Box::new(error))
}

fn unavailable(what: &str, error: btleplug::Error) -> RadioError {
    RadioError::Unavailable(what.to_owned(), Some(Box::new(error)))
}
