//! How two gateways carry signed messages inside one TLS session: one frame after the other, each answered before the next.
//!
//! A frame is its kind (1 byte), the length of its head and of its body (4 bytes each, big-endian), head, and body. ALPN
//! (RFC 7301) is [`PROTOCOL`].
use imp_identity::connection::MessageRefusal;

use crate::signature;

/// ALPN of what these frames are carried in.
pub const PROTOCOL: &[u8] = b"imp-gateway/1";
const PREFIX: usize = 9;

/// What one gateway says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, or the answer to one.
    Message {
        /// Its detached signature ([`crate::Signature`]).
        signature: String,
        /// The message itself.
        payload: Vec<u8>,
    },
    /// The message was not accepted.
    Refused(MessageRefusal),
    /// The message has to be signed again, with a sequence after this one.
    Resume(u64),
    /// The message was accepted and could not be delivered: nobody knows whether the application has it.
    Undelivered,
    /// The gateway cannot take messages now.
    Unavailable,
}

/// What came is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No kind of ours.
    #[error("a frame of an unknown kind")]
    Kind,
    /// The head or the body is longer than is allowed.
    #[error("a frame that is longer than is allowed")]
    TooLong,
    /// The head is not what its kind demands.
    #[error("a frame whose head makes no sense")]
    Head,
}

impl Frame {
    const fn kind(&self) -> u8 {
        match self {
            Self::Message { .. } => 1,
            Self::Refused(_) => 2,
            Self::Resume(_) => 3,
            Self::Undelivered => 4,
            Self::Unavailable => 5,
        }
    }

    /// The frame as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let after;
        let (head, body): (&[u8], &[u8]) = match self {
            Self::Message { signature, payload } => (signature.as_bytes(), payload),
            Self::Refused(reason) => (reason.code().as_bytes(), &[]),
            Self::Resume(sequence) => {
                after = sequence.to_be_bytes();
                (&after, &[])
            }
            Self::Undelivered | Self::Unavailable => (&[], &[]),
        };
        let mut bytes = Vec::with_capacity(PREFIX + head.len() + body.len());
        bytes.push(self.kind());
        for part in [head, body] {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(body);
        bytes
    }

    fn read(kind: u8, head: &[u8], body: &[u8]) -> Result<Self, FrameError> {
        let text = || std::str::from_utf8(head).map_err(|_| FrameError::Head);
        if kind != 1 && !body.is_empty() {
            return Err(FrameError::TooLong);
        }
        match kind {
            1 => Ok(Self::Message { signature: text()?.to_owned(), payload: body.to_vec() }),
            2 => text()?.parse().map(Self::Refused).map_err(|_| FrameError::Head),
            3 => {
                let after = head.try_into().map_err(|_| FrameError::Head)?;
                Ok(Self::Resume(u64::from_be_bytes(after)))
            }
            4 if head.is_empty() => Ok(Self::Undelivered),
            5 if head.is_empty() => Ok(Self::Unavailable),
            4 | 5 => Err(FrameError::Head),
            _ => Err(FrameError::Kind),
        }
    }
}

/// Puts frames together from the pieces in which they arrive.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    longest: usize,
}

impl FrameDecoder {
    /// Refuses messages longer than `longest` bytes.
    pub const fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), longest }
    }

    /// Takes what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame. After an error the connection cannot go on.
    pub fn frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((prefix, rest)) = self.buffer.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let [kind, lengths @ ..] = *prefix;
        let [head, body] = [0, 4].map(|at| {
            let length = [lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]];
            usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX)
        });
        if !(1..=5).contains(&kind) {
            return Err(FrameError::Kind);
        }
        if head > signature::LONGEST || body > self.longest {
            return Err(FrameError::TooLong);
        }
        let Some(whole) = rest.get(..head + body) else { return Ok(None) };
        let (head_bytes, body_bytes) = whole.split_at(head);
        let frame = Frame::read(kind, head_bytes, body_bytes)?;
        self.buffer.drain(..PREFIX + head + body);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            ("[a-zA-Z0-9._-]{0,64}", prop::collection::vec(any::<u8>(), 0..200))
                .prop_map(|(signature, payload)| Frame::Message { signature, payload }),
            prop::sample::select(MessageRefusal::ALL).prop_map(Frame::Refused),
            any::<u64>().prop_map(Frame::Resume),
            Just(Frame::Undelivered),
            Just(Frame::Unavailable),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            sent in prop::collection::vec(frames(), 1..8),
            piece in 1..64_usize,
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(Frame::to_bytes).collect();
            let mut decoder = FrameDecoder::new(200);
            let mut received = vec![];
            for piece in bytes.chunks(piece) {
                decoder.feed(piece);
                while let Some(frame) = decoder.frame().unwrap() {
                    received.push(frame);
                }
            }
            prop_assert_eq!(received, sent);
            prop_assert!(decoder.buffer.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            crate::fuzz::frames(&bytes);
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        let mut decoder = FrameDecoder::new(10);
        let message = Frame::Message { signature: String::new(), payload: vec![0; 11] };
        decoder.feed(&message.to_bytes()[..PREFIX]);
        assert_eq!(decoder.frame(), Err(FrameError::TooLong));
        let mut decoder = FrameDecoder::new(10);
        decoder.feed(&[1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert_eq!(decoder.frame(), Err(FrameError::TooLong));
        let mut decoder = FrameDecoder::new(10);
        decoder.feed(&[9, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decoder.frame(), Err(FrameError::Kind));
    }
}
