//! A nurse at a workstation: she types, reads, sits still, turns away, goes and comes back.
use crate::chance::Chance;
use crate::radio::{Place, Radio, Spot, Tied};
use crate::trace::{Absence, Event, Trace, Trip};

/// Metres a second.
const WALK: f64 = 1.2;
/// Seconds between two looks at where she is.
const STEP: f64 = 0.05;
/// Seconds between two readings of the link.
const LINK: f64 = 0.25;
/// Seconds between two notes of where she truly is.
const NOTE: f64 = 0.25;

/// What she does for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scene {
    /// Types, with pauses to think.
    Typing,
    /// Reads, and scrolls now and then.
    Reading,
    /// Sits there and touches nothing: on the telephone, with a patient.
    Still,
    /// The same, her body between phone and workstation.
    TurnedAway,
    /// Reads while two people pass between phone and workstation.
    Crossing,
    /// Reads while the radio hears next to nothing.
    Interference,
    /// Goes somewhere.
    Away(Trip),
}

/// How a shift is made: seconds that each scene takes on average, and how often it comes.
const SHIFT: &[(Scene, f64, f64)] = &[
    (Scene::Typing, 150.0, 30.0),
    (Scene::Reading, 60.0, 25.0),
    (Scene::Still, 120.0, 10.0),
    (Scene::TurnedAway, 90.0, 8.0),
    (Scene::Crossing, 20.0, 8.0),
    (Scene::Interference, 20.0, 2.0),
    (Scene::Away(Trip::Printer), 25.0, 6.0),
    (Scene::Away(Trip::Bed), 180.0, 2.0),
    (Scene::Away(Trip::Leaving), 400.0, 9.0),
];

/// Nobody sits still and touches nothing for longer: then the limit of input without a phone would lock, rightly.
const LONGEST: f64 = 540.0;

/// What her body takes when the phone is behind her, at least, in decibels.
const BEHIND: f64 = 12.0;

pub(crate) struct Nurse {
    chance: Chance,
    radio: Radio,
    /// Metres from phone to workstation where she sits.
    seat: f64,
    /// What her body takes when she faces the workstation: the phone is in a breast, front or back pocket.
    facing: f64,
    now: f64,
    advertised: f64,
    noted: f64,
    other: f64,
    linked: f64,
    trace: Trace,
}

impl Nurse {
    pub(crate) fn new(seed: u64, interval: f64) -> Self {
        let mut chance = Chance::of(seed);
        let place = Place::any(interval, &mut chance);
        let radio = Radio::new(place, &mut chance);
        let seat = chance.between(0.6, 1.1);
        let pocket = [0.0, 6.0, BEHIND][(chance.unit() * 3.0) as usize];
        let facing = pocket + chance.between(0.0, 3.0);
        let trace = Trace::default();
        Self {
            chance,
            radio,
            seat,
            facing,
            now: 0.0,
            advertised: 0.0,
            noted: -1.0,
            other: 0.0,
            linked: 0.0,
            trace,
        }
    }

    /// Eight hours, or as many seconds as asked for.
    pub(crate) fn shift(mut self, seconds: f64) -> Trace {
        self.act(Scene::Typing, 30.0);
        let weights: f64 = SHIFT.iter().map(|(_, _, weight)| weight).sum();
        while self.now < seconds {
            let mut drawn = self.chance.between(0.0, weights);
            for (scene, mean, weight) in SHIFT {
                drawn -= weight;
                if drawn < 0.0 {
                    let length = self.chance.wait(*mean).clamp(mean / 4.0, LONGEST.max(*mean));
                    self.act(*scene, length);
                    if matches!(scene, Scene::Still | Scene::TurnedAway) {
                        self.note(Event::Key);
                        self.act(Scene::Typing, 5.0);
                    }
                    break;
                }
            }
        }
        self.end()
    }

    /// One scene between two bouts of typing.
    pub(crate) fn short(mut self, scene: Scene, seconds: f64) -> Trace {
        self.act(Scene::Typing, 20.0);
        self.act(scene, seconds);
        if !matches!(scene, Scene::Away(Trip::Leaving)) {
            self.act(Scene::Typing, 15.0);
        }
        self.end()
    }

    fn end(mut self) -> Trace {
        self.trace.length = self.now;
        self.trace
    }

    fn act(&mut self, scene: Scene, seconds: f64) {
        let facing = self.facing;
        match scene {
            Scene::Typing => self.sit(seconds, facing, Some(Input::Typing), 0.0),
            Scene::Reading => self.sit(seconds, facing, Some(Input::Scrolling), 0.0),
            Scene::Still => {
                // Whoever talks to somebody turns this way and that.
                let until = self.now + seconds;
                while self.now < until {
                    let bodies = facing + self.chance.between(-4.0, 8.0);
                    let length = self.chance.wait(30.0).min(until - self.now).max(STEP);
                    self.sit(length, bodies.max(0.0), None, 0.0);
                }
            }
            Scene::TurnedAway => {
                // Whoever has the phone behind turns it towards the workstation.
                let bodies = if facing >= BEHIND {
                    self.chance.between(0.0, 6.0)
                } else {
                    (facing + self.chance.between(8.0, 16.0)).min(24.0)
                };
                self.sit(seconds, bodies, None, 0.0);
            }
            Scene::Crossing => {
                for _ in 0..2 {
                    self.sit(seconds / 3.0, facing, Some(Input::Scrolling), 0.0);
                    let bodies = facing + self.chance.between(6.0, 15.0);
                    let length = self.chance.between(1.0, 3.0);
                    self.sit(length, bodies, None, 0.0);
                }
                self.sit(seconds / 3.0, facing, Some(Input::Scrolling), 0.0);
            }
            Scene::Interference => {
                let lost = if self.chance.happens(0.5) {
                    self.chance.between(0.13, 0.4)
                } else {
                    self.chance.between(0.6, 0.97)
                };
                self.sit(seconds, facing, Some(Input::Scrolling), lost);
            }
            Scene::Away(trip) => self.go(trip, seconds),
        }
    }

    /// Sits, with `bodies` decibels between.
    fn sit(&mut self, seconds: f64, bodies: f64, input: Option<Input>, lost: f64) {
        let until = self.now + seconds;
        let mut key = input.map(|input| self.now + input.pause(&mut self.chance));
        while self.now < until {
            let spot = Spot { distance: self.seat, bodies, walks: false };
            self.step(spot, lost);
            if let (Some(at), Some(input)) = (key, input)
                && self.now >= at
            {
                self.note(Event::Key);
                key = Some(self.now + input.pause(&mut self.chance));
            }
        }
    }

    fn go(&mut self, trip: Trip, seconds: f64) {
        let metres = match trip {
            Trip::Leaving => self.chance.between(12.0, 40.0),
            Trip::Printer => self.chance.between(5.0, 9.0),
            Trip::Bed => self.chance.between(4.0, 6.0),
        };
        // A last key, then she gets up; her back hides a phone in front, and shows one behind.
        self.note(Event::Key);
        let stands_up = self.now;
        let behind = self.facing >= BEHIND;
        let (out, back) = if behind { (2.0, 14.0) } else { (12.0, 2.0) };
        let out = out + self.chance.between(-2.0, 4.0);
        let leaves = self.walk(self.seat, metres, out.max(0.0), 3.0);
        let until = self.now + seconds;
        while self.now < until {
            let bodies = self.chance.between(0.0, 16.0);
            let length = self.chance.wait(10.0).min(until - self.now).max(STEP);
            let end = self.now + length;
            while self.now < end {
                self.step(Spot { distance: metres, bodies, walks: true }, 0.0);
            }
        }
        let returns = self.walk(metres, self.seat, back, 3.0);
        self.trace.absences.push(Absence { trip, stands_up, leaves, returns });
        // She sits down, and finds out whether the desktop is open.
        self.sit(2.0, self.facing, None, 0.0);
    }

    /// Walks from one distance to another; answers when she passed `mark`.
    fn walk(&mut self, from: f64, to: f64, bodies: f64, mark: f64) -> f64 {
        let (began, mut passed) = (self.now, None);
        let speed = WALK * (to - from).signum();
        loop {
            let distance = speed.mul_add(self.now - began, from);
            if (distance - mark) * speed >= 0.0 {
                passed = passed.or(Some(self.now));
            }
            if (distance - to) * speed >= 0.0 {
                return passed.unwrap_or(self.now);
            }
            self.step(Spot { distance, bodies, walks: true }, 0.0);
        }
    }

    fn step(&mut self, spot: Spot, lost: f64) {
        self.now += STEP;
        if self.now - self.noted >= NOTE {
            self.noted = self.now;
            self.note(Event::At(spot.distance));
        }
        if self.now >= self.other {
            // Some other phone of the ward, about once a second.
            self.other = self.now + self.chance.wait(1.0);
            if self.chance.happens(0.9 * (1.0 - lost)) {
                self.note(Event::Other);
            }
        }
        if self.now - self.linked >= LINK {
            let passed = self.now - self.linked;
            self.linked = self.now;
            match self.radio.tie(spot, passed, lost) {
                Tied::Stands(rssi) => self.note(Event::Link(rssi)),
                Tied::Lost => self.note(Event::Lost),
                Tied::Silent => {}
            }
        }
        // advDelay: 0 to 10 ms (Core 5.4, Vol 6, Part B, §4.4.2.2).
        let interval = self.radio.interval();
        if self.now - self.advertised >= interval {
            let passed = self.now - self.advertised;
            self.advertised = self.now + self.chance.between(0.0, 0.01);
            if let Some(rssi) = self.radio.advertise(spot, passed, lost, &mut self.chance) {
                self.note(Event::Heard(rssi));
            }
        }
    }

    fn note(&mut self, event: Event) {
        self.trace.events.push((self.now, event));
    }
}

#[derive(Clone, Copy)]
enum Input {
    Typing,
    Scrolling,
}

impl Input {
    /// Seconds until the next touch.
    fn pause(self, chance: &mut Chance) -> f64 {
        match self {
            Self::Scrolling => chance.wait(15.0),
            Self::Typing if chance.happens(0.02) => chance.between(8.0, 30.0),
            Self::Typing if chance.happens(0.08) => chance.between(2.0, 8.0),
            Self::Typing => 0.4 * (0.6 * chance.normal()).exp(),
        }
    }
}
