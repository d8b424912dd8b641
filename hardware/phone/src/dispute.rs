//! "That was not me": telling the hospital, which opens a case; and reading what it has told its people.
use std::sync::Arc;

use imp_api::ClientError;
use imp_api::me::{Dispute, Disputed, Notice, Notices};
use imp_identity::Clock;
use imp_identity::name::Remark;

use crate::Phone;
use crate::holder::{ConnectError, Holder, HolderError};
use crate::screen::printable;

/// The server could not be told, or did not say.
#[derive(Debug, thiserror::Error)]
pub enum DisputeError {
    /// Nobody's phone.
    #[error(
        "this phone is not bound: run `imp-phone bind` with the invitation of the enrolment desk"
    )]
    NotBound,
    /// Its key or binding.
    #[error("this phone cannot act as the one it was bound as")]
    Holder(#[from] HolderError),
    /// The client could not be made.
    #[error("the server cannot be asked")]
    Connect(#[from] ConnectError),
    /// The server has no such use.
    #[error(
        "the log has no use of yours with the number {0}: `imp-phone uses --verify` shows the numbers"
    )]
    NotYours(u64),
    /// It did not answer, or said no.
    #[error("the server did not accept it")]
    Server(#[source] ClientError),
}

impl Phone {
    /// Says that the use at `index` of the log was not the owner's. Saying so again changes nothing.
    pub async fn dispute(
        &self,
        index: u64,
        comment: Option<Remark>,
        clock: Arc<dyn Clock>,
    ) -> Result<Disputed, DisputeError> {
        let holder = Holder::load(self)?.ok_or(DisputeError::NotBound)?;
        let disputed = holder.client(clock)?.dispute(&Dispute { index, comment }).await;
        disputed.map_err(|error| match error.problem() {
            Some(problem) if problem.status == 404 => DisputeError::NotYours(index),
            _ => DisputeError::Server(error),
        })
    }

    /// What the hospital told the owner was done in her name, latest day first.
    pub async fn notices(&self, clock: Arc<dyn Clock>) -> Result<Notices, DisputeError> {
        let holder = Holder::load(self)?.ok_or(DisputeError::NotBound)?;
        holder.client(clock)?.notices().await.map_err(DisputeError::Server)
    }
}

/// A notice as a few lines for people.
pub fn notice_lines(notice: &Notice) -> String {
    use std::fmt::Write as _;
    let mut lines = format!("{}\n", notice.day);
    for used in &notice.uses {
        let place = used.place.as_deref().map_or_else(|| "-".to_owned(), printable);
        let _infallible = writeln!(
            lines,
            "  {}  {}  {place}  (number {} in the log)",
            used.at.strftime("%H:%M"),
            printable(&used.deed),
            used.index
        );
    }
    lines
}
