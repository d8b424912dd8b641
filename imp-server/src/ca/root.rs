//! The root's key: in the folder at first, then sealed by a passphrase in a file that is kept elsewhere, or in a token.
//! Certificates are issued without it; only what changes the authorities asks for it.
use std::fs;
use std::path::{Path, PathBuf};

use imp_identity::Secret;
use imp_pki::{AuthorityKey, IssueError, Issuer, Key, KeyError};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::pkcs5::scrypt;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use rand::CryptoRng;

use super::directory::{ROOT_KEY, failed, sync};
use super::{Keys, KeysError, pem};

/// How PEM calls an encrypted PKCS#8 (RFC 7468 §11).
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// The shortest passphrase, in characters: whoever has the file may try as long as she likes.
const SHORTEST: usize = 12;
/// scrypt (RFC 7914): N = 2^14 and r = 8 need 16 MiB, the most that OpenSSL grants a key file; p = 5 makes up for it.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// Where the root's key is.
pub(crate) enum RootSource {
    /// In the folder of the keys, as after the first start.
    Folder,
    /// In a file, sealed by a passphrase.
    Sealed {
        /// Which.
        file: PathBuf,
        /// What opens it.
        passphrase: Secret<String>,
    },
    /// It signs elsewhere.
    External(Box<dyn imp_pki::ExternalKey>),
}

/// The root cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// It is not in the folder any more.
    #[error(
        "the root's key is not in the folder of the keys: name the sealed file with --root, or the token with --module and --token"
    )]
    Away,
    /// It is sealed already.
    #[error("the root's key is not in the folder of the keys: it was sealed or moved before")]
    SealedBefore,
    /// Anybody could guess it.
    #[error("a passphrase of at least {SHORTEST} characters is expected")]
    Short,
    /// The file would be overwritten.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// The file is no sealed key.
    #[error("{} is not an encrypted private key in PEM (PKCS#8, PBES2)", .0.display())]
    Content(PathBuf),
    /// The passphrase is another one.
    #[error("the passphrase does not open the root's key")]
    Passphrase,
    /// The key could not be sealed.
    #[error("the root's key could not be sealed")]
    Seal,
    /// It is another root's.
    #[error("the key is not that of this installation's root")]
    OtherKey,
    /// A key cannot be used.
    #[error("the root's key cannot be used")]
    Key(#[from] KeyError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl Keys {
    /// The root, ready to sign.
    pub(crate) fn open_root(&self, source: RootSource) -> Result<Issuer, RootError> {
        let key = match source {
            RootSource::Folder => AuthorityKey::new(&self.root_key()?.ok_or(RootError::Away)?)?,
            RootSource::Sealed { file, passphrase } => {
                AuthorityKey::new(&unseal(&file, passphrase.expose())?)?
            }
            RootSource::External(key) => AuthorityKey::external(key)?,
        };
        match Issuer::open_with(self.root.der().to_vec(), key) {
            Ok(issuer) => Ok(issuer),
            Err(IssueError::NotAnAuthority) => Err(RootError::OtherKey),
            Err(error) => Err(KeysError::from(error).into()),
        }
    }

    /// The root's key while it is in the folder.
    pub(crate) fn root_key(&self) -> Result<Option<Key>, KeysError> {
        let path = self.directory.join(ROOT_KEY);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).map_err(failed(&path, "read"))?;
        let key = pem::private_key(&text).and_then(|der| Key::from_pkcs8(der).ok());
        let content = KeysError::Content { path, expected: "a P-256 private key in PEM" };
        key.map(Some).ok_or(content)
    }

    /// Seals the root's key into `file` and takes it out of the folder. Until the sealed one has been read back, nothing is
    /// removed.
    pub(crate) fn seal_root(
        &self,
        file: &Path,
        passphrase: &Secret<String>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), RootError> {
        if passphrase.expose().chars().count() < SHORTEST {
            return Err(RootError::Short);
        }
        let key = self.root_key()?.ok_or(RootError::SealedBefore)?;
        let text = seal(&key, passphrase.expose(), rng)?;
        if file.exists() {
            return Err(RootError::Exists(file.to_owned()));
        }
        super::directory::write(file, text.as_bytes())?;
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            sync(folder)?;
        }
        let again = unseal(file, passphrase.expose())?;
        if again.public_key() != key.public_key() {
            return Err(RootError::OtherKey);
        }
        Ok(self.forget_root_key()?)
    }

    /// Takes the root's key out of the folder, after it was sealed or moved.
    pub(crate) fn forget_root_key(&self) -> Result<(), KeysError> {
        let path = self.directory.join(ROOT_KEY);
        // On a disk that writes in place nothing is left of it; elsewhere the disk's own encryption must help.
        let length = fs::metadata(&path).map_err(failed(&path, "read"))?.len();
        let blank = vec![b'\n'; usize::try_from(length).unwrap_or_default()];
        let overwritten = fs::OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, &blank)?;
            file.sync_all()
        });
        overwritten.map_err(failed(&path, "written"))?;
        fs::remove_file(&path).map_err(failed(&path, "removed"))?;
        sync(&self.directory)
    }
}

fn seal(
    key: &Key,
    passphrase: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<zeroize::Zeroizing<String>, RootError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    let (log_n, r, p) = SCRYPT;
    let costs = scrypt::Params::new(log_n, r, p).map_err(|_| RootError::Seal)?;
    let parameters = Parameters::generate_scrypt_aes256cbc(costs, &salt, iv);
    let parameters = parameters.map_err(|_| RootError::Seal)?;
    let plain = PrivateKeyInfoRef::try_from(key.pkcs8().expose().as_slice());
    let sealed = plain.map_err(|_| RootError::Seal)?.encrypt_with_params(parameters, passphrase);
    Ok(pem::encode(ENCRYPTED, sealed.map_err(|_| RootError::Seal)?.as_bytes()))
}

fn unseal(file: &Path, passphrase: &str) -> Result<Key, RootError> {
    let text = fs::read(file).map_err(failed(file, "read"))?;
    let content = || RootError::Content(file.to_owned());
    let der = pem::decode(ENCRYPTED, &text).ok_or_else(content)?;
    let sealed = EncryptedPrivateKeyInfoRef::try_from(der.as_slice()).map_err(|_| content())?;
    let plain = sealed.decrypt(passphrase).map_err(|_| RootError::Passphrase)?;
    Key::from_pkcs8(plain.as_bytes().to_vec()).map_err(|_| RootError::Passphrase)
}
