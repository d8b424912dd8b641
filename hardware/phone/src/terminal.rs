//! A terminal as the phone's screen, and the signals that end it.
use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use imp_hardware::ble::{Peripheral, PeripheralConfig, RadioError};
use imp_phone::{Notice, Question, Screen, explain};
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Between two attempts to open the radio: Bluetooth may start later than the phone.
const RADIO_WAIT: Duration = Duration::from_secs(5);

/// Prints notices, asks on the terminal.
pub(crate) struct Terminal {
    zone: TimeZone,
    typed: Mutex<Option<mpsc::Receiver<String>>>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self { zone: TimeZone::system(), typed: Mutex::new(None) }
    }
}

#[async_trait]
impl Screen for Terminal {
    fn show(&self, notice: &Notice) {
        print(&notice.sentence(&self.zone));
    }

    async fn ask(&self, question: &Question) -> bool {
        let mut typed = self.typed.lock().await;
        let lines = typed.get_or_insert_with(read_lines);
        // What was typed before the question is no answer to it.
        while lines.try_recv().is_ok() {}
        loop {
            print(&format!("{} [y/n]", question.sentence()));
            match lines.recv().await.as_deref().map(str::trim) {
                Some("y" | "Y" | "yes") => return true,
                Some("n" | "N" | "no") | None => return false,
                Some(_) => {}
            }
        }
    }
}

/// Reads the terminal in a thread of its own: such a read cannot be cancelled and must not keep the phone from ending.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if let Err(mpsc::error::TrySendError::Closed(_)) = sender.try_send(line) {
                return;
            }
        }
    });
    receiver
}

/// One line of the terminal; `None` at its end.
pub(crate) fn read_line() -> Option<String> {
    io::stdin().lock().lines().next()?.ok()
}

/// One line on standard output; a reader who has gone does not matter.
pub(crate) fn print(line: &str) {
    let _gone = writeln!(io::stdout(), "{line}");
}

/// One line on standard error.
pub(crate) fn print_error(line: &str) {
    let _gone = writeln!(io::stderr(), "{line}");
}

/// Cancelled by SIGTERM or SIGINT.
pub(crate) fn shutdown() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancelled = token.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a signal until the process ends: shutdown must not wait for it"
    )]
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}

/// Opens the radio, and tries again while it is not there; `None` when the phone was stopped meanwhile.
pub(crate) async fn open_radio(
    config: &PeripheralConfig,
    screen: &dyn Screen,
    shutdown: &CancellationToken,
) -> Result<Option<Arc<dyn Peripheral>>, RadioError> {
    let mut said = false;
    loop {
        match config.open().await {
            Ok(peripheral) => return Ok(Some(peripheral)),
            Err(error @ RadioError::Configuration(_)) => return Err(error),
            Err(error) if !said => screen.show(&Notice::RadioFailed(explain(&error))),
            Err(_) => {}
        }
        said = true;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(RADIO_WAIT) => {}
        }
    }
}
