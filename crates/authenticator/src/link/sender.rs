//! Sends the stream, and what was lost of it again.
use std::collections::VecDeque;
use std::time::Duration;

use super::frame::{Frame, Kind};
use super::{STALL, WINDOW};

/// Before a round trip was measured.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection event can be late by this much without anything being lost.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(150);
/// There is nobody else on the link to make room for, so there is no need to wait longer.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(500);

/// The sending half of a link.
#[derive(Debug)]
pub(super) struct Sender {
    capacity: usize,
    queue: VecDeque<u8>,
    closing: Closing,
    /// The sequence number of the first frame in flight.
    base: u16,
    in_flight: VecDeque<InFlight>,
    /// Counts transmissions, first and repeated.
    order: u64,
    /// The latest transmission that is known to have arrived.
    arrived: u64,
    timeout: Timeout,
    last_progress: Duration,
    retransmissions: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    /// The last frame follows the queue.
    Asked,
    /// The last frame is in flight.
    Sent,
    /// It will not be waited for any longer.
    GivenUp,
}

#[derive(Debug)]
struct InFlight {
    kind: Kind,
    payload: Vec<u8>,
    first_sent_at: Duration,
    sent_at: Duration,
    order: u64,
    state: State,
    repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sent,
    Arrived,
    Lost,
}

impl Sender {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            queue: VecDeque::new(),
            closing: Closing::No,
            base: 0,
            in_flight: VecDeque::new(),
            order: 0,
            arrived: 0,
            timeout: Timeout::default(),
            last_progress: Duration::ZERO,
            retransmissions: 0,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.closing == Closing::No {
            self.queue.extend(bytes);
        }
    }

    pub(super) fn backlog(&self) -> usize {
        self.queue.len() + self.in_flight.iter().map(|frame| frame.payload.len()).sum::<usize>()
    }

    pub(super) fn close(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Asked;
        }
    }

    /// Stops waiting for the goodbye.
    pub(super) fn give_up(&mut self) {
        self.closing = Closing::GivenUp;
        self.queue.clear();
        self.in_flight.clear();
    }

    /// Whether the last frame was sent.
    pub(super) fn said_goodbye(&self) -> bool {
        matches!(self.closing, Closing::Sent | Closing::GivenUp)
    }

    pub(super) fn is_finished(&self) -> bool {
        match self.closing {
            Closing::No | Closing::Asked => false,
            Closing::Sent => self.in_flight.is_empty(),
            Closing::GivenUp => true,
        }
    }

    pub(super) fn retransmissions(&self) -> u64 {
        self.retransmissions
    }

    /// When the oldest frame will have waited too long.
    pub(super) fn stalled_at(&self) -> Option<Duration> {
        self.in_flight.front().map(|frame| frame.first_sent_at + STALL)
    }

    /// When there is something to send or to give up.
    pub(super) fn deadline(&self) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        let repeat = self.oldest().map(|frame| self.expiry(frame));
        [repeat, self.stalled_at()].into_iter().flatten().min()
    }

    fn has_work(&self) -> bool {
        let room = self.in_flight.len() < usize::from(WINDOW);
        let fresh = !self.queue.is_empty() || self.closing == Closing::Asked;
        (room && fresh) || self.in_flight.iter().any(|frame| frame.state == State::Lost)
    }

    /// The oldest frame of which nothing is known. What else is in flight waits for it.
    fn oldest(&self) -> Option<&InFlight> {
        self.in_flight.iter().find(|frame| frame.state == State::Sent)
    }

    fn expiry(&self, frame: &InFlight) -> Duration {
        frame.sent_at.max(self.last_progress) + self.timeout.current()
    }

    /// Takes the peer's word on what has arrived.
    pub(super) fn acknowledged(&mut self, expected: u16, early: u64, elapsed: Duration) {
        let count = usize::from(expected.wrapping_sub(self.base));
        if count > self.in_flight.len() {
            return; // an old frame, or a peer that acknowledges what was never sent
        }
        let mut progress = false;
        for place in 0..self.in_flight.len() {
            let bit = place.checked_sub(count + 1);
            let there = place < count || bit.is_some_and(|bit| bit < 64 && early >> bit & 1 == 1);
            if there && self.in_flight[place].state != State::Arrived {
                self.has_arrived(place, elapsed);
                progress = true;
            }
        }
        self.in_flight.drain(..count);
        self.base = expected;
        if !progress {
            return;
        }
        self.last_progress = elapsed;
        self.timeout.progress();
        // The radio keeps the order: what was sent before something that has arrived, and has not, is lost.
        for frame in &mut self.in_flight {
            if frame.state == State::Sent && frame.order < self.arrived {
                frame.state = State::Lost;
            }
        }
    }

    fn has_arrived(&mut self, place: usize, elapsed: Duration) {
        let frame = &mut self.in_flight[place];
        frame.state = State::Arrived;
        self.arrived = self.arrived.max(frame.order);
        if !frame.repeated {
            self.timeout.measured(elapsed.saturating_sub(frame.sent_at));
        }
    }

    /// Gives up the oldest frame when it has waited long enough; the rest follows from what is then acknowledged.
    pub(super) fn keep_time(&mut self, elapsed: Duration) {
        let place = self.in_flight.iter().position(|frame| frame.state == State::Sent);
        let Some(place) = place else { return };
        if self.expiry(&self.in_flight[place]) > elapsed {
            return;
        }
        self.in_flight[place].state = State::Lost;
        if self.arrived == 0 {
            // A phone acknowledges nothing before it has the whole knock: any frame may be the missing one.
            self.in_flight.iter_mut().for_each(|frame| frame.state = State::Lost);
        }
        self.last_progress = elapsed;
        self.timeout.double();
    }

    /// The next frame to send: first what was lost, then what is new.
    pub(super) fn next(&mut self, acknowledgement: u16, elapsed: Duration) -> Option<Vec<u8>> {
        let lost = self.in_flight.iter().position(|frame| frame.state == State::Lost);
        let place = match lost {
            Some(place) => {
                self.retransmissions += 1;
                place
            }
            None => self.take_from_queue(elapsed)?,
        };
        self.order += 1;
        let frame = &mut self.in_flight[place];
        frame.state = State::Sent;
        frame.sent_at = elapsed;
        frame.order = self.order;
        frame.repeated = lost.is_some();
        let sequence = self.base.wrapping_add(u16::try_from(place).unwrap_or_default());
        let InFlight { kind, payload, .. } = &*frame;
        Some(Frame { kind: *kind, sequence, acknowledgement, payload }.encode())
    }

    /// Makes a new frame; its place.
    fn take_from_queue(&mut self, elapsed: Duration) -> Option<usize> {
        if self.in_flight.len() >= usize::from(WINDOW) {
            return None;
        }
        let kind = match (self.queue.is_empty(), self.closing) {
            (false, _) => Kind::Data,
            (true, Closing::Asked) => {
                self.closing = Closing::Sent;
                Kind::Close
            }
            (true, Closing::No | Closing::Sent | Closing::GivenUp) => return None,
        };
        let length = self.queue.len().min(self.capacity);
        self.in_flight.push_back(InFlight {
            kind,
            payload: self.queue.drain(..length).collect(),
            first_sent_at: elapsed,
            sent_at: elapsed,
            order: 0,
            state: State::Sent,
            repeated: false,
        });
        Some(self.in_flight.len() - 1)
    }
}

/// How long an acknowledgement may take (RFC 6298).
#[derive(Debug, Default)]
struct Timeout {
    smoothed: Option<(Duration, Duration)>,
    doublings: u32,
}

impl Timeout {
    fn current(&self) -> Duration {
        let base = self.smoothed.map_or(FIRST_TIMEOUT, |(mean, deviation)| mean + 4 * deviation);
        let base = base.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        (base * (1 << self.doublings)).min(LONGEST_TIMEOUT)
    }

    fn measured(&mut self, round_trip: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => (round_trip, round_trip / 2),
            Some((mean, deviation)) => {
                ((7 * mean + round_trip) / 8, (3 * deviation + mean.abs_diff(round_trip)) / 4)
            }
        });
    }

    fn progress(&mut self) {
        self.doublings = 0;
    }

    fn double(&mut self) {
        self.doublings = (self.doublings + 1).min(2);
    }
}
