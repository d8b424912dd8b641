//! `[revocation]`: where others learn which certificates count (OCSP, RFC 6960; CRLs, RFC 5280).
use std::net::SocketAddr;

use serde::Deserialize;

/// Where others learn which certificates count. The addresses that stand in certificates are `devices.public_url`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationConfig {
    /// Address and port of the plain HTTP listener; without it, there is none.
    pub listen: Option<SocketAddr>,
    /// How long an answer by OCSP counts, in minutes.
    pub ocsp_minutes: u32,
    /// How long a list of what no longer counts is good for, in minutes.
    pub crl_minutes: u32,
    /// The most answers that are signed before they are asked for, and kept.
    pub kept_answers: u32,
}

impl Default for RevocationConfig {
    fn default() -> Self {
        Self { listen: None, ocsp_minutes: 60, crl_minutes: 24 * 60, kept_answers: 65_536 }
    }
}

impl RevocationConfig {
    /// Each key with its value, its least and its most.
    pub(super) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 3] {
        [
            ("revocation.ocsp_minutes", self.ocsp_minutes, 2, 7 * 24 * 60),
            ("revocation.crl_minutes", self.crl_minutes, 2, 31 * 24 * 60),
            ("revocation.kept_answers", self.kept_answers, 0, 1_000_000),
        ]
    }
}
