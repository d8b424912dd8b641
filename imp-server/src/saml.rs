//! Ourselves as an identity provider of SAML, and applications that speak it.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_identity::{Secret, SignOnId};
use imp_saml::{
    Credential, IdentityProvider, KeyError, NameId, NameIdFormat, ServiceProvider, SigningKey,
};
use imp_storage::StorageError;
use jiff::Timestamp;
use rand::CryptoRng;

use crate::store::{ClientKind, StoredClient};

mod key;
pub use key::SamlKeyError;

/// Separates these uses of the key from every other (RFC 5869 §3.2).
const LABEL: &[u8] = b"imp-server saml v1";

/// The identity provider. Its key is made when it is used for the first time: most installations never need it.
pub struct Saml {
    folder: PathBuf,
    issuer: Arc<str>,
    names: hmac::Key,
    making: Mutex<()>,
    provider: OnceLock<IdentityProvider>,
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
        Ok(Self { folder, issuer, names, making: Mutex::default(), provider: OnceLock::new() })
    }

    /// The provider.
    pub(crate) fn provider(
        &self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<&IdentityProvider, SamlKeyError> {
        if let Some(provider) = self.provider.get() {
            return Ok(provider);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let credential = key::open_or_create(&self.folder, &self.issuer, now, rng)?;
        let made = IdentityProvider::new(&self.issuer, SigningKey::open(&credential)?);
        Ok(self.provider.get_or_init(|| made))
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
