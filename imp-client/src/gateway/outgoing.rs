//! Signs what goes out, with the next sequence of its stream.
use std::sync::{Arc, Mutex, PoisonError};

use imp_authenticator::signer::SignError;
use imp_identity::spiffe::SpiffeId;
use imp_message::counter::{Exhausted, TooFar};
use imp_message::{Assurance, Counter, InvalidStream, Message, SigningError, Stream, sign};
use jiff::Timestamp;

use crate::machine::Device;
use crate::state::{StateDirectory, StateError};

const FILE: &str = "sequences.json";

/// The counters, in memory and in the state folder.
pub(super) struct Outgoing {
    state: StateDirectory,
    counter: Mutex<Counter>,
}

/// What is to be signed.
pub(super) struct Unsigned {
    pub(super) receiver: SpiffeId,
    pub(super) stream: Stream,
    /// Of an answer: that of the message that it answers. The next of the stream, if absent.
    pub(super) sequence: Option<u64>,
    pub(super) content_type: String,
    pub(super) subject: Option<String>,
    pub(super) assurance: Assurance,
    pub(super) payload: Vec<u8>,
}

/// What was signed.
pub(super) struct Signed {
    pub(super) signature: String,
    pub(super) sequence: u64,
    pub(super) payload: Vec<u8>,
}

/// Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The counters cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file is damaged.
    #[error("the sequences of sent messages cannot be read: {FILE} is damaged")]
    Damaged(#[from] serde_json::Error),
    /// No sequences are left.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The receiver asks too much.
    #[error(transparent)]
    TooFar(#[from] TooFar),
    /// The name of the stream is too long.
    #[error(transparent)]
    Stream(#[from] InvalidStream),
    /// The key did not sign, or the message cannot be described.
    #[error("the message cannot be signed")]
    Sign(#[from] SigningError<SignError>),
}

impl Outgoing {
    /// Takes up what an earlier run left behind.
    pub(super) fn open(state: StateDirectory) -> Result<Self, OutgoingError> {
        let kept = state.read(FILE)?;
        let counter = kept.map(|json| Counter::from_json(&json)).transpose()?.unwrap_or_default();
        Ok(Self { state, counter: Mutex::new(counter) })
    }

    /// Signs a message as `device`. The key may take its time: it works on a thread of its own.
    pub(super) async fn sign(
        self: &Arc<Self>,
        device: &Arc<Device>,
        unsigned: Unsigned,
        now: Timestamp,
    ) -> Result<Signed, OutgoingError> {
        let (outgoing, device) = (Arc::clone(self), Arc::clone(device));
        let work = move || outgoing.sign_now(&device, unsigned, now);
        let signed = tokio::task::spawn_blocking(work).await;
        signed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn sign_now(
        &self,
        device: &Device,
        unsigned: Unsigned,
        now: Timestamp,
    ) -> Result<Signed, OutgoingError> {
        let Unsigned { receiver, stream, sequence, .. } = unsigned;
        let Unsigned { content_type, subject, assurance, payload, .. } = unsigned;
        let sequence = match sequence {
            Some(sequence) => sequence,
            None => self.next(&stream, now)?,
        };
        let message = Message {
            sender: device.identity.spiffe_id.clone(),
            receiver,
            stream,
            sequence,
            at: now,
            content_type,
            subject,
            assurance,
        };
        let signer = &device.identity.signer;
        let key = |input: &[u8]| signer.sign(input);
        let signature = sign(&message, &payload, &device.identity.chain, key)?;
        Ok(Signed { signature, sequence, payload })
    }

    fn next(&self, stream: &Stream, now: Timestamp) -> Result<u64, OutgoingError> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        let next = counter.next(stream, now)?;
        if next.store_first {
            self.state.write(FILE, &counter.to_json(false)?)?;
        }
        Ok(next.sequence)
    }

    /// Goes on after `after`, as the receiver asks.
    pub(super) fn resume(&self, stream: &Stream, after: u64) -> Result<(), OutgoingError> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(counter.resume(stream, after)?)
    }

    /// Writes that nothing is sent any more.
    pub(super) fn settle(&self) -> Result<(), OutgoingError> {
        let counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.state.write(FILE, &counter.to_json(true)?)?)
    }
}
