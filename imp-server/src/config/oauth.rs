//! `[oauth]`: what applications are given, and for how long.
use std::path::PathBuf;

use imp_delivery::Network;
use jiff::SignedDuration;
use serde::Deserialize;

/// The OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthConfig {
    /// How long an access token counts, in seconds.
    pub access_token_seconds: u32,
    /// How long an ID token counts, in seconds.
    pub id_token_seconds: u32,
    /// The longest life of a grant, in hours.
    pub grant_hours: u32,
    /// The longest life of a grant with `offline_access`, in days.
    pub offline_days: u32,
    /// How long a key signs, in days.
    pub key_days: u32,
    /// How long a key is shown before it signs and after, in hours.
    pub key_overlap_hours: u32,
    /// The file of the token with which applications may register themselves (RFC 7591 §3); without it, they may not.
    pub registration_token_file: Option<PathBuf>,
    /// Networks inside, such as `10.20.0.0/16`, in which applications that registered themselves are called (keys, logout).
    /// Others inside are not; those that an administrator registered are called everywhere.
    pub self_registered_networks: Vec<Network>,
    /// Whether access tokens with the scope `imp`, which open this server's own contract, must be bound to a key (`DPoP`, mTLS).
    pub bound_tokens_only: bool,
    /// Whether every application must push its requests, prove itself by a key, and have tokens that are bound to one.
    pub strict: bool,
    /// The file of the certificate authority of applications' own addresses, in PEM; without it, the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for OauthConfig {
    fn default() -> Self {
        Self {
            access_token_seconds: 300,
            id_token_seconds: 600,
            grant_hours: 12,
            offline_days: 30,
            key_days: 30,
            key_overlap_hours: 24,
            registration_token_file: None,
            self_registered_networks: Vec::new(),
            bound_tokens_only: false,
            strict: false,
            ca_file: None,
        }
    }
}

impl OauthConfig {
    /// How long a grant lives at most: one that outlives the sign-on (`offline_access`), or one that does not.
    pub fn longest_grant(&self, offline: bool) -> SignedDuration {
        let hours = if offline { 24 * self.offline_days } else { self.grant_hours };
        SignedDuration::from_hours(hours.into())
    }

    /// Every number with its key and its range.
    pub(super) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 6] {
        [
            ("oauth.access_token_seconds", self.access_token_seconds, 30, 3600),
            ("oauth.id_token_seconds", self.id_token_seconds, 60, 86_400),
            ("oauth.grant_hours", self.grant_hours, 1, 24 * 7),
            ("oauth.offline_days", self.offline_days, 1, 400),
            ("oauth.key_days", self.key_days, 2, 400),
            ("oauth.key_overlap_hours", self.key_overlap_hours, 1, 24 * 7),
        ]
    }
}
