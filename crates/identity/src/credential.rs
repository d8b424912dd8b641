//! Passkeys and security keys (WebAuthn L3) of users.
use serde::{Deserialize, Serialize};

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
