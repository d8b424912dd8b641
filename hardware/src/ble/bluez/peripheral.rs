//! The phone's side: advertise, be written to, notify.
//!
//! `BlueZ` hands over one socket for all who subscribe to a characteristic, so such a phone serves one workstation at
//! a time. That is enough for a reference phone; Android and iOS tell their subscribers apart.
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bluer::adv::{Advertisement, AdvertisementHandle};
use bluer::gatt::local::{
    Application, ApplicationHandle, Characteristic, CharacteristicControl,
    CharacteristicControlEvent, CharacteristicControlHandle, CharacteristicNotify,
    CharacteristicNotifyMethod, CharacteristicWrite, CharacteristicWriteMethod, Service,
    characteristic_control,
};
use bluer::gatt::{CharacteristicReader, CharacteristicWriter};
use bluer::{Adapter, Session};
use futures::StreamExt as _;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::ble::{
    Connection, INBOUND, MTU_MAX, MTU_MIN, OUTBOUND, Peripheral, RadioError, SERVICE, check_frame,
};

/// How often the phone is heard, in the shortest and the longest case.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(150));

/// How long `BlueZ` may take to forget an advertisement.
const UNREGISTER: Duration = Duration::from_millis(200);

/// How often the phone looks whether `BlueZ` still knows it: a restarted `BlueZ` does not, and tells nobody.
const LOOK: Duration = Duration::from_secs(1);

/// A GATT server on one Bluetooth adapter.
pub(in crate::ble) struct BluezPeripheral {
    wanted: Option<String>,
    registered: Mutex<Registered>,
    arriving: Mutex<Arriving>,
}

/// What `BlueZ` does for this phone, as long as it remembers.
struct Registered {
    adapter: Adapter,
    advertisement: Option<AdvertisementHandle>,
    application: Option<ApplicationHandle>,
    /// What is or should be advertised.
    identifier: Option<[u8; 8]>,
    /// Somebody switched the adapter off; it is for them to switch it on again.
    off: bool,
}

/// The two halves of the next link, in whichever order they come.
struct Arriving {
    writes: CharacteristicControl,
    subscriptions: CharacteristicControl,
    reader: Option<CharacteristicReader>,
    writer: Option<CharacteristicWriter>,
}

impl BluezPeripheral {
    /// Switches the adapter on and serves the IMP service on it.
    pub(in crate::ble) async fn open(wanted: Option<&str>) -> Result<Self, RadioError> {
        let adapter = adapter(wanted).await?;
        if !is_on(&adapter).await? && adapter.set_powered(true).await.is_err() {
            return Err(RadioError::Off(adapter.name().to_owned()));
        }
        let (application, arriving) = serve(&adapter).await?;
        let registered = Registered {
            adapter,
            advertisement: None,
            application: Some(application),
            identifier: None,
            off: false,
        };
        Ok(Self {
            wanted: wanted.map(str::to_owned),
            registered: Mutex::new(registered),
            arriving: Mutex::new(arriving),
        })
    }

    /// Registers with a `BlueZ` that has forgotten this phone.
    async fn register_again(&self) -> Result<Arriving, RadioError> {
        let mut registered = self.registered.lock().await;
        (registered.advertisement, registered.application) = (None, None);
        let adapter = adapter(self.wanted.as_deref()).await?;
        if !is_on(&adapter).await? {
            return Err(RadioError::Off(adapter.name().to_owned()));
        }
        let (application, arriving) = serve(&adapter).await?;
        registered.adapter = adapter;
        if let Some(identifier) = registered.identifier {
            registered.advertise(identifier).await?;
        }
        // Last, so that a failure before leads here again.
        (registered.application, registered.off) = (Some(application), false);
        tracing::info!("registered with Bluetooth again");
        Ok(arriving)
    }
}

impl Registered {
    /// Whether there is nothing to mend, or nothing that can be mended now.
    async fn stands(&mut self) -> bool {
        if self.application.is_none() {
            return false;
        }
        match self.adapter.is_powered().await {
            Ok(false) => {
                self.off = true;
                return true;
            }
            // It may have lost what was registered.
            Ok(true) if self.off => return false,
            Ok(true) => {}
            Err(_) => return false,
        }
        self.identifier.is_none()
            || self.adapter.active_advertising_instances().await.is_ok_and(|count| count > 0)
    }

    async fn advertise(&mut self, identifier: [u8; 8]) -> Result<(), RadioError> {
        let next = match self.adapter.advertise(advertisement(identifier)).await {
            // Registered before the old one ends, so that there is no gap …
            Ok(next) => next,
            // … but some controllers have room for one only.
            Err(_) if self.advertisement.take().is_some() => {
                sleep(UNREGISTER).await;
                let again = self.adapter.advertise(advertisement(identifier)).await;
                again.map_err(|error| failed("advertise", error))?
            }
            Err(error) => return Err(failed("advertise", error)),
        };
        self.advertisement = Some(next);
        Ok(())
    }
}

/// The adapter called `wanted`, or the first one.
async fn adapter(wanted: Option<&str>) -> Result<Adapter, RadioError> {
    let session = Session::new()
        .await
        .map_err(|error| unavailable("the system bus cannot be reached", error))?;
    let adapter = match wanted {
        Some(name) => session.adapter(name),
        None => session.default_adapter().await,
    };
    adapter.map_err(|error| unavailable("no adapter was found", error))
}

async fn is_on(adapter: &Adapter) -> Result<bool, RadioError> {
    let powered = adapter.is_powered().await;
    powered.map_err(|error| unavailable("the adapter does not answer", error))
}

/// Serves the IMP service until the handle is dropped.
async fn serve(adapter: &Adapter) -> Result<(ApplicationHandle, Arriving), RadioError> {
    let (writes, write_handle) = characteristic_control();
    let (subscriptions, notify_handle) = characteristic_control();
    let served = adapter.serve_gatt_application(application(write_handle, notify_handle)).await;
    let served = served.map_err(|error| failed("serve the IMP service", error))?;
    Ok((served, Arriving { writes, subscriptions, reader: None, writer: None }))
}

/// The IMP service with its two characteristics.
fn application(
    write_handle: CharacteristicControlHandle,
    notify_handle: CharacteristicControlHandle,
) -> Application {
    let inbound = Characteristic {
        uuid: INBOUND,
        write: Some(CharacteristicWrite {
            write: true,
            write_without_response: true,
            method: CharacteristicWriteMethod::Io,
            ..Default::default()
        }),
        control_handle: write_handle,
        ..Default::default()
    };
    let outbound = Characteristic {
        uuid: OUTBOUND,
        notify: Some(CharacteristicNotify {
            notify: true,
            method: CharacteristicNotifyMethod::Io,
            ..Default::default()
        }),
        control_handle: notify_handle,
        ..Default::default()
    };
    let service = Service {
        uuid: SERVICE,
        primary: true,
        characteristics: vec![inbound, outbound],
        ..Default::default()
    };
    Application { services: vec![service], ..Default::default() }
}

/// What is sent, within the 31 bytes of a legacy advertisement: flags (3), service data (2 + 16 + 8).
///
/// The list of services does not fit beside it. Without the flag *discoverable* `BlueZ` centrals look away.
pub(super) fn advertisement(identifier: [u8; 8]) -> Advertisement {
    Advertisement {
        service_data: [(SERVICE, identifier.to_vec())].into(),
        discoverable: Some(true),
        min_interval: Some(INTERVAL.0),
        max_interval: Some(INTERVAL.1),
        ..Default::default()
    }
}

#[async_trait]
impl Peripheral for BluezPeripheral {
    async fn advertise(&self, identifier: [u8; 8]) -> Result<(), RadioError> {
        let mut registered = self.registered.lock().await;
        registered.identifier = Some(identifier);
        registered.advertise(identifier).await
    }

    async fn accept(&self) -> Result<Box<dyn Connection>, RadioError> {
        // What has arrived stays in `arriving` when this wait is cancelled.
        let mut arriving = self.arriving.lock().await;
        loop {
            if let Some(link) = arriving.complete() {
                return Ok(Box::new(link));
            }
            let arrived = tokio::select! {
                arrived = arriving.next() => Some(arrived),
                () = sleep(LOOK) => None,
            };
            if let Some(Ok(())) = arrived {
                continue;
            }
            if !self.registered.lock().await.stands().await {
                *arriving = self.register_again().await?;
            } else if let Some(Err(error)) = arrived {
                return Err(error);
            }
        }
    }
}

impl Arriving {
    /// Takes the link, if both halves are there and of the same workstation.
    fn complete(&mut self) -> Option<BluezLink> {
        let (reader, writer) = (self.reader.take()?, self.writer.take());
        match writer {
            Some(writer) if writer.device_address() == reader.device_address() => {
                let mtu = reader.mtu().min(writer.mtu()).clamp(MTU_MIN, MTU_MAX);
                Some(BluezLink { reader: Some(reader), writer: Some(writer), mtu })
            }
            other => {
                (self.reader, self.writer) = (Some(reader), other);
                None
            }
        }
    }

    /// Waits for one half; a later one replaces an earlier of the same kind.
    async fn next(&mut self) -> Result<(), RadioError> {
        let event = tokio::select! {
            event = self.writes.next() => event,
            event = self.subscriptions.next() => event,
        };
        match event.ok_or(RadioError::Disconnected)? {
            CharacteristicControlEvent::Write(request) => {
                let reader = request.accept().map_err(|error| failed("accept", error))?;
                self.reader = Some(reader);
            }
            CharacteristicControlEvent::Notify(writer) => self.writer = Some(writer),
        }
        Ok(())
    }
}

/// A link to a workstation.
struct BluezLink {
    reader: Option<CharacteristicReader>,
    writer: Option<CharacteristicWriter>,
    mtu: usize,
}

#[async_trait]
impl Connection for BluezLink {
    fn mtu(&self) -> usize {
        self.mtu
    }

    async fn send(&mut self, frame: &[u8]) -> Result<(), RadioError> {
        check_frame(frame, self.mtu)?;
        let writer = self.writer.as_ref().ok_or(RadioError::Disconnected)?;
        writer.send(frame).await.map_err(broken)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, RadioError> {
        let (Some(reader), Some(writer)) = (&self.reader, &self.writer) else {
            return Err(RadioError::Disconnected);
        };
        let frame = tokio::select! {
            biased;
            frame = reader.recv() => frame.map_err(broken)?,
            _ = writer.closed() => return Err(RadioError::Disconnected),
        };
        // A packet of no bytes is how the socket says that its other end is closed.
        if frame.is_empty() { Err(RadioError::Disconnected) } else { Ok(frame) }
    }

    async fn close(&mut self) {
        (self.reader, self.writer) = (None, None);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> RadioError {
    tracing::debug!(%error, "a link broke");
    RadioError::Disconnected
}

fn failed(action: &'static str, error: bluer::Error) -> RadioError {
    RadioError::Failed(action, Box::new(error))
}

fn unavailable(what: &str, error: bluer::Error) -> RadioError {
    RadioError::Unavailable(what.to_owned(), Some(Box::new(error)))
}
