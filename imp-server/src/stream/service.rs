//! What streams need of a running server, made once.
use std::sync::Arc;

use imp_identity::Clock;
use tokio::sync::Notify;

use super::{SealError, Sealer, SetIssuer, Workshop};
use crate::ca::Keys;
use crate::config::Config;

/// Seals, signs and makes consumers.
pub(crate) struct Service {
    /// Keeps secrets of streams.
    pub(crate) sealer: Sealer,
    /// Signs tokens.
    pub(crate) issuer: Arc<SetIssuer>,
    /// Makes consumers.
    pub(crate) workshop: Workshop,
    /// Wakes whoever pushes messages about streams.
    pub(crate) messages: Notify,
}

impl Service {
    /// `url` is what receivers know the server by, `openid` what applications do.
    pub(crate) fn new(
        keys: &Keys,
        config: &Config,
        clock: Arc<dyn Clock>,
        (url, openid): (&str, &str),
    ) -> Result<Self, SealError> {
        let origin = keys.log_key().verifier_key().name();
        let issuer = SetIssuer::new(keys.set_key(), (url, openid), keys.trust_domain(), origin);
        let issuer = Arc::new(issuer);
        Ok(Self {
            sealer: Sealer::derive(keys.set_key().pkcs8())?,
            workshop: Workshop::new(keys, config, clock, Arc::clone(&issuer)),
            issuer,
            messages: Notify::new(),
        })
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({:?})", self.issuer)
    }
}
