//! Entry points for fuzzing: each takes any bytes and must neither panic nor grow without bound.
use std::time::Duration;

use crate::channel::Reassembly;
use crate::cose::{Body, Unverified};
use crate::link::Link;
use crate::{
    InvitationUri, MatchEvidence, Message, PresenceStatement, Receipt, ReferenceCredential, Roster,
    SignInStatement, StorageStatement, TapStatement,
};

/// Cuts the bytes into frames (each after its length, one byte) and gives them to a link that also has something to say.
///
/// # Panics
/// When the link grows by what it receives.
pub fn frames(bytes: &[u8]) {
    let mut link = Link::new(23, true);
    link.write(&[7; 2000]);
    let mut elapsed = Duration::ZERO;
    let mut rest = bytes;
    while let Some((&length, after)) = rest.split_first() {
        let (frame, later) = after.split_at(usize::from(length).min(after.len()));
        link.receive(frame, elapsed);
        // A frame whose checksum was made good gets further.
        if let Some(frame) = repaired(frame) {
            link.receive(&frame, elapsed);
        }
        for _ in 0..3 {
            if link.transmit(elapsed).is_none() {
                break;
            }
        }
        drop(link.read());
        elapsed += Duration::from_millis(u64::from(length));
        rest = later;
    }
    assert!(link.backlog() <= 2000, "a link does not grow by what it receives");
}

/// The frame with a good checksum and length.
fn repaired(frame: &[u8]) -> Option<Vec<u8>> {
    let (header, payload) = frame.split_first_chunk::<11>()?;
    let mut repaired = header.to_vec();
    repaired[0] = 0x10 | (header[0] & 7);
    repaired[5..7].copy_from_slice(&u16::try_from(payload.len()).ok()?.to_be_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&repaired[..7]);
    hasher.update(payload);
    repaired[7..11].copy_from_slice(&hasher.finalize().to_be_bytes());
    repaired.extend_from_slice(payload);
    Some(repaired)
}

/// Reads a message; what can be read is written as it was.
///
/// # Panics
/// When a message has two encodings.
pub fn messages(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        let again = message.encode().map(|again| again.to_vec());
        assert_eq!(again.as_deref(), Ok(bytes), "one message, one encoding");
    }
}

/// Reads statements of every kind, and an invitation.
///
/// # Panics
/// When an invitation is not read as it was written.
pub fn statements(bytes: &[u8]) {
    fn one<B: Body>(bytes: &[u8]) {
        if let Ok(statement) = Unverified::<B>::parse(bytes) {
            let _ = (statement.key_id(), statement.verify(&[]).is_err());
        }
    }
    one::<TapStatement>(bytes);
    one::<PresenceStatement>(bytes);
    one::<SignInStatement>(bytes);
    one::<MatchEvidence>(bytes);
    one::<ReferenceCredential>(bytes);
    one::<StorageStatement>(bytes);
    one::<Receipt>(bytes);
    one::<Roster>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(invitation) = text.parse::<InvitationUri>()
    {
        assert!(invitation.to_string().parse::<InvitationUri>().is_ok(), "it reads what it writes");
    }
}

/// Reassembles messages from a plaintext stream, in pieces whose sizes the bytes decide.
pub fn channel(bytes: &[u8]) {
    let mut reassembly = Reassembly::default();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let (piece, later) = rest.split_at((usize::from(first) + 1).min(rest.len()));
        if reassembly.push(piece, drop).is_err() {
            return;
        }
        rest = later;
    }
}
