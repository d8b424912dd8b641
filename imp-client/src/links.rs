//! The link of the tap, kept while she works: its heartbeats say that the phone is there when its advertisements are not heard, and the next tap
//! need not connect.
//!
//! Comfort, not proof: heartbeats are not signed. One link at a time, to the phone of whoever is at work; it ends when the desktop closes, changes
//! hands, or the agent stops. One that is lost is made again when the phone is heard.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imp_identity::PhoneId;
use tokio::time::{Instant, timeout};

use crate::agent::Agent;
use crate::presence::Sighting;
use crate::tap::{Callee, Contact, ContactError};
use crate::timeline::Timeline;

/// Heartbeats come each second; a link without one for so long counts as lost, before it is given up.
const BEAT: Duration = Duration::from_secs(3);
/// A lost link is made again only to a phone that was heard within this time.
const HEARD: Duration = Duration::from_secs(1);
/// The longest time that making it may take: nobody listens to advertisements meanwhile.
const MAKING: Duration = Duration::from_secs(4);
/// Waits between two attempts double from the first to the last.
const WAITS: [Duration; 2] = [Duration::from_secs(2), Duration::from_mins(1)];

/// The link that is kept, if there is one.
#[derive(Default)]
pub(crate) struct Links {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    kept: Option<Kept>,
    /// An attempt is under way.
    making: bool,
    /// When the next attempt may begin, and how long was waited for it.
    again: Option<(Instant, Duration)>,
}

struct Kept {
    phone: PhoneId,
    contact: Contact,
    /// Frames that had come when it was looked at last, and when one came last.
    frames: u64,
    beat: Instant,
}

/// How the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nobody has made one.
    None,
    /// It stands.
    Stands,
    /// It is lost, or its heartbeats are gone.
    Lost,
}

impl Links {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A conversation is about to be kept, or not: none is made meanwhile.
    pub(crate) fn expect(&self) {
        self.held().making = true;
    }

    /// Keeps a conversation in which nothing is under way. What is not wanted is ended at the next look.
    pub(crate) fn keep(&self, phone: PhoneId, contact: Contact) {
        let (frames, beat) = (contact.frames_received(), Instant::now());
        let kept = Kept { phone, contact, frames, beat };
        let mut held = self.held();
        *held = Held { kept: Some(kept), making: false, again: None };
    }

    /// The conversation with `phone`, for whoever has something to ask; one that is over, or silent, is not handed out.
    pub(crate) fn take(&self, phone: PhoneId) -> Option<Contact> {
        let mut held = self.held();
        held.kept.as_mut()?.look();
        let usable = |kept: &mut Kept| {
            kept.phone == phone && !kept.contact.is_over() && kept.beat.elapsed() < BEAT
        };
        held.kept.take_if(usable).map(|kept| kept.contact)
    }

    /// Gives up what is kept, or only what is kept for another phone than `but`.
    fn give_up(&self, but: Option<PhoneId>) -> Option<Contact> {
        let mut held = self.held();
        let kept = held.kept.take_if(|kept| Some(kept.phone) != but);
        if but.is_none() || kept.is_some() {
            held.again = None;
        }
        kept.map(|kept| kept.contact)
    }

    /// How the link to the phone is that is kept.
    fn look(&self) -> Beat {
        let mut held = self.held();
        let lost = held.kept.take_if(|kept| kept.contact.is_over()).is_some();
        if lost {
            held.again = Some((Instant::now() + WAITS[0], WAITS[0]));
        }
        match held.kept.as_mut().map(Kept::look) {
            Some(true) => Beat::Stands,
            Some(false) => Beat::Lost,
            None if lost => Beat::Lost,
            None => Beat::None,
        }
    }

    /// Whether a link is to be made now; then the caller makes it.
    fn makes(&self) -> bool {
        let mut held = self.held();
        let now = Instant::now();
        let due = held.again.is_none_or(|(at, _)| at <= now);
        if held.kept.is_some() || held.making || !due {
            return false;
        }
        let wait = held.again.map_or(WAITS[0], |(_, wait)| (wait * 2).min(WAITS[1]));
        (held.making, held.again) = (true, Some((now + wait, wait)));
        true
    }

    fn is_kept(&self) -> bool {
        self.held().kept.is_some()
    }

    /// It came to nothing.
    pub(crate) fn not_made(&self) {
        self.held().making = false;
    }
}

impl Kept {
    /// Looks for a heartbeat; whether there was one lately.
    fn look(&mut self) -> bool {
        let frames = self.contact.frames_received();
        if frames != self.frames {
            (self.frames, self.beat) = (frames, Instant::now());
        }
        self.beat.elapsed() < BEAT
    }
}

impl Agent {
    /// Whether the link of a tap stands: it begins to when the phone has its receipt, a moment after the person was answered.
    pub fn keeps_link(&self) -> bool {
        self.links.is_kept()
    }

    /// Looks at the link, tells who watches, and makes a lost one again.
    pub(crate) fn look_at_link(self: &Arc<Self>) {
        let phone = self.departures.phone().filter(|_| self.config.walk_away.keeps_link());
        self.end_link(phone);
        let Some(phone) = phone else { return };
        match self.links.look() {
            Beat::Stands => self.departures.link_stands(),
            Beat::Lost => self.departures.link_lost(),
            Beat::None => {}
        }
        let heard = |sighting: &&Sighting| sighting.at.elapsed() <= HEARD;
        let sighting = self.presence().find(phone, Instant::now()).filter(heard).cloned();
        if let Some(sighting) = sighting
            && self.busy.try_lock().is_ok()
            && self.links.makes()
        {
            let agent = Arc::clone(self);
            self.shutdown.spawn(async move {
                match timeout(MAKING, agent.make_link(phone, &sighting)).await {
                    Ok(Ok(contact)) => agent.links.keep(phone, contact),
                    Ok(Err(error)) => {
                        tracing::debug!(%error, phone.id = %phone, "no link to keep");
                        agent.links.not_made();
                    }
                    Err(_) => agent.links.not_made(),
                }
            });
        }
    }

    /// Ends the link, unless it is to this phone.
    pub(crate) fn end_link(&self, but: Option<PhoneId>) {
        if let Some(contact) = self.links.give_up(but) {
            self.departures.link_ended();
            self.shutdown.spawn(contact.close());
        }
    }

    async fn make_link(&self, phone: PhoneId, heard: &Sighting) -> Result<Contact, ContactError> {
        let known = self.roster.current(self.now()).ok_or(ContactError::NotNear)?;
        let entry = known.entry(phone).ok_or(ContactError::NotNear)?;
        let callee = Callee {
            phone,
            identifier_key: &entry.identifier_key,
            public_key: Some(&entry.public_key),
        };
        let (standing, timeline) = (self.standing(), Timeline::begin());
        Contact::open(self, &standing, callee, &heard.address, &timeline).await
    }
}
