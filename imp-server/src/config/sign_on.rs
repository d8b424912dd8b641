//! `[sign_on]`: passkeys, security keys and the pages where people sign in.
use std::path::{Path, PathBuf};

use imp_webauthn::metadata::{Metadata, MetadataError};
use imp_webauthn::{Attestation, Models};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// The pages where people sign in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignOnConfig {
    /// Where the agent of a workstation listens for browsers on its own desktop; 0: pages do not ask it.
    pub broker_port: u16,
    /// What is asked of the makers of passkeys and security keys.
    pub attestation: AttestationMode,
    /// The file of the list of models (FIDO Metadata Service, `blob.jwt`).
    pub metadata: Option<PathBuf>,
    /// The file of the certificate under which the list is signed, in PEM or DER.
    pub metadata_root: Option<PathBuf>,
    /// Only these models, by AAGUID; with none, every model of the list that nothing is known against.
    pub allowed_models: Vec<Uuid>,
    /// Never these models.
    pub denied_models: Vec<Uuid>,
}

/// What is asked of the makers of passkeys and security keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttestationMode {
    /// Nothing.
    #[default]
    None,
    /// The model, where it is a known one.
    Preferred,
    /// A known model.
    Required,
}

/// The list of models cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// A file is not named.
    #[error("sign_on.attestation needs sign_on.metadata and sign_on.metadata_root")]
    Missing,
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// See the source.
    #[error("the list of models does not count")]
    Metadata(#[from] MetadataError),
    /// No credential could be registered.
    #[error("no model of the list is left: none could be registered")]
    NoModels,
}

impl Default for SignOnConfig {
    fn default() -> Self {
        Self {
            broker_port: 7845,
            attestation: AttestationMode::None,
            metadata: None,
            metadata_root: None,
            allowed_models: vec![],
            denied_models: vec![],
        }
    }
}

impl SignOnConfig {
    /// The attestation policy, with the list of models that it rests on.
    pub(crate) fn attestation(&self, now: Timestamp) -> Result<Attestation, AttestationError> {
        let policy = match self.attestation {
            AttestationMode::None => return Ok(Attestation::None),
            AttestationMode::Preferred => Attestation::Preferred,
            AttestationMode::Required => Attestation::Required,
        };
        let (Some(list), Some(root)) = (&self.metadata, &self.metadata_root) else {
            return Err(AttestationError::Missing);
        };
        let blob = String::from_utf8_lossy(&read(list)?).into_owned();
        let metadata = Metadata::read(&blob, &read(root)?, now)?;
        if metadata.is_stale(now) {
            let due = metadata.next_update.to_string();
            tracing::warn!(due, "the list of models of security keys is out of date");
        }
        let models = Models::of(&metadata, &self.allowed_models, &self.denied_models);
        if models.is_empty() {
            return Err(AttestationError::NoModels);
        }
        tracing::info!(models = models.len(), list = metadata.number, "read the list of models");
        Ok(policy(models))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AttestationError> {
    let failed = |source| AttestationError::File { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    if bytes.len() > imp_webauthn::metadata::LARGEST {
        return Err(MetadataError::TooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_need_their_list() {
        let config = SignOnConfig { attestation: AttestationMode::Required, ..Default::default() };
        let refused = config.attestation(Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(refused, AttestationError::Missing));
        let nowhere = Some(PathBuf::from("/nowhere/blob.jwt"));
        let config = SignOnConfig { metadata: nowhere.clone(), metadata_root: nowhere, ..config };
        let refused = config.attestation(Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(refused, AttestationError::File { .. }));
        let none = SignOnConfig::default().attestation(Timestamp::UNIX_EPOCH);
        assert!(matches!(none, Ok(Attestation::None)));
    }
}
