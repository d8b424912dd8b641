//! From evidence to countdown to lock.
use std::time::Duration;

use crate::belief::{Belief, Tie, Usual};
use crate::{Constants, Level};

/// Input within this time means that she is there, and that this is how her phone is heard there.
const AT_WORK: Duration = Duration::from_secs(2);
/// In seconds, how fast her usual level follows what is heard while she works: up soon, down slowly, so that a phone that was put away
/// is not taken for one that is far.
const LEARN_UP: f64 = 3.0;
const LEARN_DOWN: f64 = 30.0;
/// How much of a gap between two advertisements goes into the usual one.
const LEARN_GAP: f64 = 0.02;
/// The longest gap that is learned, in seconds: more is silence.
const LONGEST_GAP: f64 = 5.0;
/// In seconds: a phone that was heard within this time, or within two usual gaps, is heard.
const HEARD: f64 = 0.5;
/// A linked phone that is silent for this long while she works does not advertise while it is linked: its silence says nothing.
const QUIET: Duration = Duration::from_secs(3);
/// Each countdown that a key stopped doubles the pause before the next, so often.
const MOST_DOUBLINGS: u32 = 4;
/// … until her phone was heard as usual for this long.
const FORGIVEN: Duration = Duration::from_mins(1);
/// Where keys are not seen, she is certainly there when it is less likely than this that she has left.
const SURE: f64 = 0.05;
/// Less than this share of a suspicion is none.
const CALM: f64 = 0.4;

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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Watch {
    constants: Constants,
    level: Level,
    belief: Belief,
    /// When her phone was heard last; `None` while she is known by something else than a phone.
    heard: Option<Duration>,
    /// Seconds from one of her phone's advertisements that are heard to the next, and of other phones', while she works.
    gap: Gap,
    others: Gap,
    /// She touched keyboard or pointer a moment ago.
    works: bool,
    /// What is heard now is usual: she works, or nobody can say whether she does and nothing speaks against it.
    learns: bool,
    /// The level while she works, in dBm; that of the link.
    usual: Option<f64>,
    usual_link: Option<f64>,
    /// The last reading of the link.
    link_level: Option<f64>,
    tie: Tie,
    /// Her phone does not advertise while it is linked.
    quiet: bool,
    /// How likely a second it is that she gets up.
    rises: f64,
    /// Since when she may have left, and since when she is certainly there.
    away: Option<Duration>,
    calm: Option<Duration>,
    /// A countdown was given up, and nothing has changed since.
    doubted: bool,
    /// When the last tick was.
    ticked: Duration,
    /// Countdowns that a key has stopped, since the phone was heard as usual.
    stopped: u32,
    /// The last time that somebody said that she is there, other than by a key: when the desktop was opened, at first.
    stayed: Duration,
    countdown: Option<Countdown>,
    locked: bool,
}

impl Watch {
    /// The desktop was opened at `now`; `by_phone`: her phone was there. Without one only [`Constants::idle`] counts, until a phone of hers is heard.
    pub fn opened(constants: Constants, by_phone: bool, now: Duration) -> Self {
        Self {
            level: Level::new(constants.window),
            belief: Belief::new(constants.model, now),
            heard: if by_phone { Some(now) } else { None },
            gap: Gap::NONE,
            others: Gap::NONE,
            works: false,
            learns: false,
            usual: None,
            usual_link: None,
            link_level: None,
            tie: Tie::Unknown,
            quiet: false,
            rises: constants.model.rises,
            away: None,
            calm: None,
            doubted: false,
            ticked: now,
            stopped: 0,
            stayed: now,
            countdown: None,
            locked: false,
            constants,
        }
    }

    /// Her phone was heard, at so many dBm where the radio tells.
    pub fn hear(&mut self, rssi: Option<i16>, now: Duration) {
        self.catch_up(now);
        self.gap.hear(self.learns || self.usual.is_none(), now);
        (self.heard, self.quiet) = (Some(now), false);
        let Some(rssi) = rssi else { return };
        self.level.hear(rssi, now);
        if let Some(usual) = self.usual_now() {
            self.belief.hear(rssi.into(), usual);
        }
    }

    /// Somebody else's phone was heard: the radio is not deaf.
    pub fn hear_other(&mut self, now: Duration) {
        self.catch_up(now);
        self.others.hear(true, now);
        if self.heard.is_some() {
            self.belief.hear_other();
        }
    }

    /// The link to her phone stands; where the radio tells, with this signal strength in dBm. To be called at each heartbeat.
    pub fn link_stands(&mut self, rssi: Option<i16>, now: Duration) {
        self.catch_up(now);
        self.tie = Tie::Stands;
        let Some(rssi) = rssi.map(f64::from) else { return };
        self.link_level = Some(rssi);
        let usual = *self.usual_link.get_or_insert(rssi);
        if self.works {
            let time = if rssi > usual { LEARN_UP } else { LEARN_DOWN };
            self.usual_link = Some((rssi - usual).mul_add(1.0 / (4.0 * time), usual));
        }
        self.belief.measure(rssi, usual);
    }

    /// The link to her phone was lost, or its heartbeats are gone.
    pub fn link_lost(&mut self, now: Duration) {
        self.catch_up(now);
        if self.tie == Tie::Stands
            && let Some(usual) = self.usual
        {
            self.belief.lose(usual);
        }
        self.tie = Tie::Lost;
    }

    /// The link was ended by this side: its absence says nothing.
    pub fn link_ended(&mut self, now: Duration) {
        self.catch_up(now);
        self.tie = Tie::Unknown;
    }

    /// Somebody said that she is there.
    pub fn stay(&mut self, now: Duration) -> Verdict {
        self.stayed = now;
        self.belief.is_there(now);
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

    /// How likely it is, from 0 to 1, that she has left, by what her phone says.
    pub fn gone(&self) -> f64 {
        let Some(heard) = self.heard else { return 0.0 };
        let silent = |since: Duration| self.ticked.saturating_sub(since) >= self.constants.silence;
        // Nobody else either: the radio may be deaf.
        let deaf = self.others.last.is_some_and(silent);
        if self.tie != Tie::Stands && silent(heard) && !deaf { 1.0 } else { self.belief.gone() }
    }

    /// Time has passed; `idle`: how long nobody touched keyboard or pointer, where that is known. To be called several times a second.
    pub fn tick(&mut self, idle: Option<Duration>, now: Duration) -> Verdict {
        if self.locked {
            return Verdict::Nothing;
        }
        let idle = self.idle(idle, now);
        self.catch_up(now);
        self.works = idle.is_some_and(|idle| idle < AT_WORK);
        self.learns = self.works || (idle.is_none() && self.gone() < SURE);
        let Constants { model, .. } = &self.constants;
        let soon = idle.is_none_or(|idle| idle.as_secs_f64() < model.soon);
        self.rises = if soon { model.rises } else { model.rises_later };
        if self.works {
            self.belief.is_there(now);
            let silent = self.heard.is_some_and(|heard| now.saturating_sub(heard) >= QUIET);
            self.quiet |= silent && self.tie == Tie::Stands;
        }
        self.learn(now);
        self.ticked = now;
        self.follow(now);
        match self.countdown {
            Some(countdown) => self.count(countdown, idle, now),
            None => self.watch(idle, now),
        }
    }

    /// Opening the desktop, and what somebody said on the screen, count as a key.
    fn idle(&self, idle: Option<Duration>, now: Duration) -> Option<Duration> {
        idle.map(|idle| idle.min(now.saturating_sub(self.stayed)))
    }

    fn usual_now(&self) -> Option<Usual> {
        let silent = self.quiet && self.tie == Tie::Stands;
        let rate = if silent { 0.0 } else { self.gap.rate() };
        Some(Usual { level: self.usual?, rate, others: self.others.rate() })
    }

    /// Lets time pass for the estimate.
    fn catch_up(&mut self, now: Duration) {
        if let Some(usual) = self.usual_now() {
            self.belief.pass(usual, self.tie, self.rises, now);
        }
    }

    /// Learns from the level what is usual while she works.
    fn learn(&mut self, now: Duration) {
        let Some(level) = self.level.at(now) else { return };
        let heard = f64::from(level);
        if self.usual.is_none() {
            self.belief = Belief::new(self.constants.model, now);
        }
        let usual = *self.usual.get_or_insert(heard);
        if self.learns {
            let time = if heard > usual { LEARN_UP } else { LEARN_DOWN };
            let rate = (now.saturating_sub(self.ticked).as_secs_f64() / time).min(1.0);
            self.usual = Some((heard - usual).mul_add(rate, usual));
        }
    }

    /// Follows how likely it is that she has left.
    fn follow(&mut self, now: Duration) {
        let (gone, Constants { suspicion, .. }) = (self.gone(), self.constants);
        if gone >= suspicion {
            self.away.get_or_insert(now);
        } else if gone < suspicion * CALM {
            self.away = None;
        }
        if gone < suspicion * CALM {
            self.doubted = false;
            if now.saturating_sub(*self.calm.get_or_insert(now)) >= FORGIVEN {
                self.stopped = 0;
            }
        } else {
            self.calm = None;
        }
    }

    fn is_certain(&self) -> bool {
        self.gone() >= self.constants.certainty
    }

    /// What most of all says that she has left.
    fn reason(&self, now: Duration) -> Reason {
        let gap = (2.0 * self.gap.usual).max(HEARD);
        let heard = self.heard.is_some_and(|heard| now.saturating_sub(heard).as_secs_f64() < gap);
        match self.tie {
            Tie::Lost if !heard => Reason::LinkLost,
            Tie::Lost | Tie::Stands | Tie::Unknown if heard => Reason::SignalLow,
            Tie::Stands if self.link_level.is_some() => Reason::SignalLow,
            Tie::Lost | Tie::Stands | Tie::Unknown => Reason::PhoneSilent,
        }
    }

    fn watch(&mut self, idle: Option<Duration>, now: Duration) -> Verdict {
        let Constants { pause, blind_pause, countdown, idle: most, .. } = self.constants;
        let pause = pause * 2_u32.pow(self.stopped.min(MOST_DOUBLINGS));
        let quiet = |since: Duration| match idle {
            Some(idle) => idle >= pause,
            None => now.saturating_sub(since.max(self.stayed)) >= blind_pause,
        };
        let counts = |since: &Duration| quiet(*since) && (self.is_certain() || !self.doubted);
        let away = self.away.filter(counts).map(|_| self.reason(now));
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
        let by_phone = reason != Reason::Idle;
        let certain = !by_phone || self.is_certain();
        let gives_up = !certain && now >= ends + self.constants.doubt;
        if (by_phone && self.away.is_none()) || gives_up {
            (self.countdown, self.doubted) = (None, gives_up);
            return Verdict::Stops;
        }
        if now < ends || !certain {
            return Verdict::Nothing;
        }
        (self.countdown, self.locked) = (None, true);
        Verdict::Lock(if by_phone { self.reason(now) } else { Reason::Idle })
    }
}

/// The usual time between two of something.
#[derive(Clone, Copy, Debug)]
struct Gap {
    last: Option<Duration>,
    /// In seconds; 0: not known.
    usual: f64,
}

impl Gap {
    const NONE: Self = Self { last: None, usual: 0.0 };

    /// One was heard; `learns`: it counts.
    fn hear(&mut self, learns: bool, now: Duration) {
        let last = self.last.replace(now).filter(|_| learns);
        let gap = last.map(|last| now.saturating_sub(last).as_secs_f64());
        if let Some(gap) = gap.filter(|gap| *gap < LONGEST_GAP) {
            let share = if self.usual > 0.0 { LEARN_GAP } else { 1.0 };
            self.usual = (gap - self.usual).mul_add(share, self.usual);
        }
    }

    /// How many come a second.
    fn rate(self) -> f64 {
        if self.usual > 0.0 { 1.0 / self.usual.max(0.02) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests;
