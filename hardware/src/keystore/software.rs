//! Keys in files, each encrypted under a key derived from the machine's secret.
//!
//! This protects keys in a backup or a copied folder when the secret is kept elsewhere. Against somebody who is root
//! on the running machine only a TPM helps.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_authenticator::signer::{SignError, Signer};
use imp_identity::Secret;
use zeroize::Zeroizing;

use super::aead::{SealingKey, fill};
use super::folder::{self, Folder, GROUP_MAY_READ, check_label};
use super::{Keystore, KeystoreError};

/// The fewest bytes a machine's secret may have.
const SECRET_MIN: usize = 32;
const SECRET_FILE: &str = "machine-secret";

/// See the [module](self).
pub(super) struct SoftwareKeystore {
    folder: Folder,
    secret: Zeroizing<Vec<u8>>,
}

/// What a file holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A PKCS#8 document.
    Signing,
    /// An AES-256 key.
    Sealing,
}

impl Kind {
    fn extension(self) -> &'static str {
        match self {
            Self::Signing => "key",
            Self::Sealing => "seal",
        }
    }
}

impl SoftwareKeystore {
    /// Opens the folder and the machine's secret, and makes what is absent.
    pub(super) fn open(directory: &Path, secret: Option<&Path>) -> Result<Self, KeystoreError> {
        let folder = Folder::open(directory)?;
        let path = secret.map_or_else(|| folder.path(SECRET_FILE), Path::to_owned);
        let refused = if secret.is_some() { GROUP_MAY_READ } else { folder::PRIVATE };
        let secret = read_or_make_secret(&path, refused)?;
        Ok(Self { folder, secret })
    }

    /// The key that wraps the file of this kind and label, and the associated data for it.
    fn wrapping(&self, kind: Kind, label: &str) -> Result<(SealingKey, Vec<u8>), KeystoreError> {
        let context = format!("imp keystore 1/{}/{label}", kind.extension()).into_bytes();
        let mut derived = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, b"imp keystore 1")
            .extract(&self.secret)
            .expand(&[&context], HKDF_SHA256)
            .and_then(|material| material.fill(&mut *derived))
            .map_err(|_| KeystoreError::Failed("derive a key", None))?;
        let key = SealingKey::from_bytes(&*derived);
        Ok((key.ok_or(KeystoreError::Failed("derive a key", None))?, context))
    }

    fn file(&self, kind: Kind, label: &str) -> (String, PathBuf) {
        let name = format!("{label}.{}", kind.extension());
        let path = self.folder.path(&name);
        (name, path)
    }

    fn read(&self, kind: Kind, label: &str) -> Result<Option<Secret<Vec<u8>>>, KeystoreError> {
        check_label(label)?;
        let (name, path) = self.file(kind, label);
        let Some(wrapped) = self.folder.read(&name)? else { return Ok(None) };
        let (key, context) = self.wrapping(kind, label)?;
        key.unseal(&context, &wrapped).map(Some).map_err(|_| KeystoreError::Damaged(path))
    }

    /// Writes what did not exist; `false` if it does.
    fn write(&self, kind: Kind, label: &str, bytes: &[u8]) -> Result<bool, KeystoreError> {
        check_label(label)?;
        let (key, context) = self.wrapping(kind, label)?;
        self.folder.write_new(&self.file(kind, label).0, &key.seal(&context, bytes)?)
    }

    fn sealing_key(&self, label: &str) -> Result<Option<SealingKey>, KeystoreError> {
        let Some(bytes) = self.read(Kind::Sealing, label)? else { return Ok(None) };
        let path = self.file(Kind::Sealing, label).1;
        SealingKey::from_bytes(bytes.expose()).ok_or(KeystoreError::Damaged(path)).map(Some)
    }
}

impl Keystore for SoftwareKeystore {
    fn create(&self, label: &str) -> Result<Arc<dyn Signer>, KeystoreError> {
        check_label(label)?;
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| KeystoreError::Failed("make a key", None))?;
        if !self.write(Kind::Signing, label, document.as_ref())? {
            return Err(KeystoreError::Exists(label.to_owned()));
        }
        let signer = SoftwareSigner::from_pkcs8(document.as_ref());
        Ok(Arc::new(signer.ok_or(KeystoreError::Failed("make a key", None))?))
    }

    fn load(&self, label: &str) -> Result<Option<Arc<dyn Signer>>, KeystoreError> {
        let Some(document) = self.read(Kind::Signing, label)? else { return Ok(None) };
        let path = self.file(Kind::Signing, label).1;
        let signer = SoftwareSigner::from_pkcs8(document.expose());
        Ok(Some(Arc::new(signer.ok_or(KeystoreError::Damaged(path))?)))
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
        self.write(Kind::Sealing, label, SealingKey::generate()?.expose())?;
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
        self.folder.remove(&self.file(Kind::Sealing, label).0)?;
        self.folder.remove(&self.file(Kind::Signing, label).0)
    }
}

fn read_or_make_secret(path: &Path, refused: u32) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    if folder::read_private(path, refused)?.is_none() {
        let mut bytes = Zeroizing::new([0; SECRET_MIN]);
        fill(&mut *bytes)?;
        folder::write_new(path, &*bytes)?;
    }
    let damaged = || KeystoreError::Damaged(path.to_owned());
    let secret = folder::read_private(path, refused)?.ok_or_else(damaged)?;
    if secret.len() < SECRET_MIN { Err(damaged()) } else { Ok(secret) }
}

/// A P-256 key in memory.
struct SoftwareSigner {
    pair: EcdsaKeyPair,
    public_key: Vec<u8>,
}

impl SoftwareSigner {
    fn from_pkcs8(document: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).ok()?;
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
        let public_key = der.as_ref().to_vec();
        Some(Self { pair, public_key })
    }
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let failed = || SignError::new("ECDSA failed");
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| failed())?;
        signature.as_ref().try_into().map_err(|_| failed())
    }
}
