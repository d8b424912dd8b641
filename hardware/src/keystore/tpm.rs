//! Keys in a TPM 2.0 (TCG TPM 2.0 Library, 1.59).
//!
//! A signing key is made in the TPM under the owner hierarchy's storage primary and never leaves it; the folder holds
//! its public part and a private part that only this TPM can load. What [`Keystore::seal`] uses is an AES-256 key that
//! the TPM has sealed the same way: the data itself would be slow in a TPM, and is limited to 128 bytes.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use imp_authenticator::signer::{SignError, Signer};
use imp_identity::{Digest, Secret};
use tss_esapi::constants::response_code::Tss2ResponseCodeKind;

use super::aead::SealingKey;
use super::folder::{Folder, check_label};
use super::{Keystore, KeystoreError};

mod blob;
mod device;
mod template;

use blob::Blob;
use device::Device;

/// See the [module](self).
pub(super) struct TpmKeystore {
    folder: Folder,
    tpm: Arc<Tpm>,
}

/// The one connection to the TPM, which takes a command at a time.
struct Tpm {
    tcti: String,
    device: Mutex<Device>,
}

impl Tpm {
    /// Does `work`, once more on a new connection when the TPM has lost what was loaded: it does in every suspend.
    fn with<T>(
        &self,
        work: impl Fn(&mut Device) -> Result<T, tss_esapi::Error>,
    ) -> Result<T, tss_esapi::Error> {
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        match work(&mut device) {
            Ok(done) => Ok(done),
            Err(error) if is_of_another_tpm(error) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the TPM failed; trying again on a new connection");
                // The old connection is given up first: without a resource manager there can be one only.
                device.disconnect();
                *device = Device::connect(&self.tcti)?;
                work(&mut device)
            }
        }
    }
}

impl TpmKeystore {
    /// Connects to the TPM and opens the folder.
    pub(super) fn open(directory: &Path, tcti: &str) -> Result<Self, KeystoreError> {
        let folder = Folder::open(directory)?;
        let device = Device::connect(tcti)
            .map_err(|error| KeystoreError::NoTpm(tcti.to_owned(), Box::new(error)))?;
        let tpm = Tpm { tcti: tcti.to_owned(), device: Mutex::new(device) };
        Ok(Self { folder, tpm: Arc::new(tpm) })
    }

    fn read(&self, name: &str) -> Result<Option<Blob>, KeystoreError> {
        let Some(bytes) = self.folder.read(name)? else { return Ok(None) };
        Blob::parse(&bytes).ok_or_else(|| KeystoreError::Damaged(self.folder.path(name))).map(Some)
    }

    fn sealing_key(&self, label: &str) -> Result<Option<SealingKey>, KeystoreError> {
        check_label(label)?;
        let name = sealing_file(label);
        let Some(blob) = self.read(&name)? else { return Ok(None) };
        let path = self.folder.path(&name);
        let bytes = self
            .tpm
            .with(|device| device.unseal(&blob, &authorisation(&name)))
            .map_err(|error| failed("unseal a key", &path, error))?;
        SealingKey::from_bytes(&bytes).ok_or(KeystoreError::Damaged(path)).map(Some)
    }

    fn signer(&self, label: &str, blob: Blob) -> Result<Arc<dyn Signer>, KeystoreError> {
        let name = signing_file(label);
        let path = self.folder.path(&name);
        let public_key = template::public_key(&blob.public)
            .ok_or_else(|| KeystoreError::Damaged(path.clone()))?;
        let signer = TpmSigner { tpm: Arc::clone(&self.tpm), blob, name, public_key };
        // A key of another TPM is noticed now, not at the first tap.
        signer.sign_digest(&Digest::of(&[])).map_err(|error| failed("load a key", &path, error))?;
        Ok(Arc::new(signer))
    }
}

impl Keystore for TpmKeystore {
    fn create(&self, label: &str) -> Result<Arc<dyn Signer>, KeystoreError> {
        check_label(label)?;
        let name = signing_file(label);
        let path = self.folder.path(&name);
        if self.read(&name)?.is_some() {
            return Err(KeystoreError::Exists(label.to_owned()));
        }
        let blob = self
            .tpm
            .with(|device| device.create_signing(&authorisation(&name)))
            .map_err(|error| failed("make a key", &path, error))?;
        let bytes = blob.to_bytes().ok_or(KeystoreError::Failed("make a key", None))?;
        if !self.folder.write_new(&name, &bytes)? {
            return Err(KeystoreError::Exists(label.to_owned()));
        }
        self.signer(label, blob)
    }

    fn load(&self, label: &str) -> Result<Option<Arc<dyn Signer>>, KeystoreError> {
        check_label(label)?;
        let Some(blob) = self.read(&signing_file(label))? else { return Ok(None) };
        self.signer(label, blob).map(Some)
    }

    fn seal(
        &self,
        label: &str,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, KeystoreError> {
        if let Some(key) = self.sealing_key(label)? {
            return key.seal(associated_data, plaintext);
        }
        let name = sealing_file(label);
        let key = SealingKey::generate()?;
        let blob = self
            .tpm
            .with(|device| device.seal(key.expose(), &authorisation(&name)))
            .map_err(|error| failed("seal a key", &self.folder.path(&name), error))?;
        let bytes = blob.to_bytes().ok_or(KeystoreError::Failed("seal a key", None))?;
        self.folder.write_new(&name, &bytes)?;
        // Read back: another process may have been first.
        let key =
            self.sealing_key(label)?.ok_or_else(|| KeystoreError::Missing(label.to_owned()))?;
        key.seal(associated_data, plaintext)
    }

    fn unseal(
        &self,
        label: &str,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, KeystoreError> {
        let key =
            self.sealing_key(label)?.ok_or_else(|| KeystoreError::Missing(label.to_owned()))?;
        key.unseal(associated_data, sealed)
    }

    fn delete(&self, label: &str) -> Result<(), KeystoreError> {
        check_label(label)?;
        self.folder.remove(&sealing_file(label))?;
        self.folder.remove(&signing_file(label))
    }
}

fn signing_file(label: &str) -> String {
    format!("{label}.tpm-key")
}

fn sealing_file(label: &str) -> String {
    format!("{label}.tpm-seal")
}

/// The object's authorisation value: not a secret, it only ties the object to its label.
fn authorisation(name: &str) -> [u8; 32] {
    *Digest::of(&[b"imp keystore 1/", name.as_bytes()]).as_bytes()
}

/// Whether the blob was changed, or made by another TPM or for another label.
fn is_of_another_tpm(error: tss_esapi::Error) -> bool {
    let tss_esapi::Error::Tss2Error(code) = error else { return false };
    let kinds = [
        Tss2ResponseCodeKind::Integrity,
        Tss2ResponseCodeKind::BadAuth,
        Tss2ResponseCodeKind::AuthFail,
        Tss2ResponseCodeKind::Binding,
    ];
    code.kind().is_some_and(|kind| kinds.contains(&kind))
}

fn failed(action: &'static str, path: &Path, error: tss_esapi::Error) -> KeystoreError {
    if is_of_another_tpm(error) {
        return KeystoreError::Damaged(PathBuf::from(path));
    }
    KeystoreError::Failed(action, Some(Box::new(error)))
}

/// A P-256 key that only the TPM can use.
struct TpmSigner {
    tpm: Arc<Tpm>,
    blob: Blob,
    name: String,
    public_key: Vec<u8>,
}

impl TpmSigner {
    fn sign_digest(&self, digest: &Digest) -> Result<[u8; 64], tss_esapi::Error> {
        self.tpm.with(|device| {
            device.sign(&self.name, &self.blob, &authorisation(&self.name), digest.as_bytes())
        })
    }
}

impl Signer for TpmSigner {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.sign_digest(&Digest::of(&[message])).map_err(SignError::new)
    }
}

#[cfg(test)]
mod tests;
