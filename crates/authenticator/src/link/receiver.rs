//! Puts the peer's stream together again.
use std::collections::VecDeque;

use super::WINDOW;
use super::frame::{Frame, Kind};

/// What came of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The stream went on.
    InOrder,
    /// Kept until those before it come.
    Early,
    /// It was there already.
    Duplicate,
    /// Outside the window, or after the end: dropped.
    Unexpected,
}

/// The receiving half of a link. Keeps at most [`WINDOW`] frames.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The sequence number of the first place in `early`.
    expected: u16,
    /// What came early, by distance from `expected`; the first place is always empty. `None` within is a gap.
    early: VecDeque<Option<Piece>>,
    stream: Vec<u8>,
    ended: bool,
}

#[derive(Debug)]
enum Piece {
    Data(Vec<u8>),
    Close,
}

impl Receiver {
    pub(super) fn expected(&self) -> u16 {
        self.expected
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    /// A bit map of what came early: bit i stands for `expected + 1 + i`.
    pub(super) fn early(&self) -> u64 {
        let bits = self.early.iter().skip(1).enumerate();
        bits.filter(|(_, piece)| piece.is_some()).fold(0, |map, (i, _)| map | 1 << i)
    }

    /// Takes what is in order.
    pub(super) fn read(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stream)
    }

    pub(super) fn accept(&mut self, frame: &Frame<'_>) -> Arrival {
        let distance = frame.sequence.wrapping_sub(self.expected);
        if distance > u16::MAX - 2 * WINDOW {
            return Arrival::Duplicate;
        }
        if distance >= WINDOW || self.ended {
            return Arrival::Unexpected;
        }
        let piece = match frame.kind {
            Kind::Data => Piece::Data(frame.payload.to_vec()),
            Kind::Close | Kind::Acknowledge | Kind::Heartbeat => Piece::Close,
        };
        let place = usize::from(distance);
        if place >= self.early.len() {
            self.early.resize_with(place + 1, || None);
        }
        if self.early[place].is_some() {
            return Arrival::Duplicate;
        }
        self.early[place] = Some(piece);
        if place > 0 { Arrival::Early } else { self.advance() }
    }

    /// Moves what is in order from `early` to the stream.
    fn advance(&mut self) -> Arrival {
        while let Some(Some(_)) = self.early.front() {
            self.expected = self.expected.wrapping_add(1);
            match self.early.pop_front().flatten() {
                Some(Piece::Data(bytes)) => self.stream.extend(bytes),
                Some(Piece::Close) | None => {
                    self.ended = true;
                    self.early.clear();
                }
            }
        }
        Arrival::InOrder
    }
}
