//! Listens for phones, and starts again when the scan stalls or the adapter was lost.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use btleplug::api::{Central as _, CentralEvent, CentralState, Peripheral as _};
use btleplug::platform::{Adapter, PeripheralId};
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::central::{Adapters, failed};
use crate::ble::{Address, Advertisement, RadioError, SERVICE};

/// A scan that heard nothing for so long is started again: `BlueZ` scans sometimes stall.
const STALL: Duration = Duration::from_secs(10);
/// How long to wait before looking for a lost adapter again.
const RETRY: Duration = Duration::from_secs(2);
/// Phones whose identifier is remembered; a corridor holds fewer.
const REMEMBERED: usize = 1024;

/// See the [module](self).
pub(super) struct Listener {
    adapters: Arc<Adapters>,
    heard: mpsc::Sender<Advertisement>,
    identifiers: HashMap<PeripheralId, [u8; 8]>,
}

impl Listener {
    pub(super) fn new(adapters: Arc<Adapters>, heard: mpsc::Sender<Advertisement>) -> Self {
        Self { adapters, heard, identifiers: HashMap::new() }
    }

    /// Runs until nobody listens any more.
    pub(super) async fn run(mut self) {
        loop {
            match self.listen().await {
                Ok(()) => return,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "listening for phones was interrupted"
                ),
            }
            tokio::select! {
                () = self.heard.closed() => return,
                () = sleep(RETRY) => {}
            }
        }
    }

    /// Listens on the adapter as long as it is there; ends well when nobody listens any more.
    async fn listen(&mut self) -> Result<(), RadioError> {
        let adapter = self.adapters.current().await?;
        let events = adapter.events().await.map_err(|error| failed("listen for phones", error))?;
        self.adapters.listening().fetch_add(1, Ordering::AcqRel);
        let result = match self.adapters.listen(&adapter).await {
            Ok(()) => self.follow(&adapter, events).await,
            Err(error) => Err(error),
        };
        self.adapters.listening().fetch_sub(1, Ordering::AcqRel);
        if let Err(error) = adapter.stop_scan().await {
            tracing::debug!(%error, "the scan had ended already");
        }
        result
    }

    async fn follow(
        &mut self,
        adapter: &Adapter,
        mut events: impl futures::Stream<Item = CentralEvent> + Unpin,
    ) -> Result<(), RadioError> {
        let mut stalled = Instant::now() + STALL;
        loop {
            tokio::select! {
                () = self.heard.closed() => return Ok(()),
                event = events.next() => {
                    let event = event.ok_or(RadioError::Disconnected)?;
                    if self.take(adapter, event).await? {
                        stalled = Instant::now() + STALL;
                    }
                }
                () = sleep_until(stalled) => {
                    // It may have stalled, or nobody may be there: starting again does no harm.
                    self.adapters.listen(adapter).await?;
                    stalled = Instant::now() + STALL;
                }
            }
        }
    }

    /// Looks at one event; whether a phone was heard.
    async fn take(&mut self, adapter: &Adapter, event: CentralEvent) -> Result<bool, RadioError> {
        match event {
            CentralEvent::StateUpdate(CentralState::PoweredOff) => {
                Err(RadioError::Off("in use".to_owned()))
            }
            CentralEvent::RssiUpdate { id, rssi } => Ok(self.report(&id, measured(rssi))),
            CentralEvent::ServiceDataAdvertisement { id, service_data } => {
                let Some(identifier) = identifier_in(&service_data) else { return Ok(false) };
                self.remember(id.clone(), identifier);
                let rssi = self.strength(adapter, &id).await;
                Ok(self.report(&id, rssi.and_then(measured)))
            }
            CentralEvent::DeviceDiscovered(id) => {
                // What BlueZ remembers from long ago has no signal strength.
                let rssi = self.strength(adapter, &id).await;
                Ok(rssi.is_some() && self.report(&id, rssi.and_then(measured)))
            }
            CentralEvent::StateUpdate(_)
            | CentralEvent::DeviceUpdated(_)
            | CentralEvent::DeviceConnected(_)
            | CentralEvent::DeviceDisconnected(_)
            | CentralEvent::DeviceServicesModified(_)
            | CentralEvent::ManufacturerDataAdvertisement { .. }
            | CentralEvent::ServicesAdvertisement { .. } => Ok(false),
        }
    }

    /// The signal strength that `BlueZ` knows; learns the identifier on the way.
    async fn strength(&mut self, adapter: &Adapter, id: &PeripheralId) -> Option<i16> {
        let properties = adapter.peripheral(id).await.ok()?.properties().await.ok()??;
        if let Some(identifier) = identifier_in(&properties.service_data) {
            self.remember(id.clone(), identifier);
        }
        properties.rssi
    }

    fn remember(&mut self, id: PeripheralId, identifier: [u8; 8]) {
        if self.identifiers.len() >= REMEMBERED {
            self.identifiers.clear();
        }
        self.identifiers.insert(id, identifier);
    }

    fn report(&self, id: &PeripheralId, rssi: Option<i16>) -> bool {
        let Some(identifier) = self.identifiers.get(id) else { return false };
        let address = Address::new(id.to_string());
        // A listener that does not keep up misses some; the next comes soon.
        let _ = self.heard.try_send(Advertisement { address, identifier: *identifier, rssi });
        true
    }
}

/// A signal strength in dBm that was measured: 127 says that it was not (Core 5.4, Vol 4, Part E, §7.7.65.2).
pub(super) fn measured(rssi: i16) -> Option<i16> {
    (rssi != 127).then_some(rssi)
}

/// Our service data, if it is of the right length.
pub(super) fn identifier_in(service_data: &HashMap<uuid::Uuid, Vec<u8>>) -> Option<[u8; 8]> {
    service_data.get(&SERVICE)?.as_slice().try_into().ok()
}
