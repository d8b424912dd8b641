//! `[acme]`: certificates for devices over ACME.
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::acme::Network;

/// ACME.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeConfig {
    /// Whether only who was given a key makes accounts (RFC 8555 §7.3.4).
    pub binding_required: bool,
    /// Addresses that are asked whether a challenge is met.
    pub networks: Vec<Network>,
    /// The port that http-01 asks.
    pub http_port: u16,
    /// The port that tls-alpn-01 asks.
    pub tls_port: u16,
    /// Name servers; without any, the system's.
    pub resolvers: Vec<SocketAddr>,
    /// How often it is looked whether a challenge is met.
    pub tries: u32,
    /// The longest look, in seconds.
    pub try_seconds: u32,
    /// How long an order counts that is not finished, in hours.
    pub order_hours: u32,
    /// Files of authorities that certify attestation keys of devices, in PEM.
    pub attestation_roots: Vec<PathBuf>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        Self {
            binding_required: true,
            networks: Network::private(),
            http_port: 80,
            tls_port: 443,
            resolvers: vec![],
            tries: 4,
            try_seconds: 5,
            order_hours: 24,
            attestation_roots: vec![],
        }
    }
}

impl AcmeConfig {
    /// Every number with its key and its range.
    pub(super) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 5] {
        [
            ("acme.http_port", self.http_port as u32, 1, 65_535),
            ("acme.tls_port", self.tls_port as u32, 1, 65_535),
            ("acme.tries", self.tries, 1, 20),
            ("acme.try_seconds", self.try_seconds, 1, 9),
            ("acme.order_hours", self.order_hours, 1, 24 * 7),
        ]
    }
}
