//! The latest messages, kept to be sent again. Syslog has no acknowledgement: that a write succeeded says that the kernel
//! has taken the bytes, no more. But the kernel takes only as much as its buffer holds beyond what the receiver's kernel
//! has confirmed, so whatever is older than that buffer has arrived there. The newer rest is written again on the
//! connection that follows a broken one. What the receiver's kernel had taken and its process had not read is lost with
//! it: RFC 5425 knows no remedy.
use std::collections::VecDeque;

use super::connection::SEND_BUFFER;

/// How much is kept, in bytes: twice what the kernel can hold back, for what TLS adds.
const KEPT: usize = 4 * SEND_BUFFER as usize;

/// Messages that the receiver may not have.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Unconfirmed {
    /// Adds what was written, and forgets what has arrived for certain.
    pub(super) fn extend(&mut self, frames: Vec<Vec<u8>>) {
        for frame in frames {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
        while let Some(oldest) = self.frames.front()
            && self.bytes - oldest.len() >= KEPT
        {
            self.bytes -= oldest.len();
            self.frames.pop_front();
        }
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_a_buffers_worth_of_the_newest_is_kept_and_not_much_more() {
        let mut unconfirmed = Unconfirmed::default();
        for number in 0..1000_u16 {
            unconfirmed.extend(vec![[number.to_be_bytes(); 512].concat()]);
        }
        assert_eq!(unconfirmed.bytes, KEPT);
        let newest = unconfirmed.iter().last().unwrap();
        assert_eq!(&newest[..2], 999_u16.to_be_bytes());
    }
}
