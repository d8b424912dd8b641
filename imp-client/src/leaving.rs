//! Walk-away: whoever has left finds her desktop locked, and whoever types after the desktop changed hands is shown whose it is.
//!
//! [`imp_leaving`] decides, from advertisements of her phone, the link to it, and from how long nobody touched keyboard or pointer; here it is told, and here
//! the desktop is locked. `docs/walk-away.md` says what it reaches.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imp_api::tap::Session;
use imp_hardware::ble::Advertisement;
use imp_identity::{PhoneId, UserId};
use imp_leaving::{Constants, Reason, Verdict, Watch};
use imp_socket::{Leaving, LeavingReason, Person, Switched};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::config::WalkAwayConfig;
use crate::desktop::Desktop;
use crate::presence::Sighting;

/// How often it is looked whether she has left.
const TICK: Duration = Duration::from_millis(250);
/// How long the desktop may take to say when it was touched.
const PATIENCE: Duration = Duration::from_millis(500);
/// A banner that was shown for less has not been read: a key before that does not take it away.
const READ: Duration = Duration::from_millis(1500);
/// Where the desktop does not say when it was touched, the banner goes away by itself.
const GUARD_AT_MOST: Duration = Duration::from_mins(1);

/// Watches over the desktop.
pub(crate) struct Departures {
    /// `None`: the desktop is not locked behind anybody.
    constants: Option<Constants>,
    began: Instant,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    watched: Option<Watched>,
    guard: Option<(Switched, Instant)>,
    /// The countdown that was shown last.
    shown: Option<Leaving>,
}

/// Whoever is at work.
struct Watched {
    user: UserId,
    /// The phone she carries: the one she tapped with, else the first of hers that was heard.
    phone: Option<PhoneId>,
    watch: Watch,
}

impl Departures {
    pub(crate) fn new(config: &WalkAwayConfig) -> Self {
        let (constants, began) = (config.constants(), Instant::now());
        Self { constants, began, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Duration {
        self.began.elapsed()
    }

    /// A phone of `user` was heard, or one that nobody knows.
    pub(crate) fn hear(&self, heard: &Advertisement, whose: Option<(PhoneId, UserId)>) {
        let now = self.moment();
        let mut held = self.held();
        let Some(watched) = &mut held.watched else { return };
        let hers = whose.filter(|(phone, user)| match watched.phone {
            Some(carried) => carried == *phone,
            None => watched.user == *user,
        });
        match hers {
            Some((phone, _)) => {
                watched.phone = Some(phone);
                watched.watch.hear(heard.rssi, now);
            }
            None => watched.watch.hear_other(now),
        }
    }

    /// The desktop was opened to `user`; with `tapped` she carries that phone. What was known of whoever was there before is forgotten.
    fn begin(&self, user: UserId, tapped: Option<&(PhoneId, Option<Sighting>)>) {
        let (Some(constants), now) = (self.constants, self.moment()) else { return };
        let mut watch = Watch::opened(constants, tapped.is_some(), now);
        if let Some((_, Some(sighting))) = tapped {
            watch.hear(sighting.rssi, now);
        }
        let phone = tapped.map(|(phone, _)| *phone);
        self.held().watched = Some(Watched { user, phone, watch });
    }

    /// The desktop is open to `user`, however that came about.
    fn go_on(&self, user: UserId) {
        let known = self.held().watched.as_ref().is_some_and(|watched| watched.user == user);
        if !known {
            self.begin(user, None);
        }
    }

    /// Nobody is at work.
    fn rest(&self) {
        let mut held = self.held();
        (held.watched, held.guard) = (None, None);
    }

    fn tick(&self, idle: Option<Duration>) -> Verdict {
        let now = self.moment();
        let mut held = self.held();
        let read = |(_, since): &mut (Switched, Instant)| {
            let shown = since.elapsed();
            shown >= GUARD_AT_MOST || idle.is_some_and(|idle| idle + READ < shown)
        };
        held.guard.take_if(read);
        held.watched.as_mut().map_or(Verdict::Nothing, |watched| watched.watch.tick(idle, now))
    }

    /// The phone of whoever is at work, if she is known by one.
    pub(crate) fn phone(&self) -> Option<PhoneId> {
        self.held().watched.as_ref()?.phone
    }

    fn tell(&self, what: impl FnOnce(&mut Watch, Duration)) {
        let now = self.moment();
        if let Some(watched) = &mut self.held().watched {
            what(&mut watched.watch, now);
        }
    }

    /// The link to her phone stands. No stack of Linux tells its strength to a program without rights over the adapter.
    pub(crate) fn link_stands(&self) {
        self.tell(|watch, now| watch.link_stands(None, now));
    }

    /// The link to her phone was lost.
    pub(crate) fn link_lost(&self) {
        self.tell(Watch::link_lost);
    }

    /// The link was ended here.
    pub(crate) fn link_ended(&self) {
        self.tell(Watch::link_ended);
    }

    /// The countdown that runs, if one does.
    pub(crate) fn leaving(&self) -> Option<Leaving> {
        let now = self.moment();
        let countdown = self.held().watched.as_ref()?.watch.countdown()?;
        let left = countdown.ends.saturating_sub(now).as_millis().div_ceil(1000);
        // A countdown that waits for certainty stands at its last second.
        let seconds_left = u8::try_from(left.max(1)).unwrap_or(u8::MAX);
        Some(Leaving { seconds_left, reason: said(countdown.reason) })
    }

    /// Whose the desktop was a moment ago, until whoever types has had time to see it.
    pub(crate) fn guard(&self) -> Option<Switched> {
        self.held().guard.as_ref().map(|(switched, _)| switched.clone())
    }

    /// Whether what is shown has changed since it was asked last.
    fn has_news(&self) -> bool {
        let leaving = self.leaving();
        let mut held = self.held();
        std::mem::replace(&mut held.shown, leaving) != leaving
    }
}

const fn said(reason: Reason) -> LeavingReason {
    match reason {
        Reason::SignalLow => LeavingReason::SignalLow,
        Reason::PhoneSilent => LeavingReason::PhoneSilent,
        Reason::LinkLost => LeavingReason::LinkLost,
        Reason::Idle => LeavingReason::Idle,
    }
}

/// Watches until the agent stops.
pub(crate) async fn watch(agent: Arc<Agent>) {
    let token = agent.shutdown.token();
    while token.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        if token.run_until_cancelled(agent.look_whether_she_left()).await.is_none() {
            return;
        }
    }
}

impl Agent {
    async fn look_whether_she_left(self: &Arc<Self>) {
        let Desktop::Open(session) = self.desktop() else {
            self.end_link(None);
            self.departures.rest();
            return;
        };
        self.departures.go_on(session.user);
        self.look_at_link();
        let idle = tokio::time::timeout(PATIENCE, self.devices.desktop.idle_for()).await;
        let idle = idle.ok().and_then(Result::ok).flatten();
        let guarded = self.departures.guard().is_some();
        let verdict = self.departures.tick(idle);
        if self.departures.has_news() || guarded != self.departures.guard().is_some() {
            self.notice();
        }
        match verdict {
            Verdict::Nothing => {}
            Verdict::Begins(reason) => tracing::info!(?reason, "a countdown to the lock begins"),
            Verdict::Stops => tracing::info!("the countdown to the lock stops"),
            Verdict::Lock(reason) => {
                tracing::info!(?reason, session.id = %session.id, "locked behind whoever left");
                self.lock().await;
            }
        }
    }

    /// Somebody says that she is there: the countdown stops, and she has seen whose desktop it is.
    pub fn stay(&self) {
        let now = self.departures.moment();
        let mut held = self.departures.held();
        held.guard = None;
        if let Some(watched) = &mut held.watched {
            watched.watch.stay(now);
        }
        drop(held);
        self.notice();
    }

    /// The desktop was opened to somebody, or closed: whoever is at work now is watched over; with `phone`, that is what she tapped with. If it was
    /// somebody else's a moment ago, whoever types is warned.
    pub(crate) fn attend(&self, before: &Desktop, phone: Option<PhoneId>) {
        let Desktop::Open(session) = self.desktop() else { return };
        let sighting = |phone| (phone, self.presence().find(phone, Instant::now()).cloned());
        let tapped = phone.map(sighting);
        self.departures.begin(session.user, tapped.as_ref());
        let Some(other) = before.session().filter(|other| other.user != session.user) else {
            return;
        };
        let (from, to, at) = (Some(person(other)), person(&session), self.now());
        self.departures.held().guard = Some((Switched { from, to, at }, Instant::now()));
    }
}

fn person(session: &Session) -> Person {
    Person { display_name: session.display_name.clone(), username: session.username.clone() }
}
