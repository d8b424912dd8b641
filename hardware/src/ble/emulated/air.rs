//! An air inside one process, for tests.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::interval;

use super::lane::Wire;
use super::link::EmulatedConnection;
use super::recording::{Passed, Recorder};
use super::script::SharedScript;
use super::{ACCEPT_QUEUE, SCAN_INTERVAL, SCAN_QUEUE};
use crate::ble::task::start;
use crate::ble::{Address, Advertisement, Central, Connection, Peripheral, RadioError};

/// Phones and workstations of one process meet here.
#[derive(Default)]
pub struct Air {
    phones: Mutex<BTreeMap<Address, Phone>>,
    recording: Arc<Mutex<Vec<Passed>>>,
}

struct Phone {
    identifier: Option<[u8; 8]>,
    script: SharedScript,
    callers: mpsc::Sender<EmulatedConnection>,
}

impl Air {
    /// An empty air.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A workstation's radio.
    pub fn central(self: &Arc<Self>) -> Arc<dyn Central> {
        Arc::new(AirCentral(Arc::clone(self)))
    }

    /// A phone's radio, called `name` on this air, until it is dropped.
    pub fn peripheral(self: &Arc<Self>, name: &str, script: SharedScript) -> Arc<dyn Peripheral> {
        let address = Address::new(name);
        let (callers, accept) = mpsc::channel(ACCEPT_QUEUE);
        self.phones().insert(address.clone(), Phone { identifier: None, script, callers });
        Arc::new(AirPeripheral {
            air: Arc::clone(self),
            address,
            accept: tokio::sync::Mutex::new(accept),
        })
    }

    /// Everything that has passed so far, including what was lost afterwards.
    pub fn recording(&self) -> Vec<Passed> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn recorder(&self) -> Recorder {
        Recorder::Memory(Arc::clone(&self.recording))
    }

    fn phones(&self) -> MutexGuard<'_, BTreeMap<Address, Phone>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> Vec<Advertisement> {
        let phones = self.phones();
        let heard = phones.iter().filter_map(|(address, phone)| {
            let now = phone.script.now();
            let identifier = phone.identifier.filter(|_| !now.absent && !now.silent)?;
            Some(Advertisement { address: address.clone(), identifier, rssi: now.rssi })
        });
        heard.collect()
    }
}

struct AirCentral(Arc<Air>);

#[async_trait]
impl Central for AirCentral {
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError> {
        let (heard, receiver) = mpsc::channel(SCAN_QUEUE);
        let air = Arc::clone(&self.0);
        start(async move {
            let mut interval = interval(SCAN_INTERVAL);
            loop {
                tokio::select! {
                    () = heard.closed() => return,
                    _ = interval.tick() => {}
                }
                for advertisement in air.heard() {
                    // A listener that does not keep up misses some, as on a real radio.
                    let _ = heard.try_send(advertisement);
                }
            }
        });
        Ok(receiver)
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError> {
        let unreachable = || RadioError::NotInReach(address.clone());
        let phones = self.0.phones();
        let phone = phones.get(address).ok_or_else(unreachable)?;
        let now = phone.script.now();
        if now.absent || phone.identifier.is_none() {
            return Err(unreachable());
        }
        let wire = Wire::new(phone.script.clone(), self.0.recorder());
        let (central, peripheral) = EmulatedConnection::pair(now.mtu, &wire);
        phone.callers.try_send(peripheral).map_err(|_| unreachable())?;
        Ok(Box::new(central))
    }
}

struct AirPeripheral {
    air: Arc<Air>,
    address: Address,
    accept: tokio::sync::Mutex<mpsc::Receiver<EmulatedConnection>>,
}

#[async_trait]
impl Peripheral for AirPeripheral {
    async fn advertise(&self, identifier: [u8; 8]) -> Result<(), RadioError> {
        if let Some(phone) = self.air.phones().get_mut(&self.address) {
            phone.identifier = Some(identifier);
        }
        self.air.recorder().record(Passed::Advertisement(identifier));
        Ok(())
    }

    async fn accept(&self) -> Result<Box<dyn Connection>, RadioError> {
        let connection = self.accept.lock().await.recv().await.ok_or(RadioError::Disconnected)?;
        Ok(Box::new(connection))
    }
}

impl Drop for AirPeripheral {
    fn drop(&mut self) {
        self.air.phones().remove(&self.address);
    }
}
