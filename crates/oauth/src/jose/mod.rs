//! Signatures of JSON Web Tokens (RFC 7515, 7517, 7519) on aws-lc-rs: keys stay parsed, the algorithm comes from the key and
//! not from the token, and time is an argument.
pub mod jwk;
pub mod jws;
mod rsa;
pub mod signer;

pub use jwk::{InvalidJwk, Jwk, JwkSet, Thumbprint};
pub use jws::{Compact, Header, JwsError};
pub use signer::{SigningKey, SigningKeyError};

/// Algorithms of signatures (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`, and no MAC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (`EdDSA`).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA with P-384 and SHA-384: checked, never made.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256: checked, never made.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384: checked, never made. SMART Backend Services asks servers for it.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PSS with SHA-256: checked, never made.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384: checked, never made.
    #[serde(rename = "PS384")]
    Ps384,
}

impl Algorithm {
    /// Every algorithm whose signatures are checked.
    pub const ALL: &[Self] = &[
        Self::Es256,
        Self::EdDsa,
        Self::Es384,
        Self::Rs256,
        Self::Rs384,
        Self::Ps256,
        Self::Ps384,
    ];
    /// Those with which the server signs.
    pub const SIGNING: &[Self] = &[Self::Es256, Self::EdDsa];

    /// As in `alg`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
        }
    }

    /// The algorithm with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.code() == code)
    }
}
