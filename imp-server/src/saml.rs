//! Ourselves as an identity provider of SAML, and applications that speak it.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_identity::{Digest, Secret, SignOnId};
use imp_saml::{
    Credential, IdentityProvider, KeyError, NameId, NameIdFormat, ServiceProvider, SigningKey,
};
use imp_storage::StorageError;
use jiff::Timestamp;
use rand::CryptoRng;

use crate::store::{ClientKind, StoredClient};

mod key;
pub use key::{SamlKeyError, SamlKeyRole};

/// Separates these uses of the key from every other (RFC 5869 §3.2).
const LABEL: &[u8] = b"imp-server saml v1";

/// The identity provider. Its key is made when it is used for the first time: most installations never need it.
pub struct Saml {
    folder: PathBuf,
    issuer: Arc<str>,
    names: hmac::Key,
    /// Ourselves, and the files that this was read from.
    read: Mutex<Option<(key::Stamp, Arc<IdentityProvider>)>>,
}

/// A key that signs, will sign or signed, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlKeyState {
    /// What it is for.
    pub role: SamlKeyRole,
    /// SHA-256 of its certificate, in hexadecimal.
    pub fingerprint: String,
}

/// An application that speaks SAML.
#[derive(Clone, Debug)]
pub struct RegisteredProvider {
    /// As it is stored.
    pub stored: StoredClient,
    /// What its metadata said.
    pub provider: ServiceProvider,
}

impl Saml {
    /// The provider at `issuer`, with its key in `folder`. Names for users are derived from `secret`, a private key that every
    /// replica has: they must never change.
    pub(crate) fn new(
        folder: PathBuf,
        issuer: Arc<str>,
        secret: &Secret<Vec<u8>>,
    ) -> Result<Self, SamlKeyError> {
        let prk = Salt::new(HKDF_SHA256, LABEL).extract(secret.expose());
        let names = prk.expand(&[b"names"], hmac::HMAC_SHA256).map_err(|_| KeyError::Generate)?;
        let names = hmac::Key::from(names);
        Ok(Self { folder, issuer, names, read: Mutex::default() })
    }

    /// The provider, with the keys as they stand in their files now.
    pub(crate) fn provider(
        &self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Arc<IdentityProvider>, SamlKeyError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stamp = key::Stamp::of(&self.folder);
        if let Some((_, provider)) = read.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(provider.clone());
        }
        let current = key::open_or_create(&self.folder, &self.issuer, now, rng)?;
        if !stamp.has_current() {
            stamp = key::Stamp::of(&self.folder);
        }
        let mut announced = Vec::new();
        for role in [SamlKeyRole::Next, SamlKeyRole::Previous] {
            announced.extend(key::read(&self.folder, role)?.map(|found| found.certificate));
        }
        let made = IdentityProvider::new(&self.issuer, SigningKey::open(&current)?);
        let made = Arc::new(made.announcing(announced));
        *read = Some((stamp, made.clone()));
        Ok(made)
    }

    /// Every key.
    pub fn keys(&self) -> Result<Vec<SamlKeyState>, SamlKeyError> {
        let mut keys = Vec::new();
        for role in SamlKeyRole::ALL {
            let found = key::read(&self.folder, role)?;
            keys.extend(found.map(|found| SamlKeyState::of(role, &found)));
        }
        Ok(keys)
    }

    /// Makes the key that will sign next: the metadata names it from now on.
    pub(crate) fn prepare_key(
        &self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SamlKeyState, SamlKeyError> {
        let made = generate(&self.issuer, now, rng)?;
        key::prepare(&self.folder, &made)?;
        Ok(SamlKeyState::of(SamlKeyRole::Next, &made))
    }

    /// The next key signs from now on; the metadata still names the one before.
    pub(crate) fn switch_key(&self) -> Result<(), SamlKeyError> {
        key::switch(&self.folder)
    }

    /// The key before is gone, and not in the metadata any more. Answers with what it was.
    pub(crate) fn retire_key(&self) -> Result<SamlKeyState, SamlKeyError> {
        let previous = key::read(&self.folder, SamlKeyRole::Previous)?;
        key::retire(&self.folder)?;
        let gone = || SamlKeyError::Step("there is no previous key");
        Ok(SamlKeyState::of(SamlKeyRole::Previous, &previous.ok_or_else(gone)?))
    }

    /// What `application` calls a user.
    pub(crate) fn name_id(
        &self,
        format: NameIdFormat,
        application: &str,
        sign_on: &SignOn,
        user: &User,
    ) -> NameId {
        let value = match format {
            NameIdFormat::Persistent => {
                self.derive("persistent", application, user.id.as_uuid().as_bytes())
            }
            NameIdFormat::Transient => {
                self.derive("transient", application, sign_on.id.as_uuid().as_bytes())
            }
            NameIdFormat::Username => user.username.to_string(),
        };
        NameId { format, value }
    }

    /// What `application` calls a sign-on. Two applications cannot tell by it that they have the same person before them.
    pub(crate) fn session_index(&self, application: &str, sign_on: SignOnId) -> String {
        self.derive("session", application, sign_on.as_uuid().as_bytes())
    }

    fn derive(&self, kind: &str, application: &str, what: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.names);
        for part in [b"saml".as_slice(), kind.as_bytes(), application.as_bytes(), what] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        HEXLOWER.encode(context.sign().as_ref())
    }
}

impl SamlKeyState {
    fn of(role: SamlKeyRole, credential: &Credential) -> Self {
        let digest = Digest::of(&[&credential.certificate]);
        Self { role, fingerprint: HEXLOWER.encode(digest.as_bytes()) }
    }
}

impl RegisteredProvider {
    /// Reads what is stored; `None` if the application speaks something else.
    pub(crate) fn open(stored: StoredClient) -> Result<Option<Self>, StorageError> {
        match stored.kind {
            ClientKind::Oauth => Ok(None),
            ClientKind::Saml => {
                let provider = serde_json::from_str(&stored.metadata)
                    .map_err(|_| StorageError::Corrupt { what: "clients.metadata" })?;
                Ok(Some(Self { stored, provider }))
            }
        }
    }
}

impl From<KeyError> for SamlKeyError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// A credential that was made now.
fn generate(
    issuer: &str,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Credential, SamlKeyError> {
    Ok(Credential::generate(&format!("SAML signatures of {issuer}"), now, rng)?)
}
