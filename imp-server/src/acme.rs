//! What ACME needs in every process: nonces, the seal of the keys that bind accounts, and whoever looks whether challenges are
//! met.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imp_identity::Secret;
use imp_pki::acme::{NonceError, Nonces};
use rand::CryptoRng;

use crate::access::Refusals;
use crate::config::AcmeConfig;

mod address;
mod http01;
mod resolver;
mod seal;
mod tls_alpn01;
pub(crate) mod validate;

pub use address::{InvalidNetwork, Network};
pub use seal::AcmeSealError;
pub(crate) use seal::KeySealer;
pub(crate) use validate::Validator;

/// Where the service is.
pub(crate) const BASE: &str = "/acme";

/// What ACME needs.
pub(crate) struct Service {
    /// The address of the service, without a final slash.
    base: String,
    nonces: Mutex<Nonces>,
    /// Seals keys that bind accounts.
    pub(crate) sealer: KeySealer,
    /// Looks whether challenges are met.
    pub(crate) validator: Validator,
    /// Authorities that certify attestation keys, in DER.
    pub(crate) attestation_roots: Vec<Vec<u8>>,
    /// What was recorded lately.
    pub(crate) refusals: Refusals<String>,
}

/// ACME cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum AcmeServiceError {
    /// See the source.
    #[error("keys that bind ACME accounts cannot be kept")]
    Seal(#[from] AcmeSealError),
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds no certificate.
    #[error("{0} holds no certificate in PEM")]
    Root(PathBuf),
    /// TLS cannot be spoken.
    #[error("TLS cannot be set up for validation")]
    Tls(#[source] rustls::Error),
}

impl Service {
    /// Begins. `folder_key` is a private key of the folder of keys, which every replica has.
    pub(crate) fn new(
        config: &AcmeConfig,
        issuer: &str,
        folder_key: &Secret<Vec<u8>>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, AcmeServiceError> {
        let mut attestation_roots = vec![];
        for path in &config.attestation_roots {
            attestation_roots.extend(read_roots(path)?);
        }
        Ok(Self {
            base: format!("{issuer}{BASE}"),
            nonces: Mutex::new(Nonces::new(rng)),
            sealer: KeySealer::derive(folder_key)?,
            validator: Validator::new(config).map_err(AcmeServiceError::Tls)?,
            attestation_roots,
            refusals: Refusals::default(),
        })
    }

    /// The address of a path of the service.
    pub(crate) fn url(&self, path: impl std::fmt::Display) -> String {
        format!("{}{path}", self.base)
    }

    /// What stands behind the address of a kind of thing, such as `/account/`.
    pub(crate) fn named<'a>(&self, url: &'a str, kind: &str) -> Option<&'a str> {
        url.strip_prefix(&self.base)?.strip_prefix(kind)
    }

    /// A nonce that nobody was given before.
    pub(crate) fn nonce(&self) -> String {
        self.nonces().give()
    }

    /// Takes a nonce, which then counts no longer.
    pub(crate) fn take(&self, nonce: &str) -> Result<(), NonceError> {
        self.nonces().take(nonce)
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        // A nonce is given and taken whole, whatever happened to another thread.
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("base", &self.base).finish_non_exhaustive()
    }
}

fn read_roots(path: &Path) -> Result<Vec<Vec<u8>>, AcmeServiceError> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    let failed = |source| AcmeServiceError::File { path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(failed)?;
    let roots = CertificateDer::pem_slice_iter(&text).map(|it| it.map(|der| der.to_vec()));
    let roots: Vec<_> =
        roots.collect::<Result<_, _>>().map_err(|_| AcmeServiceError::Root(path.to_owned()))?;
    if roots.is_empty() { Err(AcmeServiceError::Root(path.to_owned())) } else { Ok(roots) }
}
