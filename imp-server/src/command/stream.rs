//! Streams of events: made, changed, steered and deleted by administrators, or by the receiver that owns them.
use imp_identity::{Actor, ReceiverId};

use crate::store::Cursor;
mod change;
mod create;
mod delete;
mod list;
mod poll;
mod replay;
mod status;
mod verify;

pub(crate) use change::change_stream;
pub use change::{ChangeStreamError, StreamChange};
pub(crate) use create::create_stream;
pub use create::{CreateStreamError, NewStream};
pub use delete::{DeleteStreamError, delete_stream};
pub use list::{StreamState, find_stream, list_streams, streams_of_receiver};
pub use poll::{Complaint, Poll, PollStreamError, Polled, Token, poll_stream};
pub use replay::{ReplayStreamError, replay_stream};
pub use status::{SetStreamStatusError, set_stream_status};
pub(crate) use verify::{INTERVAL, deliver_messages};
pub use verify::{VerifyStreamError, verify_stream};

/// A cursor elsewhere, with what went wrong forgotten.
fn moved(cursor: Cursor, next: u64) -> Cursor {
    Cursor { next, failures: 0, aside_in_row: 0, retry_at: None, last_error: None, ..cursor }
}

/// Who asks for a change of a stream.
#[derive(Clone, Debug)]
pub struct Author {
    /// As the cause of events: for a receiver, the server, which acts for it.
    actor: Actor,
    receiver: Option<ReceiverId>,
}

impl Author {
    /// An administrator or operator: may change every stream.
    pub const fn administrator(actor: Actor) -> Self {
        Self { actor, receiver: None }
    }

    /// A receiver: may change its own streams only.
    pub const fn receiver(receiver: ReceiverId) -> Self {
        Self { actor: Actor::Server, receiver: Some(receiver) }
    }

    /// Whether the stream is hers to change.
    fn may_change(&self, stream: &crate::stream::Stream) -> bool {
        self.receiver.is_none() || self.receiver == stream.receiver
    }
}
