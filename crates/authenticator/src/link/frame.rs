//! What a frame looks like on the air.
//!
//! | Offset | Length | Field |
//! |---|---|---|
//! | 0 | 1 | version (high four bits, 1) and kind (low four bits) |
//! | 1 | 2 | sequence number, big-endian; 0 in frames that carry no stream |
//! | 3 | 2 | acknowledgement: the sequence number that is expected next, big-endian |
//! | 5 | 2 | length of the payload, big-endian |
//! | 7 | 4 | CRC-32 (ISO-HDLC) of the first 7 bytes and the payload, big-endian |
//! | 11 | n | payload |

/// The smallest ATT MTU (Bluetooth Core, Vol 3, Part F, §3.2.8).
pub const SMALLEST_MTU: usize = 23;
/// The largest ATT MTU that is of use: an attribute has at most 512 bytes, a frame at most 514.
pub const LARGEST_MTU: usize = 517;

/// Bytes before the payload.
pub(super) const HEADER: usize = 11;
/// What the attribute protocol takes of an MTU.
const ATT: usize = 3;
const VERSION: u8 = 0x10;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Carries a piece of the stream.
    Data,
    /// The last frame of a stream; no payload.
    Close,
    /// Acknowledges; the payload is empty or a bit map of frames that came early.
    Acknowledge,
    /// The same, to show that somebody is there.
    Heartbeat,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) sequence: u16,
    pub(super) acknowledgement: u16,
    pub(super) payload: &'a [u8],
}

/// How much payload fits in a frame at this MTU.
pub(super) fn capacity(mtu: usize) -> usize {
    mtu.clamp(SMALLEST_MTU, LARGEST_MTU) - ATT - HEADER
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Close => 2,
            Self::Acknowledge => 3,
            Self::Heartbeat => 4,
        }
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` if it is not one, or was damaged.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk::<HEADER>()?;
        let [first, s0, s1, a0, a1, l0, l1, c0, c1, c2, c3] = *header;
        let kind = match first ^ VERSION {
            1 => Kind::Data,
            2 => Kind::Close,
            3 => Kind::Acknowledge,
            4 => Kind::Heartbeat,
            _ => return None,
        };
        let whole = bytes.len() <= LARGEST_MTU - ATT
            && payload.len() == usize::from(u16::from_be_bytes([l0, l1]));
        let fits = match kind {
            Kind::Data => !payload.is_empty(),
            Kind::Close => payload.is_empty(),
            Kind::Acknowledge | Kind::Heartbeat => matches!(payload.len(), 0 | 8),
        };
        let intact = checksum(&header[..7], payload) == [c0, c1, c2, c3];
        (whole && fits && intact).then_some(Self {
            kind,
            sequence: u16::from_be_bytes([s0, s1]),
            acknowledgement: u16::from_be_bytes([a0, a1]),
            payload,
        })
    }

    /// Writes the frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len());
        bytes.push(VERSION | self.kind.code());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgement.to_be_bytes());
        bytes.extend(u16::try_from(self.payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        let checksum = checksum(&bytes, self.payload);
        bytes.extend(checksum);
        bytes.extend_from_slice(self.payload);
        bytes
    }

    /// Which frames came early: bit i stands for `acknowledgement + 1 + i`.
    pub(super) fn early(&self) -> u64 {
        match self.kind {
            Kind::Acknowledge | Kind::Heartbeat => {
                self.payload.try_into().map(u64::from_be_bytes).unwrap_or_default()
            }
            Kind::Data | Kind::Close => 0,
        }
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for (kind, payload) in [
            (Kind::Data, vec![7; 503]),
            (Kind::Data, vec![1]),
            (Kind::Close, vec![]),
            (Kind::Acknowledge, vec![]),
            (Kind::Heartbeat, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        ] {
            let frame = Frame { kind, sequence: 0xfffe, acknowledgement: 3, payload: &payload };
            assert_eq!(Frame::parse(&frame.encode()), Some(frame));
        }
    }

    #[test]
    fn a_damaged_frame_is_not_read() {
        let frame = Frame { kind: Kind::Data, sequence: 1, acknowledgement: 2, payload: b"hello" };
        let bytes = frame.encode();
        for cut in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..cut]), None, "cut to {cut}");
        }
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::parse(&bytes), None, "bit {bit}");
        }
        assert_eq!(Frame::parse(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn a_frame_of_the_wrong_shape_is_not_read() {
        let long = [0; 504];
        for (kind, payload) in [
            (Kind::Data, &[][..]),
            (Kind::Data, &long[..]),
            (Kind::Close, &[1][..]),
            (Kind::Acknowledge, &[1][..]),
        ] {
            let frame = Frame { kind, sequence: 0, acknowledgement: 0, payload };
            assert_eq!(Frame::parse(&frame.encode()), None, "{kind:?}");
        }
    }

    #[test]
    fn payloads_fit_the_mtu() {
        assert_eq!((capacity(0), capacity(23), capacity(247), capacity(517)), (9, 9, 233, 503));
        assert_eq!(capacity(usize::MAX), 503);
    }
}
