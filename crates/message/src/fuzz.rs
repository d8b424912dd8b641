//! Entry points for fuzzing: each takes any bytes and must neither panic nor grow without bound.
use crate::frame::{Frame, FrameDecoder};
use crate::hl7::Header;
use crate::memory::{Memory, MemoryLimits};
use crate::mllp::MllpDecoder;
use crate::signature::Signature;

/// Longest message of these tries, in bytes.
const LONGEST: usize = 128;

/// What gateways say to each other: whatever is read again after it was written is the same.
///
/// # Panics
///
/// When a frame is read and then written differently: a fault of this crate.
pub fn frames(bytes: &[u8]) {
    let mut decoder = FrameDecoder::new(LONGEST);
    decoder.feed(bytes);
    let mut read: Vec<Frame> = vec![];
    while let Ok(Some(frame)) = decoder.frame() {
        read.push(frame);
    }
    let again: Vec<u8> = read.iter().flat_map(Frame::to_bytes).collect();
    assert!(bytes.starts_with(&again));
}

/// MLLP, whole and in pieces of three bytes: both read the same messages.
///
/// # Panics
///
/// When the two differ: a fault of this crate.
pub fn mllp(bytes: &[u8]) {
    let read = |piece: usize| {
        let mut decoder = MllpDecoder::new(LONGEST);
        let mut messages = vec![];
        for piece in bytes.chunks(piece) {
            decoder.feed(piece);
            loop {
                match decoder.message() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(_) => return messages,
                }
            }
        }
        messages
    };
    assert_eq!(read(3), read(bytes.len().max(1)));
}

/// Signatures, memories and headers of HL7.
pub fn texts(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Signature::read(text);
    }
    let _ = Memory::from_json(bytes, MemoryLimits::default());
    let _ = Header::read(bytes);
}
