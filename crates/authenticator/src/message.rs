//! What phone and workstation say to each other over TLS.
use imp_identity::Secret;
use imp_identity::tap::{Intent, Purpose};
use jiff::Timestamp;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::{Salt, TemplateKey, wire};

/// The longest message, in bytes, without its 4-byte length.
pub const LIMIT: usize = 64 * 1024;

/// One message.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Message {
    /// Workstation to phone: may she?
    #[n(0)]
    TapRequest(#[n(0)] TapRequest),
    /// Phone to workstation: she may, and this is her face.
    #[n(1)]
    TapResponse(#[n(0)] TapResponse),
    /// Workstation to phone, at enrolment: keep this.
    #[n(2)]
    StoreReference(#[n(0)] StoreReference),
    /// Phone to workstation, at enrolment: it is sealed.
    #[n(3)]
    ReferenceStored(#[n(0)] ReferenceStored),
    /// Workstation to phone: what the server said.
    #[n(4)]
    Receipt(#[n(0)] ReceiptDelivery),
    /// Phone to workstation: the receipt is kept.
    #[n(5)]
    Acknowledged,
    /// Phone to workstation: no.
    #[n(6)]
    Declined(#[n(0)] Declined),
    /// Workstation to phone: is it here? For a desktop that was locked a moment ago, where the face is not needed.
    #[n(7)]
    PresenceRequest(#[n(0)] TapRequest),
    /// Phone to workstation: it is; its face stays with it.
    #[n(8)]
    PresenceResponse(#[n(0)] PresenceResponse),
}

/// Asks the phone to answer a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TapRequest {
    /// The server's challenge.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub challenge: [u8; 32],
    /// What for.
    #[cbor(n(1), with = "crate::wire::text")]
    pub purpose: Purpose,
    /// How the workstation is shown to people.
    #[cbor(n(2), with = "crate::wire::label")]
    pub workstation_label: String,
    /// First instant at which an answer no longer counts.
    #[cbor(n(3), with = "crate::wire::time")]
    pub expires_at: Timestamp,
    /// How the person showed that she wants it.
    #[cbor(n(4), with = "crate::wire::text")]
    pub intent: Intent,
}

/// Answers the challenge and releases the reference.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TapResponse {
    /// The signed [`TapStatement`](crate::TapStatement).
    #[cbor(n(0), with = "crate::wire::blob")]
    pub statement: Vec<u8>,
    /// The reference.
    #[n(1)]
    pub reference: ReleasedReference,
}

/// Answers the challenge and releases nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PresenceResponse {
    /// The signed [`PresenceStatement`](crate::PresenceStatement).
    #[cbor(n(0), with = "crate::wire::blob")]
    pub statement: Vec<u8>,
}

/// A template on its way between phone and workstation. Wiped when dropped.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ReleasedReference {
    /// The template.
    #[cbor(n(0), with = "crate::wire::template")]
    pub template: Secret<Vec<u8>>,
    /// The salt of its digest.
    #[cbor(n(1), with = "crate::wire::salt")]
    pub salt: Salt,
    /// The signed [`ReferenceCredential`](crate::ReferenceCredential).
    #[cbor(n(2), with = "crate::wire::blob")]
    pub credential: Vec<u8>,
    /// The template's key; absent with a template of the time before templates were protected.
    #[cbor(n(3), with = "crate::wire::optional_template_key")]
    pub key: Option<TemplateKey>,
}

/// Gives the phone a new reference to keep.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct StoreReference {
    /// The reference.
    #[n(0)]
    pub reference: ReleasedReference,
}

/// The phone has sealed the reference.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReferenceStored {
    /// The signed [`StorageStatement`](crate::StorageStatement).
    #[cbor(n(0), with = "crate::wire::blob")]
    pub statement: Vec<u8>,
}

/// Hands the phone a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReceiptDelivery {
    /// The signed [`Receipt`](crate::Receipt).
    #[cbor(n(0), with = "crate::wire::receipt")]
    pub receipt: Vec<u8>,
}

/// The phone will not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Declined {
    /// Why.
    #[n(0)]
    pub reason: DeclineReason,
    /// More, for the log; may be empty.
    #[cbor(n(1), with = "crate::wire::label")]
    pub detail: String,
}

/// Why a phone declines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum DeclineReason {
    /// It is not bound to anybody.
    #[n(0)]
    NotBound,
    /// It keeps no reference.
    #[n(1)]
    NoReference,
    /// The request came too late.
    #[n(2)]
    Expired,
    /// Its owner does not want to.
    #[n(3)]
    NotWilling,
    /// It is busy with another request.
    #[n(4)]
    Busy,
    /// The reference to store is not signed by the server, or not for this phone.
    #[n(5)]
    UntrustedReference,
    /// It could not seal or unseal.
    #[n(6)]
    Storage,
    /// The workstation's time is too far from its own.
    #[n(7)]
    ClockSkew,
}

/// A message cannot be sent or understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than 64 KiB.
    #[error("the message is too long")]
    TooLong,
    /// Not what the schema says, or not written canonically.
    #[error("the message does not follow its schema")]
    Malformed,
}

impl Message {
    /// The message in CBOR.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, MessageError> {
        // Room for any message, so that no smaller buffer with a template is left behind unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT));
        minicbor::encode(self, &mut *bytes).map_err(|_| MessageError::Malformed)?;
        if bytes.len() > LIMIT { Err(MessageError::TooLong) } else { Ok(bytes) }
    }

    /// Reads a message that fills `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > LIMIT {
            return Err(MessageError::TooLong);
        }
        wire::decode(bytes).ok_or(MessageError::Malformed)
    }
}
