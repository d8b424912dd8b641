//! Where she is, as far as signal strengths and their absence say: a recursive Bayes estimate over a small grid.
//!
//! The hypotheses are opposed that look alike to a threshold: a body between phone and workstation, which makes a step at any moment and
//! stays, and a walk away, which makes a slope and goes on; and an air in which nobody is heard, and a phone that is far. Each advertisement
//! and each time in which none came multiplies the odds (Wald's sequential test, with states that change: Rabiner, Proc. IEEE 77 (1989), §III.A).
use std::time::Duration;

use crate::Model;

/// Decibels that bodies take while she is there, beside what is usual.
const BODIES: [f64; 9] = [-8.0, -4.0, 0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0];
/// How likely each is after she moved: mostly as usual.
const BODIES_BEFORE: [f64; 9] = [0.06, 0.14, 0.30, 0.19, 0.13, 0.11, 0.06, 0.009, 0.001];
/// Metres, of whoever walks away.
const METRES: [f64; 9] = [1.5, 2.5, 4.0, 6.0, 8.5, 12.0, 16.0, 22.0, 30.0];
/// The first of [`METRES`] that is away.
const AWAY: usize = 1;
/// The share of those who get up and are far at once: a door falls shut, a metal drawer, a bed that is pushed by. They are as if at one of the places from
/// [`LEAP`] on.
const LEAPS: f64 = 0.3;
const LEAP: usize = 3;
const LEAP_TO: f64 = 6.0;
/// Decibels that her body takes then, beside what is usual: a phone in front goes behind it, one behind comes to light.
const TURNED: [f64; 5] = [-12.0, -6.0, 0.0, 6.0, 12.0];
/// Metres from the phone to the workstation at work.
const SEAT: f64 = 0.85;

const HERE: usize = BODIES.len();
const STATES: usize = HERE + METRES.len() * TURNED.len();
/// Seconds of one step.
const STEP: f64 = 0.25;
/// The most steps that are caught up with: a machine that slept begins anew.
const MOST_STEPS: usize = 40;
/// Whole decibels, from −80 to 80, that a strength may be above its level.
const STRENGTHS: usize = 161;
/// No probability is smaller: what was thought impossible can be learned again.
const LEAST: f64 = 1e-9;

/// Index of a state of whoever walks.
const fn walks(metres: usize, turned: usize) -> usize {
    HERE + metres * TURNED.len() + turned
}

/// What is believed of where she is.
#[derive(Clone, Debug)]
pub(crate) struct Belief {
    model: Model,
    /// Decibels fainter than usual, by state.
    losses: [f64; STATES],
    /// By state, in a clear air and in one in which little is heard.
    clear: [f64; STATES],
    deaf: [f64; STATES],
    /// Until when time is in it.
    until: Duration,
    /// How likely a strength is, so many decibels above its level, to the power of its weight.
    strengths: [f64; STRENGTHS],
    expected: Expected,
}

/// What a phone that is usually heard so is expected to do, by state: worked out anew when that has changed.
#[derive(Clone, Debug)]
struct Expected {
    /// Whole decibels, tenths a second, and the link.
    of: Option<(i32, i32, i32, Tie)>,
    /// How likely one is heard at all.
    heard: [f64; STATES],
    /// How likely none is within a step.
    clear: [f64; STATES],
    deaf: [f64; STATES],
}

/// What is heard as a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    /// In dBm.
    pub(crate) level: f64,
    /// Advertisements a second.
    pub(crate) rate: f64,
    /// Other phones' advertisements a second.
    pub(crate) others: f64,
}

/// Whether there is a link to her phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// None was made.
    Unknown,
    /// It stands.
    Stands,
    /// It was lost.
    Lost,
}

impl Belief {
    /// She is there, and nothing more is known.
    pub(crate) fn new(model: Model, now: Duration) -> Self {
        let mut losses = [0.0; STATES];
        losses[..HERE].copy_from_slice(&BODIES);
        for (metres, distance) in METRES.iter().enumerate() {
            let walls = ((distance - model.wall_at) / 6.0).ceil().clamp(0.0, 3.0);
            let path =
                (10.0 * model.exponent).mul_add((distance / SEAT).log10(), model.wall * walls);
            for (turned, body) in TURNED.iter().enumerate() {
                losses[walks(metres, turned)] = path + body;
            }
        }
        let strengths = std::array::from_fn(|at| {
            let above = i32::try_from(at).unwrap_or_default() - 80;
            model.strength(above.into()).powf(model.weight)
        });
        let none = [0.0; STATES];
        let expected = Expected { of: None, heard: none, clear: none, deaf: none };
        let mut clear = none;
        clear[..HERE].copy_from_slice(&BODIES_BEFORE);
        Self { model, losses, clear, deaf: none, until: now, strengths, expected }
    }

    /// She touched something: she is there. What was thought of bodies stays.
    pub(crate) fn is_there(&mut self, now: Duration) {
        self.until = self.until.max(now);
        for states in [&mut self.clear, &mut self.deaf] {
            states[HERE..].fill(0.0);
        }
        self.normalise();
    }

    /// Lets time pass in which nothing was heard, in whole steps.
    pub(crate) fn pass(&mut self, usual: Usual, tie: Tie, rises: f64, now: Duration) {
        let step = Duration::from_secs_f64(STEP);
        self.expect(usual, tie);
        for _ in 0..MOST_STEPS {
            if self.until + step > now {
                return;
            }
            self.step(STEP, rises);
            for state in 0..STATES {
                self.clear[state] *= self.expected.clear[state];
                self.deaf[state] *= self.expected.deaf[state];
            }
            self.normalise();
            self.until += step;
        }
        self.until = now;
    }

    /// Her phone was heard.
    pub(crate) fn hear(&mut self, rssi: f64, usual: Usual) {
        for state in 0..STATES {
            let above = rssi - (usual.level - self.losses[state]);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0–160"
            )]
            let at = (above.round() + 80.0).clamp(0.0, 160.0) as usize;
            let likely = self.expected.heard[state] * self.strengths[at];
            self.clear[state] *= likely;
            self.deaf[state] *= likely * self.model.jammed;
        }
        self.normalise();
    }

    /// The link to her phone had this strength: it hops over the whole band, and fades less.
    pub(crate) fn measure(&mut self, rssi: f64, usual: f64) {
        for state in 0..STATES {
            let above = rssi - (usual - self.losses[state]);
            let likely = self.model.hop(above).powf(self.model.link_weight);
            self.clear[state] *= likely;
            self.deaf[state] *= likely;
        }
        self.normalise();
    }

    /// The link was lost. That it stays lost says less: it is made again where the phone is heard.
    pub(crate) fn lose(&mut self, usual: f64) {
        for state in 0..STATES {
            let linked = self.model.linked(usual - self.losses[state]);
            let likely = (1.0 - linked).max(self.model.glitch);
            self.clear[state] *= likely;
            self.deaf[state] *= likely;
        }
        self.normalise();
    }

    /// Another phone was heard: the air is clear.
    pub(crate) fn hear_other(&mut self) {
        let likely = self.model.jammed.powf(self.model.others_weight);
        for deaf in &mut self.deaf {
            *deaf *= likely;
        }
        self.normalise();
    }

    /// How likely it is that she has gone.
    pub(crate) fn gone(&self) -> f64 {
        let from = walks(AWAY, 0);
        self.clear[from..].iter().chain(&self.deaf[from..]).sum()
    }

    /// Works out what is expected, if that has changed.
    fn expect(&mut self, usual: Usual, tie: Tie) {
        #[expect(clippy::cast_possible_truncation, reason = "decibels and tenths a second")]
        let whole = |number: f64| number.round() as i32;
        let of = (whole(usual.level), whole(usual.rate * 10.0), whole(usual.others * 10.0), tie);
        if self.expected.of == Some(of) {
            return;
        }
        let Model { jammed, weight, miss_weight, others_weight, unmade, .. } = self.model;
        let rate = STEP * miss_weight * usual.rate / self.model.detects(usual.level).max(0.1);
        let others = STEP * others_weight * usual.others;
        for state in 0..STATES {
            let level = usual.level - self.losses[state];
            let (detects, linked) = (self.model.detects(level), self.model.linked(level));
            let tied = match tie {
                Tie::Unknown => 1.0,
                Tie::Stands => linked.max(0.01).powf(STEP),
                Tie::Lost => (1.0 - linked).max(unmade).powf(STEP),
            };
            let missed = rate.mul_add(detects, others);
            self.expected.heard[state] = detects.max(LEAST).powf(weight);
            self.expected.clear[state] = (-missed).exp() * tied;
            self.expected.deaf[state] = (-missed * jammed).exp() * tied;
        }
        self.expected.of = Some(of);
    }

    /// What may have changed within `seconds`; `rises`: how likely it is that she gets up, a second.
    fn step(&mut self, seconds: f64, rises: f64) {
        let Model { moves, turns, returns, .. } = self.model;
        for states in [&mut self.clear, &mut self.deaf] {
            let here: f64 = states[..HERE].iter().sum();
            let (moved, rose) = (1.0 - (-seconds * moves).exp(), 1.0 - (-seconds * rises).exp());
            let old = *states;
            for (state, before) in BODIES_BEFORE.iter().enumerate() {
                states[state] = (1.0 - rose) * (old[state] * (1.0 - moved) + here * moved * before);
            }
            let mut came = 0.0;
            for metres in 0..METRES.len() {
                let out = self.model.leaves(metres, seconds);
                let turned = (turns * seconds).min(0.5);
                for body in 0..TURNED.len() {
                    let at = walks(metres, body);
                    let first = [0.15, 0.15, 0.2, 0.25, 0.25][body];
                    let enters = here * rose * first;
                    let from = if metres == 0 {
                        enters * (1.0 - LEAPS)
                    } else {
                        let walked = self.model.leaves(metres - 1, seconds);
                        let leaps = if metres >= LEAP { enters * LEAPS / LEAP_TO } else { 0.0 };
                        old[walks(metres - 1, body)].mul_add(walked, leaps)
                    };
                    let back = returns * seconds;
                    let beside = |body: Option<usize>| {
                        body.filter(|b| *b < TURNED.len()).map_or(0.0, |b| old[walks(metres, b)])
                    };
                    let spread = turned / 2.0
                        * (beside(body.checked_sub(1)) + beside(Some(body + 1)) - 2.0 * old[at]);
                    came += old[at] * back;
                    states[at] = (old[at].mul_add(1.0 - out - back, from) + spread).max(0.0);
                }
            }
            for (state, before) in BODIES_BEFORE.iter().enumerate() {
                states[state] += came * before;
            }
        }
        let (jams, clears) = (seconds * self.model.jams, seconds * self.model.clears);
        for (clear, deaf) in self.clear.iter_mut().zip(&mut self.deaf) {
            (*clear, *deaf) = (
                clear.mul_add(1.0 - jams, *deaf * clears),
                deaf.mul_add(1.0 - clears, *clear * jams),
            );
        }
    }

    fn normalise(&mut self) {
        let all: f64 = self.clear.iter().chain(&self.deaf).sum();
        if all.is_normal() {
            for state in self.clear.iter_mut().chain(&mut self.deaf) {
                *state = (*state / all).max(LEAST);
            }
        } else {
            // Nothing explains what was heard: begin anew, with her there.
            (self.clear, self.deaf) = ([LEAST; STATES], [LEAST; STATES]);
            self.clear[..HERE].copy_from_slice(&BODIES_BEFORE);
        }
    }
}

impl Model {
    /// How likely whoever walks is at the next of [`METRES`] after so many seconds. Within a room she may stay, and corridors end.
    fn leaves(&self, metres: usize, seconds: f64) -> f64 {
        let Some(next) = METRES.get(metres + 1) else { return 0.0 };
        let pace = match metres {
            0..3 => 1.0,
            3..5 => 0.7,
            _ => self.stays,
        };
        (pace * self.speed * seconds / (next - METRES[metres])).min(1.0)
    }
}
