//! The workstation's side: scan, connect, write and be notified.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use btleplug::api::{
    Central as _, CentralEvent, CentralState, CharPropFlags, Characteristic, Manager as _,
    Peripheral as _, ScanFilter, ValueNotification, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral, PeripheralId};
use futures::{Stream, StreamExt as _};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::time::timeout;
use uuid::Uuid;

use super::kept::{Idle, Kept};
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
    adapters: Arc<Adapters>,
    kept: Kept,
}

impl BluezCentral {
    /// Finds the adapter called `adapter`, or the first one, and checks that it is on.
    pub(in crate::ble) async fn open(adapter: Option<String>) -> Result<Self, RadioError> {
        let adapters = Adapters::new(adapter);
        adapters.current().await?;
        Ok(Self { adapters: Arc::new(adapters), kept: Kept::default() })
    }
}

#[async_trait]
impl Central for BluezCentral {
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError> {
        // A first look, so that the caller hears of an adapter that is missing or off.
        self.adapters.current().await?;
        let (heard, receiver) = mpsc::channel(SCAN_QUEUE);
        start(Listener::new(Arc::clone(&self.adapters), heard).run());
        Ok(receiver)
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError> {
        let adapter = self.adapters.current().await?;
        if let Some(connection) = self.resume(&adapter, address).await {
            return Ok(Box::new(connection));
        }
        let known = adapter.peripherals().await.map_err(|error| failed("list phones", error))?;
        let phone = known
            .into_iter()
            .find(|phone| phone.id().to_string() == address.as_str())
            .ok_or_else(|| RadioError::NotInReach(address.clone()))?;
        let _silence = self.adapters.silence(&adapter).await;
        let half = HalfOpen(Some(phone.clone()));
        let idle = connected(phone, address).await?;
        let connection = BluezConnection::open(&adapter, idle, self.kept.clone()).await?;
        half.keep();
        Ok(Box::new(connection))
    }
}

impl BluezCentral {
    /// Goes on over a link that was kept. `None`: there is none, or it does not work any more, and is ended.
    async fn resume(&self, adapter: &Adapter, address: &Address) -> Option<BluezConnection> {
        let idle = timeout(STEP_TIMEOUT, self.kept.take(address)).await.ok()??;
        let half = HalfOpen(Some(idle.phone.clone()));
        let resumed = async {
            if !step("look for an old link", idle.phone.is_connected()).await? {
                return Err(RadioError::Disconnected);
            }
            BluezConnection::open(adapter, idle, self.kept.clone()).await
        };
        match resumed.await {
            Ok(connection) => {
                half.keep();
                Some(connection)
            }
            Err(error) => {
                tracing::debug!(%error, "a link that was kept is of no use any more");
                None
            }
        }
    }
}

/// Connects and looks what the phone offers.
async fn connected(phone: Peripheral, address: &Address) -> Result<Idle, RadioError> {
    if step("look for an old link", phone.is_connected()).await? {
        // What is left of the last conversation: it would be ended under this one.
        step("end an old link", phone.disconnect()).await?;
    }
    step("connect", phone.connect()).await?;
    step("discover services", phone.discover_services()).await?;
    let inbound = characteristic(&phone, INBOUND, address)?;
    let outbound = characteristic(&phone, OUTBOUND, address)?;
    Ok(Idle { phone, inbound, outbound })
}

/// Half a connection, which would keep the phone from being found again: ended unless it becomes a whole one, also when the
/// caller stops waiting for it.
struct HalfOpen(Option<Peripheral>);

impl HalfOpen {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        if let Some(phone) = self.0.take() {
            end(phone);
        }
    }
}

/// Ends a link in the background: `BlueZ` takes two seconds for it, and keeps it up until somebody asks.
pub(super) fn end(phone: Peripheral) {
    if tokio::runtime::Handle::try_current().is_ok() {
        start(async move {
            if let Err(error) = phone.disconnect().await {
                tracing::debug!(%error, "the link was down already");
            }
        });
    }
}

/// Finds the adapter; the bus connection is made again when it has died.
pub(super) struct Adapters {
    wanted: Option<String>,
    manager: Mutex<Option<Manager>>,
    /// Held by whoever starts a scan, and by whoever needs it silent.
    turn: Arc<Mutex<()>>,
    listening: Arc<AtomicUsize>,
}

/// The adapter does not scan while this lives; afterwards it goes on, if anybody listens.
///
/// The kernel does not begin a connection during a discovery before it hears the phone anew, and a discovery reports a phone
/// that does not change once: a connection would wait until the discovery ends.
struct Silence {
    adapter: Adapter,
    listening: Arc<AtomicUsize>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Silence {
    fn drop(&mut self) {
        let turn = self.turn.take();
        let wanted = self.listening.load(Ordering::Acquire) > 0;
        if wanted && tokio::runtime::Handle::try_current().is_ok() {
            let adapter = self.adapter.clone();
            start(async move {
                if let Err(error) = start_scan(&adapter).await {
                    // The listener starts it again when it has heard nothing for a while.
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "no scan after a connection"
                    );
                }
                drop(turn);
            });
        }
    }
}

impl Adapters {
    fn new(wanted: Option<String>) -> Self {
        let (turn, listening) = (Arc::default(), Arc::default());
        Self { wanted, manager: Mutex::new(None), turn, listening }
    }

    /// Stops the scan.
    async fn silence(&self, adapter: &Adapter) -> Silence {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.listening.load(Ordering::Acquire) > 0
            && let Err(error) = adapter.stop_scan().await
        {
            tracing::debug!(%error, "the scan had ended already");
        }
        let listening = Arc::clone(&self.listening);
        Silence { adapter: adapter.clone(), listening, turn: Some(turn) }
    }

    /// Starts a scan, or starts it again, when nobody needs silence.
    pub(super) async fn listen(&self, adapter: &Adapter) -> Result<(), RadioError> {
        let _turn = self.turn.lock().await;
        let _not_running = adapter.stop_scan().await;
        start_scan(adapter).await
    }

    /// Counts those who listen.
    pub(super) fn listening(&self) -> &AtomicUsize {
        &self.listening
    }

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
    outbound: Characteristic,
    write: WriteType,
    notifications: Notifications,
    events: Events,
    mtu: usize,
    /// Nothing more comes.
    closed: bool,
    /// It is being ended, or was handed to `kept`.
    left: bool,
    kept: Kept,
}

impl BluezConnection {
    /// Subscribes, which begins a conversation.
    async fn open(adapter: &Adapter, idle: Idle, kept: Kept) -> Result<Self, RadioError> {
        let Idle { phone, inbound, outbound } = idle;
        // Listen before subscribing, so that nothing is missed.
        let events = step("watch the link", adapter.events()).await?;
        let notifications = step("subscribe", phone.notifications()).await?;
        step("subscribe", phone.subscribe(&outbound)).await?;
        let command = inbound.properties.contains(CharPropFlags::WRITE_WITHOUT_RESPONSE);
        let write = if command { WriteType::WithoutResponse } else { WriteType::WithResponse };
        let mtu = usize::from(phone.mtu()).clamp(MTU_MIN, MTU_MAX);
        Ok(Self {
            id: phone.id(),
            phone,
            inbound,
            outbound,
            write,
            notifications,
            events,
            mtu,
            closed: false,
            left: false,
            kept,
        })
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
        if !std::mem::replace(&mut self.left, true) {
            end(self.phone.clone());
        }
    }

    async fn part(&mut self) {
        if self.closed {
            return self.close().await;
        }
        self.closed = true;
        if !std::mem::replace(&mut self.left, true) {
            self.kept.park(Idle {
                phone: self.phone.clone(),
                inbound: self.inbound.clone(),
                outbound: self.outbound.clone(),
            });
        }
    }
}

impl Drop for BluezConnection {
    fn drop(&mut self) {
        if !self.left {
            end(self.phone.clone());
        }
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

async fn start_scan(adapter: &Adapter) -> Result<(), RadioError> {
    // Kernel and BlueZ compare a filter with the list of services only, and an advertisement of 31 bytes has room for
    // either that list or service data, of 128-bit UUIDs. So we listen to all, and the listener looks.
    let everything = ScanFilter::default();
    adapter.start_scan(everything).await.map_err(|error| failed("listen for phones", error))
}

pub(super) fn failed(action: &'static str, error: btleplug::Error) -> RadioError {
    RadioError::Failed(action, Box::new(error))
}

fn unavailable(what: &str, error: btleplug::Error) -> RadioError {
    RadioError::Unavailable(what.to_owned(), Some(Box::new(error)))
}
