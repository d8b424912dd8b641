//! `[connections]`: the connection policy.
use serde::Deserialize;

/// The connection policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionsConfig {
    /// How long a signed copy counts, in hours: so long an enforcement point goes on without the server.
    pub copy_hours: u32,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self { copy_hours: 72 }
    }
}
