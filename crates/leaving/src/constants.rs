//! Every number by which a departure is recognised.
use std::time::Duration;

use crate::Model;

/// How a departure is recognised. `docs/walk-away.md` says what the defaults were chosen on, and what they reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// The sliding window of the level from which is learned what is usual, see [`crate::Level`].
    pub window: Duration,
    /// How likely it has to be that she has left, from 0 to 1, for a countdown to begin.
    pub suspicion: f64,
    /// How likely, for it to end in a lock.
    pub certainty: f64,
    /// A phone without a link that was not heard for this long has left, however faint it is at best, unless nobody else is heard either.
    pub silence: Duration,
    /// How long nobody may have touched keyboard or pointer for a countdown to begin.
    pub pause: Duration,
    /// How long the phone must have been away where nobody can say when keyboard and pointer were touched.
    pub blind_pause: Duration,
    /// How long the countdown lasts, at least.
    pub countdown: Duration,
    /// How much longer a countdown waits for certainty, before it is given up.
    pub doubt: Duration,
    /// A countdown begins when nobody touched keyboard or pointer for this long, wherever the phone is. `None`: never.
    pub idle: Option<Duration>,
    /// How phones, bodies and rooms look to a radio.
    pub model: Model,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(3),
            suspicion: 0.3,
            certainty: 0.98,
            silence: Duration::from_mins(1),
            pause: Duration::from_secs(4),
            blind_pause: Duration::from_secs(20),
            countdown: Duration::from_secs(5),
            doubt: Duration::from_secs(15),
            idle: Some(Duration::from_mins(10)),
            model: Model::default(),
        }
    }
}
