//! The Minimal Lower Layer Protocol (HL7 v2, implementation guide appendix C, release 1): `VT message FS CR`.

/// Begins a message.
pub const START: u8 = 0x0b;
/// Ends a message, before [`RETURN`].
pub const END: u8 = 0x1c;
/// The carriage return.
pub const RETURN: u8 = 0x0d;

/// What came is not MLLP. The connection cannot go on: where the next message begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MllpError {
    /// Something else than a message.
    #[error("something else than a message between two messages")]
    Between,
    /// The message is longer than is allowed.
    #[error("a message that is longer than is allowed")]
    TooLong,
    /// The end's first byte without its second, or the start of a message within another.
    #[error("a message that does not end as it should")]
    Unended,
}

/// Puts messages together from the pieces in which they arrive.
#[derive(Debug)]
pub struct MllpDecoder {
    buffer: Vec<u8>,
    /// How much of it was looked through.
    searched: usize,
    longest: usize,
}

/// The message as it is sent.
pub fn encode(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 3);
    bytes.push(START);
    bytes.extend_from_slice(message);
    bytes.extend([END, RETURN]);
    bytes
}

impl MllpDecoder {
    /// Refuses messages longer than `longest` bytes.
    pub const fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, longest }
    }

    /// Takes what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether part of a message has arrived.
    pub fn is_within_a_message(&self) -> bool {
        self.buffer.contains(&START)
    }

    /// The next whole message. Line ends between messages, which some senders write, are passed over.
    pub fn message(&mut self) -> Result<Option<Vec<u8>>, MllpError> {
        if self.searched == 0 {
            let between = self.buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            self.buffer.drain(..between);
            match self.buffer.first() {
                None => return Ok(None),
                Some(&START) => self.searched = 1,
                Some(_) => return Err(MllpError::Between),
            }
        }
        let rest = &self.buffer[self.searched..];
        let Some(found) = rest.iter().position(|b| matches!(*b, END | START)) else {
            self.searched = self.buffer.len();
            return if self.searched - 1 > self.longest {
                Err(MllpError::TooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.searched + found;
        if end - 1 > self.longest {
            return Err(MllpError::TooLong);
        }
        match (self.buffer[end], self.buffer.get(end + 1)) {
            (END, Some(&RETURN)) => {
                let message = self.buffer[1..end].to_vec();
                self.buffer.drain(..end + 2);
                self.searched = 0;
                Ok(Some(message))
            }
            (END, None) => {
                self.searched = end;
                Ok(None)
            }
            _ => Err(MllpError::Unended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(decoder: &mut MllpDecoder) -> Result<Vec<Vec<u8>>, MllpError> {
        let mut messages = vec![];
        while let Some(message) = decoder.message()? {
            messages.push(message);
        }
        Ok(messages)
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            sent in prop::collection::vec(
                prop::collection::vec(any::<u8>().prop_filter("framing", |b| !matches!(*b, START | END)), 0..120),
                1..6,
            ),
            piece in 1..50_usize,
            newline in any::<bool>(),
        ) {
            let between: &[u8] = if newline { b"\r\n" } else { b"" };
            let bytes: Vec<u8> =
                sent.iter().flat_map(|message| [encode(message), between.to_vec()].concat()).collect();
            let mut decoder = MllpDecoder::new(120);
            let mut received = vec![];
            for piece in bytes.chunks(piece) {
                decoder.feed(piece);
                received.append(&mut all(&mut decoder).unwrap());
            }
            prop_assert_eq!(received, sent);
            prop_assert!(!decoder.is_within_a_message());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            crate::fuzz::mllp(&bytes);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (bytes, longest, error) in [
            (&b"MSH|"[..], 100, MllpError::Between),
            (b"\x0bMSH\x1cx", 100, MllpError::Unended),
            (b"\x0bMSH\x0bMSH", 100, MllpError::Unended),
            (b"\x0b12345\x1c\r", 4, MllpError::TooLong),
            (b"\x0b12345", 4, MllpError::TooLong),
        ] {
            let mut decoder = MllpDecoder::new(longest);
            decoder.feed(bytes);
            assert_eq!(decoder.message(), Err(error), "{bytes:?}");
        }
        let mut decoder = MllpDecoder::new(5);
        decoder.feed(b"\x0b12345\x1c");
        assert_eq!(decoder.message(), Ok(None));
        decoder.feed(b"\r");
        assert_eq!(decoder.message(), Ok(Some(b"12345".to_vec())));
    }
}
