//! Passkeys and security keys (WebAuthn L3) of users.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::id::{CredentialId, UserId};
use crate::name::Label;
use crate::phone::Revocation;

/// How many credentials one person may have.
pub const MOST: usize = 16;

/// What sort of authenticator holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// It may be copied between a person's devices (backup eligible).
    Passkey,
    /// It stays in one piece of hardware.
    SecurityKey,
}

crate::name::codes! { CredentialKind: Passkey = "passkey", SecurityKey = "security-key" }

/// A passkey or security key of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Our name of it.
    pub id: CredentialId,
    /// Whose it is.
    pub user: UserId,
    /// The authenticator's name of it (WebAuthn L3 §4, credential ID).
    pub handle: Vec<u8>,
    /// What she calls it.
    pub name: Label,
    /// Whether it can be copied.
    pub kind: CredentialKind,
    /// The authenticator's model, where it says so.
    pub aaguid: Option<Uuid>,
    /// Whether its maker vouched for the model, by a root that the hospital trusts.
    pub attested: bool,
    /// What verifies it, as the relying party stored it, in JSON.
    pub public_part: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
}

impl Credential {
    /// That it was registered.
    pub const fn registered(&self) -> Event {
        Event::CredentialRegistered {
            credential: self.id,
            user: self.user,
            kind: self.kind,
            aaguid: self.aaguid,
        }
    }

    /// Calls it something else.
    pub fn rename(mut self, name: Label) -> (Self, Event) {
        self.name = name;
        let event = Event::CredentialRenamed { credential: self.id, user: self.user };
        (self, event)
    }

    /// That it was removed.
    pub const fn removed(&self, reason: Revocation) -> Event {
        Event::CredentialRemoved { credential: self.id, user: self.user, reason }
    }
}
