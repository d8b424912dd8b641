//! The receipt: the server's word to the user about a use of her face.
use imp_identity::tap::Purpose;
use imp_identity::{EventId, SessionId, UserId, WorkstationId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose;

/// The server says: this is in the log about you. The phone keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// Names the log's record.
    #[cbor(n(0), with = "crate::wire::id")]
    pub event: EventId,
    /// The record's place in the log.
    #[n(1)]
    pub sequence: u64,
    /// The event's name, such as `tap-accepted`.
    #[cbor(n(2), with = "crate::wire::label")]
    pub kind: String,
    /// When it was appended.
    #[cbor(n(3), with = "crate::wire::time")]
    pub at: Timestamp,
    /// Whom it is about.
    #[cbor(n(4), with = "crate::wire::id")]
    pub user: UserId,
    /// Where.
    #[cbor(n(5), with = "crate::wire::optional_id")]
    pub workstation: Option<WorkstationId>,
    /// How the workstation is shown to people; empty without one.
    #[cbor(n(6), with = "crate::wire::label")]
    pub workstation_label: String,
    /// What for.
    #[cbor(n(7), with = "crate::wire::optional_text")]
    pub purpose: Option<Purpose>,
    /// The session that was opened, resumed, stepped up or ended.
    #[cbor(n(8), with = "crate::wire::optional_id")]
    pub session: Option<SessionId>,
}

cose::body!(Receipt, UnverifiedReceipt, "receipt");
cose::signed_by_server!(Receipt);
