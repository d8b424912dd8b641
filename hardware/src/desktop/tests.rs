use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::*;

/// logind, played by other people's program on a bus of its own.
struct Seat {
    process: Child,
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
    address: String,
}

impl Seat {
    /// With a session for each of `accounts`, who may have manners; `None` if python-dbusmock is not installed.
    fn with(accounts: &[&str]) -> Option<Self> {
        let python = "/usr/bin/python3";
        let installed = Command::new(python).args(["-c", "import dbusmock"]).output();
        if !installed.is_ok_and(|looked| looked.status.success()) {
            println!("skipped: python3-dbusmock is not installed");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/foreign/logind.py");
        let mut process = Command::new(python)
            .arg(script)
            .args(accounts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let say = process.stdin.take();
        let mut hear = BufReader::new(process.stdout.take().unwrap());
        let mut address = String::new();
        hear.read_line(&mut address).unwrap();
        assert!(address.starts_with("unix:"), "logind did not come");
        Some(Self { process, say, hear, address: address.trim().to_owned() })
    }

    /// What the sessions were told since.
    fn told(&mut self) -> String {
        self.say.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        self.hear.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn desktop(&self, shared: &[&str], confirm: u16) -> Arc<dyn DesktopSession> {
        DesktopConfig::Logind {
            seat: "seat0".to_owned(),
            shared: shared.iter().map(|&account| account.to_owned()).collect(),
            confirm_milliseconds: confirm,
            bus: Some(self.address.clone()),
        }
        .open()
    }

    /// The bus is gone.
    fn stop(&mut self) {
        self.say = None;
        self.process.wait().unwrap();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.stop();
    }
}

fn states(sessions: &[SeatSession]) -> Vec<(&str, bool, bool)> {
    sessions.iter().map(|s| (s.account.as_str(), s.in_front, s.locked)).collect()
}

#[tokio::test]
async fn everybodys_screen_is_locked_and_only_hers_is_opened() {
    let Some(mut seat) = Seat::with(&["ada", "bob", "root:tty", "gdm:greeter"]) else { return };
    let desktop = seat.desktop(&[], 5000);
    let open = desktop.sessions().await.unwrap();
    assert_eq!(states(&open), [("ada", true, false), ("bob", false, false)]);

    desktop.lock().await.unwrap();
    assert_eq!(seat.told(), "c0 Lock, c1 Lock");
    let locked = desktop.sessions().await.unwrap();
    assert_eq!(states(&locked), [("ada", true, true), ("bob", false, true)]);

    // Hers comes to the front; his is locked again before hers opens.
    desktop.unlock("bob").await.unwrap();
    assert_eq!(seat.told(), "c0 Lock, c1 Activate, c1 Unlock");
    let switched = desktop.sessions().await.unwrap();
    assert_eq!(states(&switched), [("ada", false, true), ("bob", true, false)]);
}

#[tokio::test]
async fn nobody_elses_session_is_opened_but_a_shared_one_is() {
    let Some(mut seat) = Seat::with(&["ward:locked", "ada:locked"]) else { return };
    let refused = seat.desktop(&[], 5000).unlock("carla").await.unwrap_err();
    assert!(matches!(&refused, DesktopError::NoSession(account) if account == "carla"));
    assert_eq!(seat.told(), "");
    seat.desktop(&["ward"], 5000).unlock("carla").await.unwrap();
    assert_eq!(seat.told(), "c0 Unlock, c1 Lock");
    // A shared session that is not in front is nobody's to open.
    seat.desktop(&[], 5000).unlock("ada").await.unwrap();
    let refused = seat.desktop(&["ward"], 5000).unlock("carla").await.unwrap_err();
    assert!(matches!(refused, DesktopError::NoSession(_)));
}

#[tokio::test]
async fn a_screen_that_does_not_say_that_it_is_locked_is_an_error() {
    let Some(mut seat) = Seat::with(&["ada:deaf", "bob"]) else { return };
    let error = seat.desktop(&[], 100).lock().await.unwrap_err();
    assert_eq!(error.to_string(), "the screen of ada does not say that it is locked");
    // Each was asked, and one that never says is believed where the configuration says so.
    assert_eq!(seat.told(), "c0 Lock, c1 Lock");
    seat.desktop(&[], 0).lock().await.unwrap();
}

#[tokio::test]
async fn a_logind_that_refuses_is_told_from_one_that_is_not_there() {
    let Some(mut seat) = Seat::with(&["ada:forbidden", "bob"]) else { return };
    let desktop = seat.desktop(&[], 100);
    let error = desktop.lock().await.unwrap_err();
    assert!(matches!(error, DesktopError::Forbidden("lock the session", _)), "{error:?}");
    // What could be locked is.
    assert_eq!(seat.told(), "c0 Lock, c1 Lock");
    let elsewhere = DesktopConfig::Logind {
        seat: "seat7".to_owned(),
        shared: vec![],
        confirm_milliseconds: 100,
        bus: Some(seat.address.clone()),
    };
    let error = elsewhere.open().lock().await.unwrap_err();
    assert!(matches!(error, DesktopError::NoSeat(_)), "{error:?}");
    seat.stop();
    let error = desktop.lock().await.unwrap_err();
    assert!(matches!(error, DesktopError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_session_says_since_when_nobody_touched_it_or_says_nothing() {
    let Some(seat) = Seat::with(&["ada:idle", "bob"]) else { return };
    let idle = seat.desktop(&[], 100).idle_for().await.unwrap().unwrap();
    assert!((90..120).contains(&idle.as_secs()), "{idle:?}");
    let Some(seat) = Seat::with(&["bob", "ada:idle"]) else { return };
    assert_eq!(seat.desktop(&[], 100).idle_for().await.unwrap(), None);
}

#[tokio::test]
async fn a_bus_that_says_nothing_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let desktop = logind::Logind::new(logind::Settings {
        seat: "seat0".to_owned(),
        shared: vec![],
        confirm: Duration::ZERO,
        patience: Duration::from_millis(50),
        bus: Some(format!("unix:path={}", path.display())),
    });
    let error = desktop.lock().await.unwrap_err();
    assert!(matches!(error, DesktopError::Timeout), "{error:?}");
    // Hangs up on the thread that still waits.
    drop(silent.accept());
}

#[tokio::test]
async fn a_machine_without_desktops_has_nothing_to_lock() {
    let none = DesktopConfig::default().open();
    none.lock().await.unwrap();
    none.unlock("ada").await.unwrap();
    assert!(none.sessions().await.unwrap().is_empty());
    assert_eq!(none.idle_for().await.unwrap(), None);
}

#[tokio::test]
async fn a_scripted_desktop_keeps_to_the_same_rules() {
    let desktop = Scripted::with_sessions_of(&["ward", "ada"]).shared_by_all("ward");
    desktop.lock().await.unwrap();
    assert!(desktop.sessions().await.unwrap().iter().all(|session| session.locked));
    desktop.unlock("carla").await.unwrap();
    desktop.unlock("ada").await.unwrap();
    assert_eq!(
        states(&desktop.sessions().await.unwrap()),
        [("ward", false, true), ("ada", true, false)]
    );
    desktop.unlock("carla").await.unwrap_err();
    desktop.fails(true);
    desktop.lock().await.unwrap_err();
    assert_eq!(desktop.take_told(), ["lock", "unlock carla", "unlock ada", "unlock carla", "lock"]);
}
