//! Receipts: the server's signed word to a user about an event.
use imp_authenticator::{Receipt, SignError};
use imp_identity::tap::Purpose;
use imp_identity::workstation::Workstation;
use imp_identity::{SessionId, UserId};

use super::{Appended, Context};

/// What a receipt says beside the event's own place.
pub(super) struct About<'a> {
    /// The event's name.
    pub(super) kind: &'static str,
    /// Whom it is about.
    pub(super) user: UserId,
    /// Where it happened.
    pub(super) workstation: Option<&'a Workstation>,
    /// What for.
    pub(super) purpose: Option<Purpose>,
    /// The session.
    pub(super) session: Option<SessionId>,
}

impl Context<'_> {
    /// Signs the receipt of an event that was appended just now.
    pub(super) fn receipt(&self, event: Appended, about: &About<'_>) -> Result<Vec<u8>, SignError> {
        let label = about.workstation.map(|workstation| workstation.name.to_string());
        Receipt {
            event: event.id,
            index: event.sequence,
            kind: about.kind.to_owned(),
            at: self.now,
            user: Some(about.user),
            workstation: about.workstation.map(|workstation| workstation.id),
            workstation_label: label.unwrap_or_default(),
            purpose: about.purpose,
            session: about.session,
            record: String::new(),
            salt: [0; 32],
            proof: Vec::new(),
            checkpoint: String::new(),
        }
        .sign(self.signer)
    }
}
