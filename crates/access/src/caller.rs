//! Who asks, about what, and under which circumstances.
use imp_identity::authentication::Aal;
use imp_identity::user::Role;
use imp_identity::{ClientId, DeviceId, PhoneId, ReceiverId, UserId, WorkstationId};

use crate::operation::{CallerKind, SubjectKind};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who has not said who.
    Anyone,
    /// A person.
    User(Person),
    /// A workstation, by its certificate.
    Workstation(WorkstationId),
    /// A phone, by its certificate.
    Phone(PhoneId),
    /// A machine of the inventory, by its certificate.
    Device(DeviceId),
    /// A receiver of security events, by its token.
    Receiver(ReceiverId),
    /// An application in its own name.
    Client {
        /// Which.
        id: ClientId,
        /// The scopes of its access token.
        scopes: Vec<String>,
    },
}

/// A person as policies see her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who she is.
    pub id: UserId,
    /// What she may be.
    pub role: Role,
    /// The ward or department that she belongs to.
    pub unit: Option<String>,
    /// The names of her groups.
    pub groups: Vec<String>,
    /// Whether she has a passkey or security key; known of whom is asked about only.
    pub registered: Option<bool>,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The installation as a whole.
    Hospital,
    /// A person whom the database knows.
    User(Person),
    /// One thing of a kind, by its identifier.
    Thing {
        /// The kind.
        kind: SubjectKind,
        /// The identifier, as the address says it.
        id: String,
    },
}

/// How somebody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// How surely the person was authenticated.
    pub aal: Option<Aal>,
    /// The application that asks in her name.
    pub client: Option<ClientId>,
    /// `access.require_aal2`.
    pub requires_aal2: bool,
}

impl Caller {
    /// Its kind.
    pub const fn kind(&self) -> CallerKind {
        match self {
            Self::Anyone => CallerKind::Anyone,
            Self::User(_) => CallerKind::User,
            Self::Workstation(_) => CallerKind::Workstation,
            Self::Phone(_) => CallerKind::Phone,
            Self::Device(_) => CallerKind::Device,
            Self::Receiver(_) => CallerKind::Receiver,
            Self::Client { .. } => CallerKind::Client,
        }
    }
}
