//! Cuts the plaintext stream into messages: 4 bytes of length, big-endian, then the message.
use zeroize::Zeroizing;

use crate::message::{self, Message, MessageError};

/// What has arrived of the next message.
#[derive(Default)]
pub(crate) struct Reassembly {
    length: Vec<u8>,
    /// Allocated at its final size once the length is known, so that no copy is left behind unwiped.
    body: Option<Zeroizing<Vec<u8>>>,
}

impl Reassembly {
    /// Takes plaintext; hands each whole message to `deliver`.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        mut deliver: impl FnMut(Message),
    ) -> Result<(), MessageError> {
        while !bytes.is_empty() {
            let Some(body) = &mut self.body else {
                self.length.push(bytes[0]);
                bytes = &bytes[1..];
                if let Ok(length) = self.length.as_slice().try_into() {
                    self.length.clear();
                    self.body = Some(room(u32::from_be_bytes(length))?);
                }
                continue;
            };
            let missing = body.capacity() - body.len();
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            body.extend_from_slice(now);
            bytes = later;
            if body.len() == body.capacity() {
                let body = self.body.take().unwrap_or_default();
                deliver(Message::decode(&body)?);
            }
        }
        Ok(())
    }
}

/// Room for a message of `length` bytes; refused before anything is allocated.
fn room(length: u32) -> Result<Zeroizing<Vec<u8>>, MessageError> {
    match usize::try_from(length) {
        Ok(0) => Err(MessageError::Malformed),
        Ok(length) if length <= message::LIMIT => Ok(Zeroizing::new(Vec::with_capacity(length))),
        Ok(_) | Err(_) => Err(MessageError::TooLong),
    }
}
