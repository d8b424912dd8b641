//! The relying party: our origin, and what we ask of authenticators.
use std::sync::{Arc, PoisonError, RwLock};

use url::Url;
use webauthn_rs::prelude::{Webauthn, WebauthnBuilder, WebauthnError};

use crate::attestation::Attestation;

/// What browsers and authenticators call this installation.
const NAME: &str = "IMP";

/// Registers and authenticates credentials for one origin.
#[derive(Debug)]
pub struct RelyingParty {
    webauthn: Option<Webauthn>,
    attestation: RwLock<Arc<Attestation>>,
}

/// A ceremony has begun.
#[derive(Debug)]
pub struct Begun {
    /// The argument of `navigator.credentials.create` or `.get`, in JSON (WebAuthn L3 §5.1.8, §5.1.9).
    pub options: serde_json::Value,
    /// What is needed to check the answer, in JSON. It must not reach the browser.
    pub state: String,
}

/// No ceremony can begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Browsers allow WebAuthn for names only (WebAuthn L3 §5.1.3, effective domain).
    #[error("the server is called by an address, and passkeys need a name")]
    NoName,
    /// Something of our own failed.
    #[error("the ceremony cannot be begun")]
    WebAuthn(#[from] WebauthnError),
    /// Something of our own failed.
    #[error("the ceremony cannot be written down")]
    Json(#[from] serde_json::Error),
}

impl RelyingParty {
    /// For pages of `origin`, such as `https://id.hospital.example:8443`. Its host is the identifier: credentials are lost when it
    /// changes. An origin that is an address has no credentials at all.
    pub fn new(origin: &Url, attestation: Attestation) -> Self {
        let builder = origin.domain().map(|name| WebauthnBuilder::new(name, origin));
        let webauthn = builder.and_then(Result::ok).map(|builder| builder.rp_name(NAME).build());
        let attestation = RwLock::new(Arc::new(attestation));
        Self { webauthn: webauthn.and_then(Result::ok), attestation }
    }

    /// Asks this of makers from now on: the list of models was renewed. What is registered already stays as it is.
    pub fn ask_of_makers(&self, attestation: Attestation) {
        let attestation = Arc::new(attestation);
        *self.attestation.write().unwrap_or_else(PoisonError::into_inner) = attestation;
    }

    /// What is asked of makers now.
    pub(crate) fn attestation(&self) -> Arc<Attestation> {
        self.attestation.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether browsers let this origin use credentials.
    pub const fn is_available(&self) -> bool {
        self.webauthn.is_some()
    }

    pub(crate) fn webauthn(&self) -> Result<&Webauthn, BeginError> {
        self.webauthn.as_ref().ok_or(BeginError::NoName)
    }
}
