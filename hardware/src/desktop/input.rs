//! When keyboard and pointer were touched last, from the kernel: desktops tell logind only that nobody did for minutes.
//!
//! What was typed is read, because there is no other way to notice, and thrown away unseen: the bytes are overwritten at once, and nothing but
//! the time is kept.
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{DesktopError, DesktopSession, SeatSession};

/// How often it is looked for devices that were plugged in.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Most devices that are watched.
const MOST: usize = 64;
/// Some events of `struct input_event`; how many are read at once does not matter.
const EVENTS: usize = 24 * 64;

/// A desktop that also knows when the machine's own keyboards and pointers were touched.
pub struct Touchable {
    desktop: Arc<dyn DesktopSession>,
    touched: Arc<Touched>,
}

/// When anything was touched, for all readers.
struct Touched {
    began: Instant,
    /// Milliseconds after `began`.
    last: AtomicU64,
    watched: AtomicUsize,
    open: Mutex<BTreeSet<PathBuf>>,
}

impl Touchable {
    /// Watches the devices `event*` in `devices` (`/dev/input`), as far as this account may read them, also those that are plugged in later. Those
    /// without a key or button, such as sensors, do not count: `class` (`/sys/class/input`) says so.
    pub fn watching(
        desktop: Arc<dyn DesktopSession>,
        devices: &Path,
        class: &Path,
    ) -> Result<Self, std::io::Error> {
        let touched = Arc::new(Touched {
            began: Instant::now(),
            last: AtomicU64::new(0),
            watched: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let (weak, devices, class) =
            (Arc::downgrade(&touched), devices.to_owned(), class.to_owned());
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            while look(&weak, &devices, &class) {
                std::thread::sleep(LOOK_AGAIN);
            }
        })?;
        Ok(Self { desktop, touched })
    }
}

/// Begins to read the devices that are new; `false` once nobody asks any more.
fn look(touched: &Weak<Touched>, devices: &Path, class: &Path) -> bool {
    let Some(known) = touched.upgrade() else { return false };
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let mut open = known.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST || open.contains(&path) || !is_touched(&path, class) {
            continue;
        }
        let Ok(device) = File::open(&path) else { continue };
        let (weak, name) = (Weak::clone(touched), path.clone());
        let reader = std::thread::Builder::new().name("input".to_owned());
        if reader.spawn(move || read(&weak, device, &name)).is_ok() {
            open.insert(path);
            known.watched.fetch_add(1, Ordering::SeqCst);
        }
    }
    true
}

/// Whether it is a device that somebody touches.
fn is_touched(path: &Path, class: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    if !name.starts_with("event") {
        return false;
    }
    let keys = fs::read_to_string(class.join(name).join("device/capabilities/key"));
    keys.map_or(true, |keys| keys.bytes().any(|b| b.is_ascii_hexdigit() && b != b'0'))
}

/// Notes each time that the device says something, until it is gone.
fn read(touched: &Weak<Touched>, mut device: File, path: &Path) {
    let mut unseen = Zeroizing::new([0_u8; EVENTS]);
    while let Ok(length) = device.read(unseen.as_mut_slice()) {
        unseen.fill(0);
        let Some(touched) = touched.upgrade() else { return };
        if length == 0 {
            break;
        }
        let now = u64::try_from(touched.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        touched.last.store(now, Ordering::SeqCst);
    }
    if let Some(touched) = touched.upgrade() {
        touched.watched.fetch_sub(1, Ordering::SeqCst);
        touched.open.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

#[async_trait]
impl DesktopSession for Touchable {
    async fn lock(&self) -> Result<(), DesktopError> {
        self.desktop.lock().await
    }

    async fn unlock(&self, account: &str) -> Result<(), DesktopError> {
        self.desktop.unlock(account).await
    }

    /// By the machine's own devices; where none can be read, by what the session says.
    async fn idle_for(&self) -> Result<Option<Duration>, DesktopError> {
        if self.touched.watched.load(Ordering::SeqCst) == 0 {
            return self.desktop.idle_for().await;
        }
        let last = Duration::from_millis(self.touched.last.load(Ordering::SeqCst));
        Ok(Some(self.touched.began.elapsed().saturating_sub(last)))
    }

    async fn sessions(&self) -> Result<Vec<SeatSession>, DesktopError> {
        self.desktop.sessions().await
    }

    fn controls(&self) -> bool {
        self.desktop.controls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::{Scripted, Uncontrolled};
    use std::io::Write as _;

    /// A folder with pipes for devices.
    fn devices(names: &[&str]) -> (tempfile::TempDir, Vec<File>) {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &&str| {
            let path = folder.path().join(name);
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
            File::options().read(true).write(true).open(&path).unwrap()
        };
        let pipes = names.iter().map(pipe).collect();
        (folder, pipes)
    }

    async fn until(mut done: impl AsyncFnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !done().await {
            assert!(Instant::now() < patience);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_key_is_noticed_and_a_sensor_is_not() {
        let (folder, mut pipes) = devices(&["event0", "event1", "mouse0"]);
        let class = tempfile::tempdir().unwrap();
        let sensor = class.path().join("event1/device/capabilities");
        fs::create_dir_all(&sensor).unwrap();
        fs::write(sensor.join("key"), "0 0\n").unwrap();
        let desktop =
            Touchable::watching(Arc::new(Uncontrolled), folder.path(), class.path()).unwrap();
        until(async || desktop.touched.watched.load(Ordering::SeqCst) == 1).await;
        let idle = async || desktop.idle_for().await.unwrap().unwrap();
        until(async || idle().await > Duration::from_millis(50)).await;
        pipes[1].write_all(&[1; 24]).unwrap();
        pipes[2].write_all(&[1; 24]).unwrap();
        let before = idle().await;
        assert!(before > Duration::from_millis(50));
        pipes[0].write_all(&[1; 24]).unwrap();
        until(async || idle().await < before).await;
    }

    #[tokio::test]
    async fn where_nothing_can_be_read_the_session_says_it() {
        let (folder, _pipes) = devices(&[]);
        let session = Scripted::with_sessions_of(&["ada"]);
        session.is_idle_for(Some(Duration::from_secs(7)));
        let desktop = Touchable::watching(Arc::new(session), folder.path(), folder.path()).unwrap();
        assert_eq!(desktop.idle_for().await.unwrap(), Some(Duration::from_secs(7)));
        assert_eq!(desktop.sessions().await.unwrap().len(), 1);
        assert!(desktop.controls());
    }
}
