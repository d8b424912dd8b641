//! What the listener for devices that enrol shows, and whom it lets in.
use std::sync::Arc;

use imp_authenticator::tls::Doorkeeper;
use imp_authenticator::{TlsError, TrustAnchors};

use super::Keys;
use crate::config::{EstConfig, ManufacturerError};

/// The listener's rules cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DoorkeeperError {
    /// See the source.
    #[error("the manufacturers' certificates cannot be used")]
    Manufacturer(#[from] ManufacturerError),
    /// See the source.
    #[error("a manufacturer's root cannot be used")]
    Tls(#[from] TlsError),
}

pub(super) fn doorkeeper(
    config: &EstConfig,
    anchors: &TrustAnchors,
) -> Result<Arc<Doorkeeper>, DoorkeeperError> {
    Ok(Arc::new(Doorkeeper::new(anchors, &config.read_manufacturers()?)?))
}

impl Keys {
    /// Who is let in to be enrolled.
    pub(crate) const fn doorkeeper(&self) -> &Arc<Doorkeeper> {
        &self.doorkeeper
    }
}
