//! How a record is sealed: a row of chunks `length (4, big-endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM each.
//!
//! The associated data names the record and the chunk's place in it, so that none can be moved. A chunk that a crash cut short
//! is dropped.
use std::io;

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

const KEY: usize = 32;
const LENGTH: usize = 4;

/// The key of the records.
pub(crate) struct RecordKey(RandomizedNonceKey);

/// A record, opened.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// What was written, joined.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    /// How many chunks there are.
    pub(crate) count: u32,
    /// Whether nothing follows the last of them.
    pub(crate) is_whole: bool,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { plaintext: Zeroizing::default(), count: 0, is_whole: true }
    }
}

impl RecordKey {
    /// Random bytes for a key.
    pub(crate) fn generate() -> io::Result<Zeroizing<[u8; KEY]>> {
        let mut bytes = Zeroizing::new([0; KEY]);
        let drawn = SystemRandom::new().fill(&mut *bytes);
        drawn.map_err(|_| io::Error::other("the system gives no random bytes"))?;
        Ok(bytes)
    }

    /// The key of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes);
        key.map(Self).map_err(|_| io::Error::other("the key of the records is no key"))
    }

    /// A chunk of the record `name`, in its place.
    pub(crate) fn seal(&self, name: &str, place: u32, plaintext: &[u8]) -> io::Result<Vec<u8>> {
        let mut buffer = Vec::with_capacity(plaintext.len() + MAX_TAG_LEN);
        buffer.extend_from_slice(plaintext);
        let sealed = self.0.seal_in_place_append_tag(Aad::from(context(name, place)), &mut buffer);
        let nonce = sealed.map_err(|_| io::Error::other("a record could not be sealed"))?;
        let length = u32::try_from(NONCE_LEN + buffer.len());
        let length = length.map_err(|_| io::ErrorKind::FileTooLarge)?;
        Ok([length.to_be_bytes().as_slice(), nonce.as_ref().as_slice(), &buffer].concat())
    }

    /// Opens the record `name`.
    pub(crate) fn open(&self, name: &str, bytes: &[u8]) -> io::Result<Chunks> {
        // Room for all of it, so that no smaller buffer is left behind unwiped.
        let plaintext = Zeroizing::new(Vec::with_capacity(bytes.len()));
        let mut chunks = Chunks { plaintext, ..Chunks::default() };
        let mut rest = bytes;
        while let Some((chunk, after)) = next(rest) {
            let opened = match self.open_chunk(name, chunks.count, chunk) {
                Ok(opened) => opened,
                // What a power failure left of an appended chunk.
                Err(_) if chunks.count > 0 && after.is_empty() => break,
                Err(error) => return Err(error),
            };
            chunks.plaintext.extend_from_slice(&opened);
            chunks.count += 1;
            rest = after;
        }
        chunks.is_whole = rest.is_empty();
        Ok(chunks)
    }

    fn open_chunk(&self, name: &str, place: u32, chunk: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let damaged = || {
            io::Error::new(io::ErrorKind::InvalidData, "a record is damaged, or belongs elsewhere")
        };
        let (nonce, ciphertext) = chunk.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(context(name, place)), &mut buffer);
        let length = opened.map_err(|_| damaged())?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// The first chunk and what follows; `None` where there is no whole one.
fn next(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    // A power failure may leave zeros.
    if length == 0 { None } else { rest.split_at_checked(length) }
}

fn context(name: &str, place: u32) -> Vec<u8> {
    [b"imp record 1 ".as_slice(), name.as_bytes(), &[0], &place.to_be_bytes()].concat()
}
