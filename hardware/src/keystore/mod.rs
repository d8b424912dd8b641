//! Where machine keys live, and what is sealed under them.
//!
//! A label names a P-256 signing key and, apart from it, an AES-256 key for [`Keystore::seal`]. Deleting a label
//! destroys both, and with them everything sealed under it.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imp_authenticator::signer::Signer;
use imp_identity::Secret;
use serde::{Deserialize, Serialize};

mod aead;
mod folder;
mod software;
#[cfg(feature = "tpm")]
mod tpm;

/// The most bytes [`Keystore::seal`] takes.
pub const PLAINTEXT_MAX: usize = 16 * 1024 * 1024;

/// Keeps keys. Calls block for up to some hundred milliseconds: use them from `spawn_blocking`.
pub trait Keystore: Send + Sync {
    /// Makes a P-256 signing key. Refused when `label` has one: delete it first.
    fn create(&self, label: &str) -> Result<Arc<dyn Signer>, KeystoreError>;

    /// The signing key of `label`, if there is one.
    fn load(&self, label: &str) -> Result<Option<Arc<dyn Signer>>, KeystoreError>;

    /// Encrypts with AES-256-GCM under a key of `label`, which is made if absent. `associated_data` must be given
    /// again to [`Self::unseal`].
    fn seal(
        &self,
        label: &str,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, KeystoreError>;

    /// Decrypts what [`Self::seal`] returned.
    fn unseal(
        &self,
        label: &str,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, KeystoreError>;

    /// Destroys the keys of `label`, so that nothing sealed under it can be read again. No error if there are none.
    fn delete(&self, label: &str) -> Result<(), KeystoreError>;
}

/// Why a keystore could not do what was asked. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// Labels are 1 to 64 lower-case letters, digits and hyphens.
    #[error("{0:?} cannot name a key: 1 to 64 lower-case letters, digits and hyphens are expected")]
    Label(String),
    /// There is a key of that name.
    #[error("there is a key named {0}")]
    Exists(String),
    /// There is no key of that name, so nothing can have been sealed under it, or it was deleted.
    #[error("there is no key named {0}")]
    Missing(String),
    /// Others could read or change it.
    #[error(
        "{path} is open to others (mode {mode:03o}): no access for group and others is expected"
    )]
    TooOpen {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Reading or writing failed.
    #[error("could not {action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file was changed, cut off, moved to another label or machine.
    #[error("{0} is damaged, or belongs to another keystore")]
    Damaged(PathBuf),
    /// What was to be unsealed was changed, or was sealed with other associated data or another key.
    #[error("the sealed data is damaged, or belongs elsewhere")]
    Unsealing,
    /// More than [`PLAINTEXT_MAX`].
    #[error("too much to seal: {0} bytes")]
    TooLarge(usize),
    /// There is no TPM where the configuration says, or it does not answer.
    #[error("the TPM at {0} cannot be used")]
    NoTpm(String, #[source] Cause),
    /// The TPM, or the cryptographic library, failed.
    #[error("could not {0}")]
    Failed(&'static str, #[source] Option<Cause>),
}

/// What a lower layer said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Which keystore is used: `kind = "software"` or `kind = "tpm"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeystoreConfig {
    /// Keys in files, encrypted under a secret of this machine.
    Software {
        /// The folder of the keys; made with mode 0700 if absent.
        directory: PathBuf,
        /// The machine's secret, 32 bytes or more, mode 0600: `machine-secret` in the folder if absent. Elsewhere,
        /// such as in a systemd credential, it keeps a stolen folder useless.
        #[serde(default)]
        secret: Option<PathBuf>,
    },
    /// Keys in a TPM 2.0; the folder holds what only this TPM can load.
    Tpm {
        /// The folder of the key blobs; made with mode 0700 if absent.
        directory: PathBuf,
        /// How the TPM is reached, such as `device:/dev/tpmrm0`.
        #[serde(default = "default_tcti")]
        tcti: String,
    },
}

fn default_tcti() -> String {
    "device:/dev/tpmrm0".to_owned()
}

impl KeystoreConfig {
    /// Software keys in `directory`.
    pub fn software(directory: impl AsRef<Path>) -> Self {
        Self::Software { directory: directory.as_ref().to_owned(), secret: None }
    }

    /// Opens the keystore, and makes its folder and secret if they are absent. Blocks.
    pub fn open(&self) -> Result<Arc<dyn Keystore>, KeystoreError> {
        match self {
            Self::Software { directory, secret } => {
                Ok(Arc::new(software::SoftwareKeystore::open(directory, secret.as_deref())?))
            }
            #[cfg(feature = "tpm")]
            Self::Tpm { directory, tcti } => Ok(Arc::new(tpm::TpmKeystore::open(directory, tcti)?)),
            #[cfg(not(feature = "tpm"))]
            Self::Tpm { tcti, .. } => {
                Err(KeystoreError::NoTpm(tcti.clone(), "this build has no TPM support".into()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
