//! From evidence to countdown to lock.
use std::time::Duration;

use crate::{Constants, Level};

/// Input within this time means that she is there, and that this is how her phone is heard there.
const AT_WORK: Duration = Duration::from_secs(2);
/// In seconds, how fast her usual level follows what is heard while she works: up soon, down slowly, so that a phone that was put away
/// is not taken for one that is far.
const LEARN_UP: f64 = 3.0;
const LEARN_DOWN: f64 = 30.0;
/// How much of a gap between two advertisements goes into the usual one.
const LEARN_GAP: f64 = 0.02;
/// So many usual gaps without an advertisement say that she left: a phone that advertises seldom, or is heard faintly, is not missed as soon.
const GAPS: f64 = 20.0;
/// A link that was lost says that she left when nothing was heard for this long either.
const SILENT_WITHOUT_LINK: Duration = Duration::from_secs(2);
/// Each countdown that a key stopped doubles the pause before the next, so often.
const MOST_DOUBLINGS: u32 = 4;
/// … until her phone was heard as usual for this long.
const FORGIVEN: Duration = Duration::from_mins(1);
/// Other phones are heard here when one was within this time.
const AIR_MEMORY: Duration = Duration::from_mins(2);

/// Why somebody counts as away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Her phone is heard, from afar.
    SignalLow,
    /// Her phone is not heard any more.
    PhoneSilent,
    /// The link to her phone was lost, and it is not heard as if it were here.
    LinkLost,
    /// Nobody touched keyboard or pointer for a long time.
    Idle,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Nothing,
    /// A countdown begins.
    Begins(Reason),
    /// The countdown stops: somebody touched a key, or she is back.
    Stops,
    /// The desktop is to be locked. Said once; then nothing is until the next [`Watch::opened`].
    Lock(Reason),
}

/// A countdown to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// Why.
    pub reason: Reason,
    /// When it began.
    began: Duration,
    /// When the desktop locks.
    pub ends: Duration,
}

/// Watches over one desktop from its opening to its lock.
#[derive(Clone, Debug)]
pub struct Watch {
    constants: Constants,
    level: Level,
    /// When her phone was heard last; `None` while she is known by something else than a phone.
    heard: Option<Duration>,
    /// When any other phone was heard last.
    others: Option<Duration>,
    /// Seconds from one of her phone's advertisements that are heard to the next, while she works.
    gap: f64,
    /// She touched keyboard or pointer a moment ago.
    works: bool,
    /// The level while she works, in dBm.
    usual: Option<f64>,
    /// Whether the level is low, and since when.
    low: Below,
    /// Whether it is so low that she has left.
    far: Below,
    /// A countdown was given up, and nothing has changed since.
    doubted: bool,
    /// When the last tick was.
    ticked: Duration,
    /// Since when there is no link where there was one.
    unlinked: Option<Duration>,
    /// Countdowns that a key has stopped, since the phone was heard as usual.
    stopped: u32,
    /// The last time that somebody said that she is there, other than by a key: when the desktop was opened, at first.
    stayed: Duration,
    countdown: Option<Countdown>,
    locked: bool,
}

impl Watch {
    /// The desktop was opened at `now`; `by_phone`: her phone was there. Without one only [`Constants::idle`] counts, until a phone of hers is heard.
    pub const fn opened(constants: Constants, by_phone: bool, now: Duration) -> Self {
        Self {
            constants,
            level: Level::new(constants.window),
            heard: if by_phone { Some(now) } else { None },
            others: None,
            gap: 0.0,
            works: false,
            usual: None,
            low: Below::NO,
            far: Below::NO,
            doubted: false,
            ticked: now,
            unlinked: None,
            stopped: 0,
            stayed: now,
            countdown: None,
            locked: false,
        }
    }

    /// Her phone was heard, at so many dBm where the radio tells.
    pub fn hear(&mut self, rssi: Option<i16>, now: Duration) {
        if let Some(before) = self.heard.filter(|_| self.works) {
            let gap = now.saturating_sub(before).as_secs_f64();
            self.gap = (gap - self.gap).mul_add(LEARN_GAP, self.gap);
        }
        self.heard = Some(now);
        if let Some(rssi) = rssi {
            self.level.hear(rssi, now);
        }
    }

    /// Somebody else's phone was heard: the radio is not deaf.
    pub const fn hear_other(&mut self, now: Duration) {
        self.others = Some(now);
    }

    /// The link to her phone stands: she is here, or was a moment ago.
    pub const fn link_stands(&mut self, now: Duration) {
        (self.heard, self.unlinked) = (Some(now), None);
    }

    /// The link to her phone was lost, or its heartbeats are gone.
    pub const fn link_lost(&mut self, now: Duration) {
        if self.unlinked.is_none() {
            self.unlinked = Some(now);
        }
    }

    /// Somebody said that she is there.
    pub fn stay(&mut self, now: Duration) -> Verdict {
        self.stayed = now;
        if self.countdown.take().is_none() {
            return Verdict::Nothing;
        }
        self.stopped += 1;
        Verdict::Stops
    }

    /// The countdown that runs.
    pub const fn countdown(&self) -> Option<Countdown> {
        self.countdown
    }

    /// Time has passed; `idle`: how long nobody touched keyboard or pointer, where that is known. To be called several times a second.
    pub fn tick(&mut self, idle: Option<Duration>, now: Duration) -> Verdict {
        if self.locked {
            return Verdict::Nothing;
        }
        let idle = self.idle(idle, now);
        self.works = idle.is_some_and(|idle| idle < AT_WORK);
        self.learn(now);
        self.ticked = now;
        match self.countdown {
            Some(countdown) => self.count(countdown, idle, now),
            None => self.watch(idle, now),
        }
    }

    /// Opening the desktop, and what somebody said on the screen, count as a key.
    fn idle(&self, idle: Option<Duration>, now: Duration) -> Option<Duration> {
        idle.map(|idle| idle.min(now.saturating_sub(self.stayed)))
    }

    /// Follows the level, and learns from it what is usual while she works.
    fn learn(&mut self, now: Duration) {
        let Some(level) = self.level.at(now) else { return };
        let heard = f64::from(level);
        let usual = *self.usual.get_or_insert(heard);
        if self.works {
            let time = if heard > usual { LEARN_UP } else { LEARN_DOWN };
            let rate = (now.saturating_sub(self.ticked).as_secs_f64() / time).min(1.0);
            self.usual = Some((heard - usual).mul_add(rate, usual));
        }
        let Constants { drop, far, ceiling, rise, .. } = self.constants;
        let threshold =
            |drop: u8| (self.usual.unwrap_or(heard) - f64::from(drop)).min(f64::from(ceiling));
        let (drop, far) = (threshold(drop), threshold(far));
        self.low.follow(heard, drop, rise, now);
        self.far.follow(heard, far, rise, now);
        if let Some(well) = self.low.not_since {
            self.doubted = false;
            if now.saturating_sub(well) >= FORGIVEN {
                self.stopped = 0;
            }
        }
    }

    /// What her phone says of where she is.
    fn evidence(&self, now: Duration) -> Option<Evidence> {
        let heard = self.heard?;
        let Constants { low_for, .. } = self.constants;
        let silent = now.saturating_sub(heard);
        let patience = self.patience(heard, now);
        let found = |reason, since, certain| Some(Evidence { reason, since, certain });
        let lost = |at| {
            self.low.since.is_some() || now.saturating_sub(heard.max(at)) >= SILENT_WITHOUT_LINK
        };
        match (self.unlinked, self.far.lasts(low_for, now), self.low.lasts(low_for, now)) {
            (Some(at), ..) if lost(at) => found(Reason::LinkLost, at, true),
            (_, Some(since), _) => found(Reason::SignalLow, since, true),
            _ if silent >= patience => found(Reason::PhoneSilent, heard, true),
            (_, _, Some(since)) => found(Reason::SignalLow, since, false),
            _ if silent >= patience / 2 => found(Reason::PhoneSilent, heard, false),
            _ => None,
        }
    }

    /// How long a phone that was heard well may be silent.
    fn patience(&self, heard: Duration, now: Duration) -> Duration {
        let Constants { silence, weak, deafness, .. } = self.constants;
        if self.usual.is_some_and(|usual| usual < f64::from(weak)) {
            return deafness;
        }
        // Others were heard about as lately as she was, and are not any more: the radio is deaf.
        let deaf = self.others.is_some_and(|others| {
            others <= heard + silence / 2 && now.saturating_sub(others) < AIR_MEMORY
        });
        let gaps = Duration::try_from_secs_f64(self.gap * GAPS).unwrap_or(deafness);
        if deaf { deafness } else { gaps.clamp(silence, deafness.max(silence)) }
    }

    fn watch(&mut self, idle: Option<Duration>, now: Duration) -> Verdict {
        let Constants { pause, blind_pause, countdown, idle: most, .. } = self.constants;
        let pause = pause * 2_u32.pow(self.stopped.min(MOST_DOUBLINGS));
        let quiet = |since: Duration| match idle {
            Some(idle) => idle >= pause,
            None => now.saturating_sub(since.max(self.stayed)) >= blind_pause,
        };
        let counts = |found: &Evidence| quiet(found.since) && (found.certain || !self.doubted);
        let away = self.evidence(now).filter(counts).map(|found| found.reason);
        let unattended = idle.zip(most).is_some_and(|(idle, most)| idle >= most);
        let Some(reason) = away.or_else(|| unattended.then_some(Reason::Idle)) else {
            return Verdict::Nothing;
        };
        self.countdown = Some(Countdown { reason, began: now, ends: now + countdown });
        Verdict::Begins(reason)
    }

    fn count(&mut self, countdown: Countdown, idle: Option<Duration>, now: Duration) -> Verdict {
        let Countdown { reason, began, ends } = countdown;
        if idle.is_some_and(|idle| idle < now.saturating_sub(began)) {
            self.countdown = None;
            self.stopped += 1;
            return Verdict::Stops;
        }
        let found = self.evidence(now);
        let certain = reason == Reason::Idle || found.is_some_and(|found| found.certain);
        let gives_up = !certain && now >= ends + self.constants.doubt;
        if (reason != Reason::Idle && found.is_none()) || gives_up {
            (self.countdown, self.doubted) = (None, gives_up);
            return Verdict::Stops;
        }
        if now < ends || !certain {
            return Verdict::Nothing;
        }
        (self.countdown, self.locked) = (None, true);
        Verdict::Lock(found.filter(|_| reason != Reason::Idle).map_or(reason, |found| found.reason))
    }
}

/// What is known of an absence.
#[derive(Clone, Copy)]
struct Evidence {
    reason: Reason,
    since: Duration,
    /// A countdown may end in a lock.
    certain: bool,
}

/// Whether a level is below a threshold, with hysteresis.
#[derive(Clone, Copy, Debug)]
struct Below {
    since: Option<Duration>,
    not_since: Option<Duration>,
}

impl Below {
    const NO: Self = Self { since: None, not_since: None };

    /// The level is `heard`; it has to rise by `rise` decibels above the threshold before it no longer is below.
    fn follow(&mut self, heard: f64, threshold: f64, rise: u8, now: Duration) {
        if heard < threshold {
            self.since.get_or_insert(now);
            self.not_since = None;
        } else if heard >= threshold + f64::from(rise) {
            self.not_since.get_or_insert(now);
            self.since = None;
        }
    }

    /// Since when, if for as long as `least`.
    fn lasts(self, least: Duration, now: Duration) -> Option<Duration> {
        self.since.filter(|since| now.saturating_sub(*since) >= least)
    }
}

#[cfg(test)]
mod tests;
