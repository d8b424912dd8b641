//! `[access]`: who may do what.
use std::path::PathBuf;

use serde::Deserialize;

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// The folder of policies and cases; without it, the shipped ones.
    pub policies: Option<PathBuf>,
    /// Whether administrators and auditors need two factors.
    pub require_aal2: bool,
}
