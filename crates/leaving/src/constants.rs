//! Every number by which a departure is recognised.
use std::time::Duration;

/// How a departure is recognised. `docs/walk-away.md` says what the defaults were chosen on, and what they reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// The sliding window of the filter, see [`crate::Level`].
    pub window: Duration,
    /// Decibels below her usual level at which she may have left: a countdown begins.
    pub drop: u8,
    /// Decibels below her usual level at which she has left: the countdown may end in a lock.
    pub far: u8,
    /// No level above this is low, in dBm, whatever is usual.
    pub ceiling: i16,
    /// Decibels that the level has to rise again before she counts as back.
    pub rise: u8,
    /// How long the level must stay low, or far.
    pub low_for: Duration,
    /// A phone that was not heard for this long has left; for half as long, it may have.
    pub silence: Duration,
    /// The usual level, in dBm, below which a phone is not missed before [`Self::deafness`]: a body in between silences it.
    pub weak: i16,
    /// The same while no other phone is heard either that was heard before: then it may be the radio that is deaf.
    pub deafness: Duration,
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
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(3),
            drop: 18,
            far: 28,
            ceiling: -65,
            rise: 4,
            low_for: Duration::from_secs(1),
            silence: Duration::from_secs(6),
            weak: -79,
            deafness: Duration::from_secs(20),
            pause: Duration::from_secs(4),
            blind_pause: Duration::from_secs(20),
            countdown: Duration::from_secs(5),
            doubt: Duration::from_secs(10),
            idle: Some(Duration::from_mins(10)),
        }
    }
}
