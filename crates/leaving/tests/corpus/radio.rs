//! How a phone is heard: path loss, bodies, fading on three channels, interference, and what is not heard at all.
//!
//! Every number has its source in `docs/walk-away.md`, "How the traces are made".
use crate::chance::Chance;

/// Strength at one metre, in dBm, and its exponent up to the wall (Strzoda, Grochla and Połys 2022: −65.5 dBm at 1 m, −78.4 dBm at 5 m).
const AT_ONE_METRE: f64 = -65.5;
/// What a receiver hears half of, in dBm.
const SENSITIVITY: f64 = -93.0;
/// Advertisements that are heard when nothing is in the way: the rest collide, or fall into a change of channel.
const HEARD: f64 = 0.9;

/// The phone and the room of one shift.
pub(crate) struct Place {
    /// Decibels that this phone is louder than the average.
    pub(crate) louder: f64,
    /// Path loss exponent in the room.
    pub(crate) exponent: f64,
    /// Where the room ends, in metres.
    pub(crate) wall_at: f64,
    /// What each wall takes, in decibels.
    pub(crate) wall: f64,
    /// Seconds between advertisements.
    pub(crate) interval: f64,
}

/// Where the phone is just now.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    /// Metres from the workstation.
    pub(crate) distance: f64,
    /// What bodies between take, in decibels.
    pub(crate) bodies: f64,
    /// She walks.
    pub(crate) walks: bool,
}

/// Fading that remembers: what is heard of one phone on three channels.
pub(crate) struct Radio {
    place: Place,
    /// Scattered part of each channel, real and imaginary.
    scattered: [[f64; 2]; 3],
    /// Slow shadowing, in standard deviations.
    slow: f64,
    link: Link,
}

/// The link of a tap that is kept: it hops over 37 channels, of which neighbours fade together.
struct Link {
    /// Chance of its own, so that advertisements are what they are without a link.
    chance: Chance,
    scattered: [[f64; 2]; GROUPS],
    /// Seconds without a packet.
    silent: f64,
    /// Seconds for which a lost one could have been made again.
    well: f64,
    stands: bool,
}

/// What is seen of a link.
pub(crate) enum Tied {
    /// It stands, at this strength in dBm.
    Stands(i16),
    /// It was lost just now.
    Lost,
    /// Nothing came, or there is none.
    Silent,
}

/// Groups of channels that fade apart: 80 MHz, of which 6 fade together (delay spreads of 30 ns indoors: ITU-R P.1238).
const GROUPS: usize = 12;
/// Connection events a second.
const EVENTS: f64 = 20.0;
/// Seconds without a packet after which a link is lost: the workstation's patience with heartbeats.
const SUPERVISION: f64 = 4.0;
/// Seconds for which a phone must be heard before the link is made again.
const MADE_AGAIN: f64 = 5.0;

impl Place {
    pub(crate) fn any(interval: f64, chance: &mut Chance) -> Self {
        Self {
            louder: (4.0 * chance.normal()).clamp(-8.0, 8.0),
            exponent: chance.between(1.8, 2.6),
            wall_at: chance.between(5.0, 9.0),
            wall: chance.between(3.0, 12.0),
            interval,
        }
    }

    fn mean(&self, spot: Spot) -> f64 {
        let distance = spot.distance.max(0.3);
        let behind = ((distance - self.wall_at) / 6.0).ceil().clamp(0.0, 3.0);
        let loss = (10.0 * self.exponent).mul_add(distance.log10(), self.wall * behind);
        AT_ONE_METRE + self.louder - loss - spot.bodies
    }
}

impl Radio {
    pub(crate) fn new(place: Place, chance: &mut Chance) -> Self {
        let scattered = std::array::from_fn(|_| [chance.normal(), chance.normal()]);
        let slow = chance.normal();
        let mut own = chance.clone();
        let link = Link {
            scattered: std::array::from_fn(|_| [own.normal(), own.normal()]),
            chance: own,
            silent: 0.0,
            well: 0.0,
            stands: true,
        };
        Self { place, scattered, slow, link }
    }

    /// The link, `passed` seconds after it was looked at last.
    pub(crate) fn tie(&mut self, spot: Spot, passed: f64, lost: f64) -> Tied {
        let (fast, spread) = if spot.walks { (0.1, 4.0) } else { (8.0_f64, 3.0) };
        let mean = spread * self.slow + self.place.mean(spot);
        let direct = if spot.bodies < 8.0 { 5.0_f64 } else { 1.0 };
        let link = &mut self.link;
        let kept = (-passed / fast).exp();
        let fresh = kept.mul_add(-kept, 1.0).sqrt();
        for part in link.scattered.as_flattened_mut() {
            *part = kept.mul_add(*part, fresh * link.chance.normal());
        }
        let scale = (1.0 / (2.0 * (direct + 1.0))).sqrt();
        let mut heard = None;
        for _ in 0..(passed * EVENTS).round() as usize {
            let [re, im] = link.scattered[(link.chance.unit() * GROUPS as f64) as usize];
            let re = scale.mul_add(re, (direct / (direct + 1.0)).sqrt());
            let power = re.mul_add(re, (scale * im).powi(2)).max(1e-5);
            let strength = mean + 10.0 * power.log10() + 0.7 * link.chance.normal();
            let received = HEARD * (1.0 - lost) / (1.0 + (-(strength - SENSITIVITY)).exp());
            if link.chance.happens(received) {
                heard = Some(strength.round().max(-127.0) as i16);
            }
        }
        if !link.stands {
            link.well =
                if heard.is_some() && mean > SENSITIVITY + 5.0 { link.well + passed } else { 0.0 };
            link.stands = link.well >= MADE_AGAIN;
            link.silent = 0.0;
            return Tied::Silent;
        }
        link.silent = if heard.is_some() { 0.0 } else { link.silent + passed };
        if link.silent >= SUPERVISION {
            (link.stands, link.well) = (false, 0.0);
            return Tied::Lost;
        }
        heard.map_or(Tied::Silent, Tied::Stands)
    }

    pub(crate) const fn interval(&self) -> f64 {
        self.place.interval
    }

    /// The next advertisement, `passed` seconds after the last: how strong it is heard, if it is. `lost`: the share that interference takes.
    pub(crate) fn advertise(
        &mut self,
        spot: Spot,
        passed: f64,
        lost: f64,
        chance: &mut Chance,
    ) -> Option<i16> {
        // People move about even where she sits still.
        let (fast, slow, spread): (f64, f64, f64) =
            if spot.walks { (0.1, 1.7, 4.0) } else { (8.0, 60.0, 3.0) };
        let kept = (-passed / fast).exp();
        let fresh = kept.mul_add(-kept, 1.0).sqrt();
        for part in self.scattered.as_flattened_mut() {
            *part = kept.mul_add(*part, fresh * chance.normal());
        }
        let kept = (-passed / slow).exp();
        self.slow = kept.mul_add(self.slow, kept.mul_add(-kept, 1.0).sqrt() * chance.normal());
        // Rician: a strong direct path when no body is between, hardly any when there is.
        let direct = if spot.bodies < 8.0 { 5.0_f64 } else { 1.0 };
        let which = [0, 1, 2][(chance.unit() * 3.0) as usize];
        let [re, im] = self.scattered[which];
        let scale = (1.0 / (2.0 * (direct + 1.0))).sqrt();
        let re = scale.mul_add(re, (direct / (direct + 1.0)).sqrt());
        let power = re.mul_add(re, (scale * im).powi(2)).max(1e-5);
        let strength = spread.mul_add(self.slow, self.place.mean(spot))
            + 10.0 * power.log10()
            + 0.7 * chance.normal();
        let heard = HEARD * (1.0 - lost) / (1.0 + (-(strength - SENSITIVITY) / 1.0).exp());
        chance.happens(heard).then_some(strength.round().max(-127.0) as i16)
    }
}
