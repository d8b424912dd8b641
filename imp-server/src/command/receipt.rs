//! Receipts: the server's signed word to a user about an event.
use imp_authenticator::{Receipt, SignError};
use imp_identity::tap::Purpose;
use imp_identity::workstation::Workstation;
use imp_identity::{SessionId, UserId};

use super::Context;
use crate::log::Appended;

/// What a receipt says beside the event's own place.
pub(super) struct About<'a> {
    /// The event's name.
    pub(super) kind: &'static str,
    /// Whom it is about.
    pub(super) user: Option<UserId>,
    /// Where it happened.
    pub(super) workstation: Option<&'a Workstation>,
    /// What for.
    pub(super) purpose: Option<Purpose>,
    /// The session.
    pub(super) session: Option<SessionId>,
}

impl Context<'_> {
    /// Signs the receipt of an event that was appended just now, with the proof that it is the last of the log so far.
    pub(super) fn receipt(&self, event: Appended, about: &About<'_>) -> Result<Vec<u8>, SignError> {
        let label = about.workstation.map(|workstation| workstation.name.to_string());
        let checkpoint = event.checkpoint(self.log_key).map_err(SignError::new)?;
        Receipt {
            event: event.id,
            index: event.index,
            kind: about.kind.to_owned(),
            at: event.at,
            user: about.user,
            workstation: about.workstation.map(|workstation| workstation.id),
            workstation_label: label.unwrap_or_default(),
            purpose: about.purpose,
            session: about.session,
            record: event.text,
            salt: event.salt,
            proof: event.proof.0.iter().map(|hash| hash.0).collect(),
            checkpoint,
        }
        .sign(self.signer)
    }
}
