//! The phone while it serves, and what the app's radio tells it.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::errors::ServeError;
use crate::radio::{AppPeripheral, Doorbell, Radio};
use crate::screen::{AppScreen, Consent, Screen};
use crate::threads::Threads;

/// The phone on the air, until it is stopped. The app tells it what happens on its GATT server.
#[derive(uniffi::Object)]
pub struct Service {
    threads: Arc<Threads>,
    radio: Arc<dyn Radio>,
    doorbell: Doorbell,
    shutdown: CancellationToken,
    task: Mutex<Option<JoinHandle<Result<(), imp_phone::ServeError>>>>,
}

impl Service {
    /// Begins to serve; returns when the phone listens, or says why it cannot.
    pub(crate) fn start(
        threads: Arc<Threads>,
        phone: imp_phone::Phone,
        radio: Arc<dyn Radio>,
        screen: Arc<dyn Screen>,
        consent: Consent,
    ) -> Result<Self, ServeError> {
        let listening = Arc::new(Notify::new());
        let (peripheral, doorbell) = AppPeripheral::new(Arc::clone(&radio), Arc::clone(&listening));
        let shutdown = CancellationToken::new();
        let clock = Arc::new(imp_identity::clock::SystemClock);
        let serving = imp_phone::Serving::new(Arc::new(peripheral), clock)
            .screen(Arc::new(AppScreen::new(screen, threads.handle())))
            .consent(consent.into());
        let (until, advertiser) = (shutdown.clone(), Arc::clone(&radio));
        let mut task = threads.handle().spawn(async move {
            let ended = phone.serve(serving, until).await;
            // Threads that are ending stop it by dropping the service.
            let _ = spawn_blocking(move || advertiser.stop_advertising()).await;
            ended
        });
        let failed = threads.wait(async {
            tokio::select! {
                () = listening.notified() => None,
                ended = &mut task => Some(ended),
            }
        });
        match failed {
            None => {}
            Some(Ok(Err(error))) => return Err(error.into()),
            Some(Ok(Ok(())) | Err(_)) => {
                return Err(ServeError::Identity("the phone stopped while it began".to_owned()));
            }
        }
        Ok(Self { threads, radio, doorbell, shutdown, task: Mutex::new(Some(task)) })
    }
}

#[uniffi::export]
impl Service {
    /// A workstation has subscribed to *outbound*, with this ATT MTU in bytes. `link` is the app's number for it, used once.
    /// False: the phone has too many already, and the app ends the link.
    pub fn link_opened(&self, link: u64, mtu: u16) -> bool {
        self.doorbell.opened(link, mtu)
    }

    /// The workstation has written this value to *inbound*.
    pub fn frame_written(&self, link: u64, frame: Vec<u8>) {
        self.doorbell.links().frame(link, frame);
    }

    /// The workstation is gone.
    pub fn link_closed(&self, link: u64) {
        self.doorbell.links().closed(link);
    }

    /// Whether it still serves.
    pub fn is_serving(&self) -> bool {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Ends conversations, advertises no longer, and returns when that is done: after 3 s at most.
    pub fn stop(&self) {
        self.shutdown.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // How it ended no longer matters.
            let _ = self.threads.wait(task);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if self.is_serving() {
            // An app that throws panics here, where nobody could be told.
            let _ = catch_unwind(AssertUnwindSafe(|| self.radio.stop_advertising()));
        }
    }
}
