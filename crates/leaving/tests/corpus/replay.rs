//! Plays a trace to the watch, and judges.
use std::time::Duration;

use imp_leaving::{Constants, Reason, Verdict, Watch};

use crate::trace::{Absence, Event, Trace, Trip};

/// Seconds between two ticks: as in the agent.
const TICK: f64 = 0.25;
/// Nearer than this, in metres, she is there.
const THERE: f64 = 2.0;
/// Seconds after which somebody who was locked out while she sat there has tapped again.
const TAPS_AGAIN: f64 = 5.0;

/// How one trip ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) absence: Absence,
    /// When the desktop locked, if it did before she was back.
    pub(crate) locked: Option<(f64, Reason)>,
}

/// What came of one trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judgement {
    /// Seconds at which a countdown began while she was there.
    pub(crate) countdowns: Vec<(f64, Reason)>,
    /// Seconds at which the desktop locked while she was there, though she had not touched a key to stop it.
    pub(crate) false_locks: Vec<(f64, Reason)>,
    /// Locks while she was seen to type within the last second.
    pub(crate) while_typing: usize,
    pub(crate) outcomes: Vec<Outcome>,
}

struct Replay {
    watch: Watch,
    constants: Constants,
    links: Links,
    metres: f64,
    key: Option<f64>,
    locked_at: Option<f64>,
    locks: Vec<(f64, Reason)>,
    /// Times at which the desktop was opened.
    opened: Vec<f64>,
    judgement: Judgement,
}

fn moment(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// What is known of the link to her phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// There is none.
    None,
    /// Whether it stands.
    Stands,
    /// And how strong it is.
    Measured,
}

/// Plays `trace`. With `sees_keys` the desktop says when a key was touched.
pub(crate) fn replay(
    trace: &Trace,
    constants: &Constants,
    sees_keys: bool,
    links: Links,
) -> Judgement {
    let mut replay = Replay {
        watch: Watch::opened(*constants, true, Duration::ZERO),
        constants: *constants,
        links,
        metres: 0.0,
        key: None,
        locked_at: None,
        locks: vec![],
        opened: vec![0.0],
        judgement: Judgement::default(),
    };
    let mut tick = TICK;
    for (at, event) in &trace.events {
        while tick <= *at {
            replay.tick(tick, sees_keys);
            tick += TICK;
        }
        replay.take(*at, *event);
    }
    replay.judge(trace)
}

impl Replay {
    fn take(&mut self, at: f64, event: Event) {
        match event {
            Event::Heard(rssi) => self.watch.hear(Some(rssi), moment(at)),
            Event::Other => self.watch.hear_other(moment(at)),
            Event::Link(rssi) => match self.links {
                Links::None => {}
                Links::Stands => self.watch.link_stands(None, moment(at)),
                Links::Measured => self.watch.link_stands(Some(rssi), moment(at)),
            },
            Event::Lost if self.links != Links::None => self.watch.link_lost(moment(at)),
            Event::Lost => {}
            Event::Key => self.key = Some(at),
            Event::At(metres) => self.metres = metres,
        }
    }

    fn tick(&mut self, now: f64, sees_keys: bool) {
        let there = self.metres < THERE;
        if let Some(at) = self.locked_at {
            if !there {
                self.locked_at = Some(now);
            } else if now - at >= TAPS_AGAIN {
                self.watch = Watch::opened(self.constants, true, moment(now));
                self.locked_at = None;
                self.opened.push(now);
            }
            return;
        }
        let idle = sees_keys.then(|| moment((now - self.key.unwrap_or_default()).max(0.0)));
        match self.watch.tick(idle, moment(now)) {
            Verdict::Begins(reason) if there => self.judgement.countdowns.push((now, reason)),
            Verdict::Lock(reason) => {
                self.locked_at = Some(now);
                self.locks.push((now, reason));
                if there {
                    self.judgement.false_locks.push((now, reason));
                    let typed = self.key.is_some_and(|key| now - key < 1.0);
                    self.judgement.while_typing += usize::from(typed);
                }
            }
            Verdict::Nothing | Verdict::Begins(_) | Verdict::Stops => {}
        }
    }

    fn judge(mut self, trace: &Trace) -> Judgement {
        for absence in &trace.absences {
            let before = |times: &mut dyn Iterator<Item = f64>| {
                times.filter(|at| *at < absence.stands_up).fold(-1.0, f64::max)
            };
            if before(&mut self.locks.iter().map(|(at, _)| *at))
                > before(&mut self.opened.iter().copied())
            {
                // It was locked already, and she had not tapped yet.
                continue;
            }
            let within =
                |(at, _): &&(f64, Reason)| *at >= absence.stands_up && *at <= absence.returns;
            let locked = self.locks.iter().find(within).copied();
            self.judgement.outcomes.push(Outcome { absence: *absence, locked });
        }
        self.judgement
    }
}

impl Judgement {
    /// The trips of one kind.
    pub(crate) fn trips(&self, trip: Trip) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| outcome.absence.trip == trip)
    }
}
