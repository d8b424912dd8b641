//! What is said on the system bus.
use std::time::Duration;

use dbus::Path;
use dbus::arg::{PropMap, prop_cast};
use dbus::blocking::stdintf::org_freedesktop_dbus::Properties as _;
use dbus::blocking::{Connection, Proxy};
use dbus::channel::{BusType, Channel};
use jiff::Timestamp;

use super::super::{DesktopError, SeatSession};

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SEAT: &str = "org.freedesktop.login1.Seat";
const SESSION: &str = "org.freedesktop.login1.Session";
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Most sessions of a seat that are looked at.
const MOST_SESSIONS: usize = 64;

/// A connection to the system bus.
pub(super) struct Bus(Connection);

/// A session, and how to speak of it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: Path<'static>,
    pub(super) seen: SeatSession,
    /// Since when nobody touched it, where it says so.
    pub(super) idle_since: Option<Timestamp>,
}

impl Bus {
    /// Connects to `address`, or to the system's own bus.
    pub(super) fn connect(address: Option<&str>) -> Result<Self, DesktopError> {
        let unreachable = |error| DesktopError::Unreachable(Box::new(error));
        let channel = match address {
            Some(address) => {
                let mut channel = Channel::open_private(address).map_err(unreachable)?;
                channel.register().map_err(unreachable)?;
                channel
            }
            None => Channel::get_private(BusType::System).map_err(unreachable)?,
        };
        Ok(Self(Connection::from(channel)))
    }

    /// The graphical sessions of people at `seat`: no display manager's own, no text console.
    pub(super) fn graphical(&self, seat: &str) -> Result<Vec<Found>, DesktopError> {
        let manager = self.at(Path::from("/org/freedesktop/login1"));
        let found: Result<(Path<'static>,), _> = manager.method_call(MANAGER, "GetSeat", (seat,));
        let (path,) = found.map_err(|error| match error.name() {
            Some("org.freedesktop.login1.NoSuchSeat") => DesktopError::NoSeat(seat.to_owned()),
            _ => failed("find the seat", error),
        })?;
        let wanted = "name the sessions of the seat";
        let seat = self.at(path);
        let sessions: Vec<(String, Path<'static>)> =
            seat.get(SEAT, "Sessions").map_err(|error| missing_seat(wanted, error))?;
        let (front, _): (String, Path<'static>) =
            seat.get(SEAT, "ActiveSession").map_err(|error| failed(wanted, error))?;
        let mut found = vec![];
        for (id, path) in sessions.into_iter().take(MOST_SESSIONS) {
            found.extend(self.look(id, path, &front)?);
        }
        Ok(found)
    }

    fn look(
        &self,
        id: String,
        path: Path<'static>,
        front: &str,
    ) -> Result<Option<Found>, DesktopError> {
        let all: PropMap = match self.at(path.clone()).get_all(SESSION) {
            Ok(all) => all,
            Err(error) if has_ended(&error) => return Ok(None),
            Err(error) => return Err(failed("describe a session", error)),
        };
        let text = |name| prop_cast::<String>(&all, name).map_or("", String::as_str);
        let is = |name| prop_cast::<bool>(&all, name).is_some_and(|set| *set);
        let graphical = matches!(text("Type"), "x11" | "wayland" | "mir");
        if !graphical || text("Class") != "user" || text("State") == "closing" || is("Remote") {
            return Ok(None);
        }
        let since = prop_cast::<u64>(&all, "IdleSinceHint").copied();
        let since = since.filter(|_| is("IdleHint")).and_then(|micros| micros.try_into().ok());
        let idle_since = since.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let (account, locked) = (text("Name").to_owned(), is("LockedHint"));
        let in_front = id == front;
        Ok(Some(Found { path, seen: SeatSession { id, account, in_front, locked }, idle_since }))
    }

    /// Has the session's desktop lock its screen.
    pub(super) fn lock(&self, session: &Found) -> Result<(), DesktopError> {
        self.tell(session, "Lock", "lock the session")
    }

    /// Has the session's desktop open its lock.
    pub(super) fn unlock(&self, session: &Found) -> Result<(), DesktopError> {
        self.tell(session, "Unlock", "open the session")
    }

    /// Brings the session to the front.
    pub(super) fn activate(&self, session: &Found) -> Result<(), DesktopError> {
        self.tell(session, "Activate", "bring the session to the front")
    }

    fn tell(&self, session: &Found, what: &str, words: &'static str) -> Result<(), DesktopError> {
        let told: Result<(), _> = self.at(session.path.clone()).method_call(SESSION, what, ());
        match told {
            Err(error) if has_ended(&error) => Ok(()),
            told => told.map_err(|error| failed(words, error)),
        }
    }

    /// Whether the session says that it is locked; `None` when it has ended.
    pub(super) fn is_locked(&self, session: &Found) -> Result<Option<bool>, DesktopError> {
        match self.at(session.path.clone()).get(SESSION, "LockedHint") {
            Ok(locked) => Ok(Some(locked)),
            Err(error) if has_ended(&error) => Ok(None),
            Err(error) => Err(failed("say whether the session is locked", error)),
        }
    }

    fn at<'a>(&'a self, path: Path<'a>) -> Proxy<'a, &'a Connection> {
        self.0.with_proxy(LOGIND, path, ANSWER)
    }
}

/// A session that is no longer there.
fn has_ended(error: &dbus::Error) -> bool {
    matches!(
        error.name(),
        Some("org.freedesktop.login1.NoSuchSession" | "org.freedesktop.DBus.Error.UnknownObject")
    )
}

/// What else the bus says of an object that is not there.
fn missing_seat(wanted: &'static str, error: dbus::Error) -> DesktopError {
    match error.name() {
        Some(
            "org.freedesktop.DBus.Error.UnknownObject" | "org.freedesktop.DBus.Error.UnknownMethod",
        ) => DesktopError::NoSeat(error.message().unwrap_or_default().to_owned()),
        _ => failed(wanted, error),
    }
}

fn failed(what: &'static str, error: dbus::Error) -> DesktopError {
    match error.name() {
        Some(
            "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            | "org.freedesktop.DBus.Error.Disconnected"
            | "org.freedesktop.DBus.Error.NoServer",
        ) => DesktopError::Unreachable(Box::new(error)),
        Some("org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Timeout") => {
            DesktopError::Timeout
        }
        Some(
            "org.freedesktop.DBus.Error.AccessDenied"
            | "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
            | "org.freedesktop.DBus.Error.AuthFailed",
        ) => DesktopError::Forbidden(what, Box::new(error)),
        _ => DesktopError::Failed(what, Box::new(error)),
    }
}
