//! Serving: on the air, answering workstations, keeping the certificate fresh, until told to stop.
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use imp_authenticator::{KnockGate, TlsError, identifier, tls};
use imp_hardware::ble::{Connection, Conversation, ConversationError, Peripheral, RadioError};
use imp_identity::Clock;
use rustls::ServerConfig;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Phone;
use crate::attend::{Attendant, explain};
use crate::conduct::{Conduct, Honest};
use crate::crash;
use crate::erase::Told;
use crate::holder::{Holder, HolderError};
use crate::renew::Retry;
use crate::screen::{Notice, Screen, Silent};
use crate::state::StateError;

/// How often the clock is looked at: it may jump, or be a virtual one.
const TICK: Duration = Duration::from_secs(1);
/// The longest time from connecting to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Workstations that may be connected at the same time.
const MOST_CONVERSATIONS: usize = 8;
/// The longest wait for conversations to end.
const FAREWELL: Duration = Duration::from_secs(3);
/// Waits after a failure of the radio double from the first to the last.
const RADIO_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Whose press counts as intent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The press at the workstation is enough.
    #[default]
    AtWorkstation,
    /// Each request is confirmed on the phone.
    OnPhone,
}

/// What the phone serves with.
#[derive(Clone)]
pub struct Serving {
    peripheral: Arc<dyn Peripheral>,
    clock: Arc<dyn Clock>,
    screen: Arc<dyn Screen>,
    consent: Consent,
    conduct: Arc<dyn Conduct>,
}

/// The phone could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody's phone.
    #[error(
        "this phone is not bound: run `imp-phone bind` with the invitation of the enrolment desk"
    )]
    NotBound,
    /// It serves already.
    #[error("this phone is running already")]
    Serving,
    /// Its key or binding.
    #[error("this phone cannot act as the one it was bound as")]
    Holder(#[from] HolderError),
    /// Its certificate.
    #[error("the certificate of this phone cannot be used")]
    Tls(#[from] TlsError),
    /// The state directory.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
}

impl Serving {
    /// Over this radio, by this clock, with nobody at the screen.
    pub fn new(peripheral: Arc<dyn Peripheral>, clock: Arc<dyn Clock>) -> Self {
        Self {
            peripheral,
            clock,
            screen: Arc::new(Silent),
            consent: Consent::default(),
            conduct: Arc::new(Honest),
        }
    }

    /// The same, with a screen.
    #[must_use]
    pub fn screen(self, screen: Arc<dyn Screen>) -> Self {
        Self { screen, ..self }
    }

    /// The same, with another rule for intent.
    #[must_use]
    pub fn consent(self, consent: Consent) -> Self {
        Self { consent, ..self }
    }

    /// The same phone, patched by somebody dishonest.
    #[cfg(feature = "emulator")]
    #[must_use]
    pub fn misbehaving(self, misbehaviour: crate::Misbehaviour) -> Self {
        Self { conduct: Arc::new(misbehaviour), ..self }
    }
}

impl Phone {
    /// Serves until `shutdown` is cancelled. A failing radio is tried again, forever.
    pub async fn serve(
        &self,
        serving: Serving,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let _claim = self.state().claim_serving()?.ok_or(ServeError::Serving)?;
        let holder = Holder::load(self)?.ok_or(ServeError::NotBound)?;
        let gate = KnockGate::new(*holder.binding.identifier_key.expose());
        let current = RwLock::new(Current::new(holder, &serving.clock)?);
        let busy = Arc::new(Semaphore::new(1));
        let site = Site { serving, gate, current, busy };
        let mut conversations = JoinSet::new();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = site.advertise() => {}
            () = site.maintain() => {}
            () = site.listen(&mut conversations, &shutdown) => {}
        }
        let ended = async { while conversations.join_next().await.is_some() {} };
        // What has not ended by then is dropped, which ends the link.
        let _late = timeout(FAREWELL, ended).await;
        site.serving.screen.show(&Notice::Stopped);
        Ok(())
    }
}

/// The phone as it is now: renewal puts another in its place.
#[derive(Clone)]
struct Current {
    holder: Arc<Holder>,
    tls: Arc<ServerConfig>,
}

impl Current {
    fn new(holder: Holder, clock: &Arc<dyn Clock>) -> Result<Self, TlsError> {
        let tls =
            tls::phone_to_workstation(&holder.identity(), &holder.anchors(), Arc::clone(clock))?;
        Ok(Self { holder: Arc::new(holder), tls })
    }
}

struct Site {
    serving: Serving,
    gate: KnockGate,
    current: RwLock<Current>,
    busy: Arc<Semaphore>,
}

impl Site {
    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the identifier of the clock's slot on the air.
    async fn advertise(&self) {
        let mut trouble = Trouble::default();
        let mut advertised = None;
        let mut tick = ticks();
        loop {
            tick.tick().await;
            let slot = identifier::slot(self.serving.clock.now());
            if advertised == Some(slot) {
                continue;
            }
            let key = self.current().holder.binding.identifier_key.clone();
            let identifier = identifier::identifier(key.expose(), slot);
            match self.serving.peripheral.advertise(identifier).await {
                Ok(()) => {
                    if advertised.is_none() {
                        self.serving.screen.show(&Notice::Advertising);
                    }
                    advertised = Some(slot);
                    trouble = Trouble::default();
                }
                Err(error) => self.pause(&mut trouble, &error).await,
            }
        }
    }

    /// Accepts workstations; each gets its own task.
    async fn listen(&self, conversations: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let places = Arc::new(Semaphore::new(MOST_CONVERSATIONS));
        let mut trouble = Trouble::default();
        loop {
            while conversations.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.serving.peripheral.accept().await {
                Ok(connection) => {
                    trouble = Trouble::default();
                    let (attendant, tls) = self.attendant();
                    let (gate, shutdown) = (self.gate.clone(), shutdown.clone());
                    conversations.spawn(async move {
                        let _place = place;
                        converse(attendant, connection, tls, gate, shutdown).await;
                    });
                }
                Err(error) => self.pause(&mut trouble, &error).await,
            }
        }
    }

    /// Renews the certificate, and tells the server of an erasure that it does not know of yet.
    async fn maintain(&self) {
        let (mut renewal, mut erasure) = (Retry::default(), Retry::default());
        let mut expired = false;
        let mut tick = ticks();
        loop {
            tick.tick().await;
            self.renew(&mut renewal, &mut expired).await;
            self.tell_erasure(&mut erasure).await;
        }
    }

    async fn renew(&self, retry: &mut Retry, expired: &mut bool) {
        let Serving { clock, screen, .. } = &self.serving;
        let now = clock.now();
        let holder = self.current().holder;
        let credentials = &holder.binding.credentials;
        if now >= credentials.expires_at {
            if !std::mem::replace(expired, true) {
                screen.show(&Notice::CertificateExpired);
            }
            return;
        }
        if now < credentials.renew_after || !retry.is_due(now) {
            return;
        }
        let renewed = match holder.renew(Arc::clone(clock)).await {
            Ok(renewed) => Current::new(renewed, clock).map_err(|error| explain(&error)),
            Err(error) => Err(explain(&error)),
        };
        match renewed {
            Ok(current) => {
                let expires_at = current.holder.binding.credentials.expires_at;
                let key = holder.binding.log_key();
                if key.is_some() && key != current.holder.binding.log_key() {
                    screen.show(&Notice::LogKeyChanged);
                }
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
                (*retry, *expired) = (Retry::default(), false);
                screen.show(&Notice::Renewed { expires_at });
            }
            Err(reason) => {
                let again_at = retry.failed(now);
                screen.show(&Notice::NotRenewed { reason, again_at });
            }
        }
    }

    async fn tell_erasure(&self, retry: &mut Retry) {
        let Serving { clock, screen, .. } = &self.serving;
        let now = clock.now();
        if !retry.is_due(now) {
            return;
        }
        match self.current().holder.tell_erasure(Arc::clone(clock)).await {
            Told::Nothing => *retry = Retry::default(),
            Told::Now => {
                *retry = Retry::default();
                screen.show(&Notice::ErasureTold);
            }
            Told::NotYet(reason) => {
                let again_at = retry.failed(now);
                screen.show(&Notice::ErasureNotTold { reason, again_at });
            }
        }
    }

    fn attendant(&self) -> (Attendant, Arc<ServerConfig>) {
        let Current { holder, tls } = self.current();
        let attendant = Attendant {
            holder,
            conduct: Arc::clone(&self.serving.conduct),
            screen: Arc::clone(&self.serving.screen),
            clock: Arc::clone(&self.serving.clock),
            consent: self.serving.consent,
            busy: Arc::clone(&self.busy),
        };
        (attendant, tls)
    }

    /// Says once that the radio is in trouble, and waits.
    async fn pause(&self, trouble: &mut Trouble, error: &RadioError) {
        if trouble.failures == 0 {
            self.serving.screen.show(&Notice::RadioFailed(explain(error)));
        }
        let [first, last] = RADIO_WAITS;
        let wait = (first * (1 << trouble.failures.min(5))).min(last);
        trouble.failures = trouble.failures.saturating_add(1);
        sleep(wait).await;
    }
}

/// Failures of the radio in a row.
#[derive(Clone, Copy, Default)]
struct Trouble {
    failures: u32,
}

/// Handshake, conversation, farewell.
async fn converse(
    attendant: Attendant,
    connection: Box<dyn Connection>,
    tls: Arc<ServerConfig>,
    gate: KnockGate,
    shutdown: CancellationToken,
) {
    crash::point("serve:connected");
    let clock = Arc::clone(&attendant.clock);
    let handshake = timeout(HANDSHAKE, Conversation::respond(connection, tls, gate, clock));
    let established = tokio::select! {
        () = shutdown.cancelled() => return,
        established = handshake => established,
    };
    let mut conversation = match established {
        Ok(Ok(conversation)) => conversation,
        Ok(Err(error)) => {
            if matches!(error, ConversationError::PeerUntrusted(_)) {
                attendant.screen.show(&Notice::Stranger);
            }
            tracing::debug!(error = %explain(&error), "no conversation");
            return;
        }
        Err(_) => {
            tracing::debug!("the handshake took too long");
            return;
        }
    };
    crash::point("serve:established");
    tokio::select! {
        () = shutdown.cancelled() => {}
        ended = attendant.attend(&mut conversation) => {
            if let Err(error) = ended {
                tracing::debug!(error = %explain(&error), "conversation ended");
            }
        }
    }
    conversation.close().await;
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
