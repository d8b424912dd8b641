//! Identifiers that cannot be mixed up.
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use jiff::Timestamp;
use rand_core::CryptoRng;
use uuid::Uuid;

/// A `UUIDv7` (RFC 9562 §5.7) naming one `T`.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

/// Names a [`User`](crate::user::User).
pub type UserId = Id<crate::user::User>;
/// Names a [`Phone`](crate::phone::Phone).
pub type PhoneId = Id<crate::phone::Phone>;
/// Names a [`Workstation`](crate::workstation::Workstation).
pub type WorkstationId = Id<crate::workstation::Workstation>;
/// Names a [`Reference`](crate::reference::Reference).
pub type ReferenceId = Id<crate::reference::Reference>;
/// Names a [`Challenge`](crate::challenge::Challenge).
pub type ChallengeId = Id<crate::challenge::Challenge>;
/// Names a [`Tap`](crate::tap::Tap).
pub type TapId = Id<crate::tap::Tap>;
/// Names a [`Session`](crate::session::Session).
pub type SessionId = Id<crate::session::Session>;
/// Names an [`Enrolment`](crate::enrolment::Enrolment).
pub type EnrolmentId = Id<crate::enrolment::Enrolment>;
/// Names a [`Record`](crate::event::Record) in the event log.
pub type EventId = Id<crate::event::Record>;
/// Names an [`Erasure`](crate::erasure::Erasure).
pub type ErasureId = Id<crate::erasure::Erasure>;
/// Names a [`Case`](crate::case::Case).
pub type CaseId = Id<crate::case::Case>;
/// Names a [`SavedSearch`](crate::search::SavedSearch).
pub type SearchId = Id<crate::search::SavedSearch>;
/// Names a stream of events to a receiver.
pub type StreamId = Id<mark::Stream>;
/// Names a receiver of security events, which has a token of its own.
pub type ReceiverId = Id<mark::Receiver>;
/// Names a notice to the person concerned.
pub type NoticeId = Id<mark::Notice>;
/// Names an application that is registered as an OAuth client.
pub type ClientId = Id<mark::Client>;
/// Names what an application was granted in a user's name.
pub type GrantId = Id<mark::Grant>;
/// Names a browser's sign-on: `sid` in its tokens.
pub type SignOnId = Id<mark::SignOn>;
/// Names a passkey or security key, by our own identifier.
pub type CredentialId = Id<mark::Credential>;
/// Names a group of users.
pub type GroupId = Id<mark::Group>;
/// Names what a browser was asked to do before it goes on to an application.
pub type InteractionId = Id<mark::Interaction>;
/// Names a machine in the inventory.
pub type DeviceId = Id<mark::Device>;
/// Names a device's enrolment that waits for a second person.
pub type ApprovalId = Id<mark::Approval>;
/// Names an ACME account.
pub type AcmeAccountId = Id<mark::AcmeAccount>;
/// Names an ACME order.
pub type AcmeOrderId = Id<mark::AcmeOrder>;
/// Names a proposal for the connection policy.
pub type ConnectionProposalId = Id<mark::ConnectionProposal>;

/// What an identifier can name that has no type in this package.
pub mod mark {
    /// A stream of events.
    #[derive(Debug)]
    pub enum Stream {}
    /// A receiver of security events.
    #[derive(Debug)]
    pub enum Receiver {}
    /// A notice.
    #[derive(Debug)]
    pub enum Notice {}
    /// An application.
    #[derive(Debug)]
    pub enum Client {}
    /// A grant.
    #[derive(Debug)]
    pub enum Grant {}
    /// A browser's sign-on.
    #[derive(Debug)]
    pub enum SignOn {}
    /// A passkey or security key.
    #[derive(Debug)]
    pub enum Credential {}
    /// A group of users.
    #[derive(Debug)]
    pub enum Group {}
    /// What a browser was asked to do.
    #[derive(Debug)]
    pub enum Interaction {}
    /// A machine in the inventory.
    #[derive(Debug)]
    pub enum Device {}
    /// A device's enrolment that waits for a second person.
    #[derive(Debug)]
    pub enum Approval {}
    /// An ACME account.
    #[derive(Debug)]
    pub enum AcmeAccount {}
    /// An ACME order.
    #[derive(Debug)]
    pub enum AcmeOrder {}
    /// A proposal for the connection policy.
    #[derive(Debug)]
    pub enum ConnectionProposal {}
}

impl<T> Id<T> {
    /// Names a new `T`, first seen at `now`.
    pub fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let mut random = [0; 10];
        rng.fill_bytes(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid(), PhantomData)
    }

    /// The stored form.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The 16 bytes of the wire form, big-endian (RFC 9562 §4).
    pub const fn into_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Reads the wire form.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse::<Uuid>().map(Self::from)
    }
}

impl<T> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, T> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Uuid::deserialize(from).map(Self::from)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_every_form() {
        let id = UserId::from(Uuid::from_u128(0x0123_4567_89ab_7def_8123_4567_89ab_cdef));
        assert_eq!(id.to_string().parse::<UserId>().unwrap(), id);
        assert_eq!(UserId::from_bytes(id.into_bytes()), id);
        "not-an-id".parse::<UserId>().unwrap_err();
    }
}
