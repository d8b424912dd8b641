//! The agent: the parts of a workstation and what they know of each other. [`crate::tap`], [`crate::enrolment`] and [`crate::upkeep`]
//! say what it does.
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use imp_api::tap::Session;
use imp_api::{Client, ClientError};
use imp_authenticator::tls::TlsError;
use imp_biometrics::Engine;
use imp_hardware::ble::Central;
use imp_hardware::camera::{Camera, CameraError};
use imp_hardware::desktop::DesktopSession;
use imp_hardware::keystore::Keystore;
use imp_hardware::security_key::SecurityKey;
use imp_identity::tap::Purpose;
use imp_identity::{Clock, PhoneId};
use imp_service::Shutdown;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::config::ClientConfig;
use crate::credentials::{CredentialsError, Standing};
use crate::desktop::Desktop;
use crate::journal::Journal;
use crate::leaving::{self, Departures};
use crate::links::Links;
use crate::looking::Looking;
use crate::outbox::{Message, Outbox};
use crate::prefetch::Prefetch;
use crate::presence::Presence;
use crate::roster::RosterKeeper;
use crate::screen::{self, Screen};
use crate::server::Server;
use crate::state::{StateDirectory, StateError, StateLock};
use crate::status::RadioState;
use crate::tap::TapReport;
use crate::{crash, upkeep, watch};

/// Opens the camera; called for each tap, so that it looks at nobody in between.
pub type CameraFactory = Arc<dyn Fn() -> Result<Box<dyn Camera>, CameraError> + Send + Sync>;

/// Sees path and body of every request to the server before it is sent.
#[cfg(feature = "emulator")]
pub type Recorder = Arc<dyn Fn(&str, &[u8]) + Send + Sync>;

/// What a workstation sees, hears, and signs with.
#[derive(Clone)]
pub struct Devices {
    /// Hears phones.
    pub central: Arc<dyn Central>,
    /// Sees faces.
    pub camera: CameraFactory,
    /// Holds the machine's key.
    pub keystore: Arc<dyn Keystore>,
    /// Signs for whoever holds it.
    pub keys: Arc<dyn SecurityKey>,
    /// Locks the screen, and opens it.
    pub desktop: Arc<dyn DesktopSession>,
    /// Recognises faces.
    pub engine: Arc<Engine>,
}

/// What an agent is made of.
#[derive(Clone)]
pub struct Parts {
    /// What it is told.
    pub config: ClientConfig,
    /// Where it keeps things.
    pub state: StateDirectory,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Its devices.
    pub devices: Devices,
    /// Sees what leaves for the server.
    #[cfg(feature = "emulator")]
    pub recorder: Option<Recorder>,
}

/// A workstation's agent.
pub struct Agent {
    pub(crate) config: ClientConfig,
    pub(crate) state: StateDirectory,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) devices: Devices,
    pub(crate) server: Server,
    pub(crate) standing: RwLock<Arc<Standing>>,
    pub(crate) roster: Arc<RosterKeeper>,
    pub(crate) presence: Mutex<Presence>,
    pub(crate) prefetch: Mutex<Prefetch>,
    pub(crate) outbox: Outbox,
    /// What was decided here without the server.
    pub(crate) journal: Arc<Journal>,
    /// One report of it at a time.
    pub(crate) reconciling: tokio::sync::Mutex<()>,
    /// A phone was heard that was not near before, or became known.
    pub(crate) news: Notify,
    /// Somebody wants the roster to be asked for.
    pub(crate) roster_wanted: Notify,
    /// The server has to be told something.
    pub(crate) outbox_wanted: Notify,
    /// One tap or enrolment at a time: there is one camera, and one person before it.
    pub(crate) busy: tokio::sync::Mutex<()>,
    /// One enrolment at a time.
    pub(crate) enrolling: tokio::sync::Mutex<()>,
    /// Held while the camera is open, also by a tap that was given up.
    pub(crate) camera: Arc<tokio::sync::Mutex<()>>,
    /// What the person before the screen is shown.
    pub(crate) looking: Arc<Looking>,
    /// Whether whoever is at work has left.
    pub(crate) departures: Departures,
    /// The link to her phone.
    pub(crate) links: Arc<Links>,
    /// The machine's own screen.
    pub(crate) screen: Screen,
    pub(crate) radio: Mutex<RadioState>,
    /// Whether the server says at once what changes of the sessions here.
    pub(crate) watching: AtomicBool,
    pub(crate) shutdown: Shutdown,
    /// Seconds by which this machine's clock is ahead of the server's.
    pub(crate) clock_ahead: Mutex<Option<i64>>,
    desktop: Mutex<Held>,
    last_tap: Mutex<Option<TapReport>>,
    _lock: StateLock,
}

/// The desktop, and how often it was changed by something else than the server's list of sessions.
#[derive(Debug, Default)]
struct Held {
    desktop: Desktop,
    changes: u64,
}

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The workstation is not enrolled, or not rightly.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No TLS configuration for the server.
    #[error("the connection to the server cannot be prepared")]
    Tls(#[from] TlsError),
    /// No client for the server.
    #[error("the connection to the server cannot be prepared")]
    Client(#[from] ClientError),
}

impl Agent {
    /// Starts: takes up what is kept, asks the server who is signed in, listens for phones. A server or radio that is down does not keep it
    /// from starting.
    pub async fn start(parts: Parts, shutdown: &Shutdown) -> Result<Arc<Self>, StartError> {
        let agent = Arc::new(Self::new(parts, shutdown.clone()).await?);
        agent.tell().await;
        agent.refresh_sessions().await;
        if let Err(error) = agent.refresh_roster().await {
            tracing::warn!(error = %error, "starting without a new roster");
        }
        shutdown.spawn(upkeep::listen(agent.clone()));
        shutdown.spawn(upkeep::keep_up(agent.clone()));
        shutdown.spawn(watch::watch(agent.clone()));
        shutdown.spawn(screen::keep(agent.clone()));
        shutdown.spawn(leaving::watch(agent.clone()));
        Ok(agent)
    }

    async fn new(parts: Parts, shutdown: Shutdown) -> Result<Self, StartError> {
        let lock = parts.state.lock()?;
        let (standing, roster, journal) = take_up(&parts).await?;
        let client =
            Client::new(&standing.stored.server, standing.server_tls(parts.clock.clone())?)?;
        let server = Server::new(client);
        #[cfg(feature = "emulator")]
        let server = server.recording(parts.recorder);
        let Parts { config, state, clock, devices, .. } = parts;
        let memory = Duration::from_secs(config.limits.presence_seconds.into());
        Ok(Self {
            server,
            roster: Arc::new(roster),
            journal: Arc::new(journal),
            reconciling: tokio::sync::Mutex::default(),
            standing: RwLock::new(Arc::new(standing)),
            presence: Mutex::new(Presence::new(memory)),
            prefetch: Mutex::default(),
            outbox: Outbox::open(state.clone())?,
            news: Notify::new(),
            roster_wanted: Notify::new(),
            outbox_wanted: Notify::new(),
            busy: tokio::sync::Mutex::default(),
            enrolling: tokio::sync::Mutex::default(),
            camera: Arc::default(),
            looking: Arc::default(),
            departures: Departures::new(&config.walk_away),
            links: Arc::default(),
            screen: Screen::new(devices.desktop.clone(), config.accounts.clone()),
            radio: Mutex::default(),
            watching: AtomicBool::new(false),
            clock_ahead: Mutex::default(),
            desktop: Mutex::default(),
            last_tap: Mutex::default(),
            config,
            state,
            clock,
            devices,
            shutdown,
            _lock: lock,
        })
    }

    /// Locks the desktop, whether or not the server can be told now. What is to be told is kept first: a crash in between leaves the desktop
    /// locked. The screen is locked before the session is suspended; one that does not obey does not keep the server from being told.
    pub async fn lock(&self) {
        self.change_desktop(|desktop| {
            let (desktop, suspended) = desktop.lock();
            if let Some(session) = suspended {
                self.outbox.put(Message::Suspend { session });
            }
            desktop
        });
        crash::point("lock:locked");
        self.settle_screen_soon().await;
        let patience = Duration::from_secs(2);
        let _told_or_later = tokio::time::timeout(patience, self.tell()).await;
        crash::point("lock:told");
    }

    /// Opens the desktop to whom the server let in, or closes it after she signed out. `phone` is what she tapped with.
    pub(crate) fn admit(&self, purpose: Purpose, session: Session, phone: Option<PhoneId>) {
        let mut before = Desktop::Unknown;
        self.change_desktop(|desktop| {
            before = desktop.clone();
            // This is newer than any suspension that still waits, and would be undone by it.
            self.outbox.forget_suspensions(session.id);
            let (desktop, displaced) = desktop.accept(purpose, session);
            if let Some(other) = displaced {
                self.outbox.put(Message::Suspend { session: other.id });
                self.outbox_wanted.notify_one();
            }
            desktop
        });
        self.attend(&before, phone);
    }

    /// Who is signed in now.
    pub fn desktop(&self) -> Desktop {
        let now = self.clock.now();
        let mut held = self.held();
        held.desktop = std::mem::take(&mut held.desktop).expire(now);
        held.desktop.clone()
    }

    /// Changes the desktop, after whose session is over was signed out.
    pub(crate) fn change_desktop(&self, change: impl FnOnce(Desktop) -> Desktop) {
        let now = self.clock.now();
        let mut held = self.held();
        held.desktop = change(std::mem::take(&mut held.desktop).expire(now));
        held.changes += 1;
        drop(held);
        self.screen.notice();
        self.notice();
    }

    /// Has everybody look who follows the workstation's status.
    pub(crate) fn notice(&self) {
        self.looking.notice();
    }

    /// Asks the server who is signed in here. A server that does not answer changes nothing.
    pub async fn refresh_sessions(&self) {
        let asked_at = self.changes();
        let Ok(answer) = self.server.sessions().await else { return };
        self.follow(&answer.sessions, asked_at);
    }

    /// How often the desktop was changed by something else than the server's list of sessions.
    pub(crate) fn changes(&self) -> u64 {
        self.held().changes
    }

    /// Follows what the server said of the sessions here, unless a tap or lock came after the question: then it says nothing. A session that is
    /// active at the server while this workstation has just restarted is suspended: only a tap opens the desktop, and the server should know
    /// that it is closed. Says whether it followed.
    pub(crate) fn follow(&self, sessions: &[Session], asked_at: u64) -> bool {
        let now = self.clock.now();
        let mut held = self.held();
        if held.changes != asked_at || self.journal.is_waiting() {
            return false;
        }
        let before = std::mem::take(&mut held.desktop);
        let restarted = before == Desktop::Unknown;
        held.desktop = before.follow(sessions, now);
        let active = held.desktop.session().filter(|s| restarted && s.state == "active");
        if let Some(session) = active.map(|session| session.id)
            && !self.outbox.suspensions().contains(&session)
        {
            self.outbox.put(Message::Suspend { session });
            self.outbox_wanted.notify_one();
        }
        drop(held);
        self.screen.notice();
        self.notice();
        true
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.desktop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Certificate and key in use.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last tap that came to an end.
    pub fn last_tap(&self) -> Option<TapReport> {
        self.last_tap.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember_tap(&self, report: TapReport) {
        *self.last_tap.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
        self.notice();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn prefetch(&self) -> MutexGuard<'_, Prefetch> {
        self.prefetch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads credentials, key, kept roster and journal; a TPM may take a while.
async fn take_up(parts: &Parts) -> Result<(Standing, RosterKeeper, Journal), CredentialsError> {
    let (state, keystore, clock) =
        (parts.state.clone(), parts.devices.keystore.clone(), parts.clock.clone());
    let load = move || {
        let now = clock.now();
        let standing = Standing::load(&state, keystore.as_ref(), clock)?;
        let journal = Journal::open(state.clone(), keystore.clone());
        let roster = RosterKeeper::open(state, keystore, &standing.stored, now);
        Ok((standing, roster, journal))
    };
    tokio::task::spawn_blocking(load)
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
