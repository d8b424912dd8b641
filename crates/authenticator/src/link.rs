//! The link: a reliable byte stream each way over radio frames that may be lost, cut short, damaged, doubled
//! or out of order.
//!
//! Frames that carry the stream are numbered; the receiver keeps those that come early, acknowledges the rest
//! by number and the early ones by a bit map; the sender repeats what is missing (selective repeat), at once
//! when a later frame has arrived, else after a time that doubles. Whoever has nothing to say sends a
//! heartbeat, so that a silent peer is a dead one.
use std::time::Duration;

mod frame;
mod receiver;
mod sender;

use frame::{Frame, Kind};
use receiver::{Arrival, Receiver};
use sender::Sender;

pub use frame::{LARGEST_MTU, SMALLEST_MTU};

/// Frames in flight, at most; also what a receiver keeps early.
pub const WINDOW: u16 = 64;
/// Whoever has sent nothing for this long sends a heartbeat.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// A peer of which nothing was heard for this long is dead.
pub const SILENCE: Duration = Duration::from_secs(6);
/// A frame that is not acknowledged for this long, however often it was sent, ends the link.
pub const STALL: Duration = Duration::from_secs(15);
/// How long a goodbye waits for its acknowledgement.
pub const LINGER: Duration = Duration::from_secs(3);
/// An acknowledgement waits this long for data to travel with.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(10);
/// … and for no more frames than this.
const ACKNOWLEDGE_EVERY: u16 = 8;

/// What went over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of all frames that were sent.
    pub bytes_sent: u64,
    /// Bytes of all frames that were received.
    pub bytes_received: u64,
    /// Frames that were sent.
    pub frames_sent: u64,
    /// Frames that were received.
    pub frames_received: u64,
    /// Frames that were sent again.
    pub retransmissions: u64,
    /// Received frames that were dropped: truncated, corrupted, or not a frame at all.
    pub malformed: u64,
    /// Received frames that were there already.
    pub duplicates: u64,
}

/// Why a link carries nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The peer sent its last frame.
    PeerClosed,
    /// Nothing was heard for [`SILENCE`].
    Silent,
    /// Nothing was acknowledged for [`STALL`].
    Stalled,
}

/// One end of a link. No input or output: after every [`receive`](Self::receive), [`write`](Self::write) and
/// [`close`](Self::close), and at the [`deadline`](Self::deadline), call [`transmit`](Self::transmit) until `None`.
#[derive(Debug)]
pub struct Link {
    sender: Sender,
    receiver: Receiver,
    /// Whether it may send anything: a phone says nothing before the knock was good.
    speaks: bool,
    end: Option<LinkEnd>,
    last_heard: Option<Duration>,
    last_sent: Duration,
    /// In-order frames since the last acknowledgement.
    pending: u16,
    acknowledge_at: Option<Duration>,
    /// When the goodbye stops waiting.
    linger_until: Option<Duration>,
    statistics: Statistics,
}

impl Link {
    /// A link over a connection with this ATT MTU; 23 to 517, else the nearest of these.
    pub fn new(mtu: usize, speaks: bool) -> Self {
        Self {
            sender: Sender::new(frame::capacity(mtu)),
            receiver: Receiver::default(),
            speaks,
            end: None,
            last_heard: None,
            last_sent: Duration::ZERO,
            pending: 0,
            acknowledge_at: None,
            linger_until: None,
            statistics: Statistics::default(),
        }
    }

    /// From now on it may send.
    pub fn speak(&mut self) {
        self.speaks = true;
    }

    /// Appends to the stream.
    pub fn write(&mut self, bytes: &[u8]) {
        self.sender.write(bytes);
    }

    /// Bytes of the stream that were not acknowledged yet.
    pub fn backlog(&self) -> usize {
        self.sender.backlog()
    }

    /// Ends the stream: the last frame follows what was written.
    pub fn close(&mut self) {
        self.sender.close();
    }

    /// Why it carries nothing more, if so.
    pub fn end(&self) -> Option<LinkEnd> {
        self.end
    }

    /// Takes what has arrived of the peer's stream.
    pub fn read(&mut self) -> Vec<u8> {
        self.receiver.read()
    }

    /// What went over it so far.
    pub fn statistics(&self) -> Statistics {
        Statistics { retransmissions: self.sender.retransmissions(), ..self.statistics }
    }

    /// Takes a frame from the air.
    pub fn receive(&mut self, bytes: &[u8], elapsed: Duration) {
        self.statistics.frames_received += 1;
        self.statistics.bytes_received += bytes.len() as u64;
        let Some(frame) = Frame::parse(bytes) else {
            self.statistics.malformed += 1;
            return;
        };
        self.last_heard = Some(elapsed);
        self.sender.acknowledged(frame.acknowledgement, frame.early(), elapsed);
        match frame.kind {
            Kind::Data | Kind::Close => self.arrived(&frame, elapsed),
            Kind::Acknowledge | Kind::Heartbeat => {}
        }
        if self.receiver.has_ended() && self.end.is_none() {
            self.end = Some(LinkEnd::PeerClosed);
        }
    }

    fn arrived(&mut self, frame: &Frame<'_>, elapsed: Duration) {
        match self.receiver.accept(frame) {
            Arrival::InOrder => {
                self.pending += 1;
                let at_once = self.pending >= ACKNOWLEDGE_EVERY
                    || self.receiver.has_early()
                    || frame.kind == Kind::Close;
                let wait = if at_once { Duration::ZERO } else { ACKNOWLEDGE_AFTER };
                let due = elapsed + wait;
                self.acknowledge_at = Some(self.acknowledge_at.map_or(due, |at| at.min(due)));
            }
            Arrival::Early => self.acknowledge_at = Some(elapsed),
            Arrival::Duplicate => {
                self.statistics.duplicates += 1;
                self.acknowledge_at = Some(elapsed);
            }
            Arrival::Unexpected => self.statistics.malformed += 1,
        }
    }

    /// The next frame to send.
    pub fn transmit(&mut self, elapsed: Duration) -> Option<Vec<u8>> {
        self.keep_time(elapsed);
        if !self.speaks {
            return None;
        }
        let acknowledge = self.acknowledge_at.is_some_and(|at| at <= elapsed);
        if acknowledge && (self.receiver.has_early() || self.end.is_some()) {
            return Some(self.status(Kind::Acknowledge, elapsed));
        }
        if self.end.is_some() {
            return None;
        }
        let acknowledgement = self.receiver.expected();
        if let Some(frame) = self.sender.next(acknowledgement, elapsed) {
            return Some(self.sent(frame, elapsed));
        }
        if acknowledge {
            return Some(self.status(Kind::Acknowledge, elapsed));
        }
        let quiet = elapsed.saturating_sub(self.last_sent) >= HEARTBEAT;
        (quiet && !self.is_finished()).then(|| self.status(Kind::Heartbeat, elapsed))
    }

    /// Notices silence, stalls, and what has to be sent again.
    fn keep_time(&mut self, elapsed: Duration) {
        let last_heard = *self.last_heard.get_or_insert_with(|| {
            self.last_sent = elapsed;
            elapsed
        });
        if self.sender.said_goodbye() {
            self.linger_until.get_or_insert(elapsed + LINGER);
        }
        if self.end.is_some() {
            return;
        }
        if elapsed >= last_heard + SILENCE {
            self.end = Some(LinkEnd::Silent);
        } else if self.sender.stalled_at().is_some_and(|at| at <= elapsed) {
            self.end = Some(LinkEnd::Stalled);
        }
        if self.linger_until.is_some_and(|until| until <= elapsed) {
            self.sender.give_up();
        }
        self.sender.keep_time(elapsed);
    }

    fn status(&mut self, kind: Kind, elapsed: Duration) -> Vec<u8> {
        let early = self.receiver.early();
        let early_bytes = early.to_be_bytes();
        let payload: &[u8] = if early == 0 { &[] } else { &early_bytes };
        let acknowledgement = self.receiver.expected();
        let frame = Frame { kind, sequence: 0, acknowledgement, payload }.encode();
        self.sent(frame, elapsed)
    }

    fn sent(&mut self, frame: Vec<u8>, elapsed: Duration) -> Vec<u8> {
        self.pending = 0;
        self.acknowledge_at = None;
        self.last_sent = elapsed;
        self.statistics.frames_sent += 1;
        self.statistics.bytes_sent += frame.len() as u64;
        frame
    }

    /// Whether there will be nothing more to send, unless the peer repeats itself.
    pub fn is_finished(&self) -> bool {
        match self.end {
            Some(LinkEnd::PeerClosed) => !self.speaks || self.acknowledge_at.is_none(),
            Some(LinkEnd::Silent | LinkEnd::Stalled) => true,
            None => self.sender.is_finished(),
        }
    }

    /// When [`transmit`](Self::transmit) has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        let Some(last_heard) = self.last_heard else { return Some(Duration::ZERO) };
        if self.is_finished() {
            return None;
        }
        if !self.speaks {
            return Some(last_heard + SILENCE);
        }
        if self.end.is_some() {
            return self.acknowledge_at;
        }
        let always = (last_heard + SILENCE).min(self.last_sent + HEARTBEAT);
        [self.acknowledge_at, self.linger_until, self.sender.deadline()]
            .into_iter()
            .flatten()
            .chain([always])
            .min()
    }
}

#[cfg(test)]
mod tests;
