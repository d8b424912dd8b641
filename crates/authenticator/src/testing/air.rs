//! An air in virtual time between a workstation and a phone: limited, and as bad as one wishes.
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use imp_authenticator::{Channel, ChannelEvent};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::now;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Workstation,
    Phone,
}

/// What the air does to frames: probabilities, each for itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) drop: f64,
    pub(crate) duplicate: f64,
    pub(crate) truncate: f64,
    pub(crate) corrupt: f64,
    /// Frames are late by up to this much, and so overtake each other.
    pub(crate) jitter: Duration,
    /// Nothing gets through from this instant on.
    pub(crate) dead_from: Option<Duration>,
}

pub(crate) struct Air {
    pub(crate) elapsed: Duration,
    /// Shows `elapsed` to who reacts to events.
    pub(crate) watch: Rc<Cell<Duration>>,
    pub(crate) faults: Faults,
    /// Bytes a second each way.
    pub(crate) rate: f64,
    /// One way.
    pub(crate) latency: Duration,
    /// Sees each frame and may change it.
    pub(crate) meddle: fn(End, Vec<u8>) -> Vec<u8>,
    rng: StdRng,
    flying: BTreeMap<(Duration, u64), (End, Vec<u8>)>,
    busy_until: [Duration; 2],
    count: u64,
}

impl Air {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            elapsed: Duration::from_secs(1000),
            watch: Rc::default(),
            faults,
            rate: 30_000.0,
            latency: Duration::from_millis(10),
            meddle: |_, frame| frame,
            rng: StdRng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            busy_until: [Duration::ZERO; 2],
            count: 0,
        }
    }

    fn send(&mut self, from: End, frame: Vec<u8>) {
        let side = usize::from(from == End::Phone);
        let start = self.busy_until[side].max(self.elapsed);
        let sent = start
            + Duration::from_secs_f64(f64::from(u32::try_from(frame.len()).unwrap()) / self.rate);
        self.busy_until[side] = sent;
        let dead = self.faults.dead_from.is_some_and(|from| self.elapsed >= from);
        if dead || self.rng.random_bool(self.faults.drop) {
            return;
        }
        let copies = if self.rng.random_bool(self.faults.duplicate) { 2 } else { 1 };
        let frame = (self.meddle)(from, frame);
        for _ in 0..copies {
            let mut frame = frame.clone();
            if self.rng.random_bool(self.faults.truncate) {
                frame.truncate(self.rng.random_range(0..frame.len()));
            }
            if self.rng.random_bool(self.faults.corrupt) && !frame.is_empty() {
                let place = self.rng.random_range(0..frame.len());
                frame[place] ^= 1 << self.rng.random_range(0..8);
            }
            let late = self.faults.jitter.mul_f64(self.rng.random_range(0.0..1.0));
            self.count += 1;
            self.flying.insert((sent + self.latency + late, self.count), (from, frame));
        }
    }

    fn time(&self) -> Timestamp {
        now() + self.elapsed.checked_sub(Duration::from_secs(1000)).unwrap()
    }

    /// Lets both ends talk until both are finished, or until `limit` has passed.
    /// `react` sees every event, and may send through the channel of the end where it happened.
    pub(crate) fn run(
        &mut self,
        workstation: &mut Channel,
        phone: &mut Channel,
        limit: Duration,
        mut react: impl FnMut(End, ChannelEvent, &mut Channel),
    ) {
        let until = self.elapsed + limit;
        loop {
            self.watch.set(self.elapsed);
            for (end, channel) in [(End::Workstation, &mut *workstation), (End::Phone, &mut *phone)]
            {
                loop {
                    while let Some(frame) = channel.transmit(self.elapsed) {
                        self.send(end, frame);
                    }
                    let Some(event) = channel.next_event() else { break };
                    react(end, event, channel);
                }
            }
            let deadlines = [workstation.deadline(), phone.deadline()];
            for deadline in deadlines.into_iter().flatten() {
                assert!(deadline > self.elapsed, "a deadline that has passed would spin");
            }
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let next = deadlines.into_iter().flatten().chain(arrival).min();
            let Some(next) = next.filter(|next| *next <= until) else { return };
            self.elapsed = next;
            while let Some(flying) = self.flying.first_entry() {
                if flying.key().0 > self.elapsed {
                    break;
                }
                let (from, frame) = flying.remove();
                let time = self.time();
                match from {
                    End::Workstation => phone.receive(&frame, self.elapsed, time),
                    End::Phone => workstation.receive(&frame, self.elapsed, time),
                }
            }
        }
    }
}
