//! The phone while it is bound: its binding, its device key, and what can be done with them.
use std::sync::Arc;

use imp_api::machine::Credentials;
use imp_api::{Client, ClientError};
use imp_authenticator::{
    MachineIdentity, ReferenceCredential, ReleasedReference, Signer, TlsError, TrustAnchors,
    UnverifiedReferenceCredential, tls,
};
use imp_hardware::keystore::KeystoreError;
use imp_identity::Clock;
use imp_translog::{Algorithm, VerifierKey};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::Phone;
use crate::binding::{Binding, BindingError};
use crate::conduct::TapError;
use crate::vault::{Owner, Stored, VaultError};

/// A bound phone.
pub(crate) struct Holder {
    pub(crate) phone: Phone,
    pub(crate) binding: Binding,
    pub(crate) signer: Arc<dyn Signer>,
}

/// The phone cannot act as the one it was bound as.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// The binding cannot be read.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The keystore does not work.
    #[error("the keystore cannot be used")]
    Keystore(#[from] KeystoreError),
    /// The key of the certificate is gone.
    #[error(
        "the device key is not in the keystore: bind this phone again with a new code (bind --replace)"
    )]
    NoKey,
}

/// The server cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] TlsError),
    /// The client could not be made.
    #[error("the server's address cannot be used")]
    Client(#[from] ClientError),
}

impl Holder {
    /// The phone as it was bound; `None` while it is not. Blocks.
    pub(crate) fn load(phone: &Phone) -> Result<Option<Self>, HolderError> {
        let Some(binding) = Binding::load(phone.state())? else { return Ok(None) };
        let label = binding.device_key.device_label();
        let signer = phone.keystore().load(label)?.ok_or(HolderError::NoKey)?;
        Ok(Some(Self { phone: phone.clone(), binding, signer }))
    }

    /// The same phone with newer credentials.
    pub(crate) fn renewed(&self, credentials: Credentials) -> Self {
        Self {
            phone: self.phone.clone(),
            binding: self.binding.renewed(credentials),
            signer: Arc::clone(&self.signer),
        }
    }

    /// What the phone shows in TLS.
    pub(crate) fn identity(&self) -> MachineIdentity {
        let credentials = &self.binding.credentials;
        MachineIdentity {
            spiffe_id: credentials.spiffe_id.clone(),
            chain: credentials.certificate_chain.iter().map(|c| c.0.clone()).collect(),
            signer: Arc::clone(&self.signer),
        }
    }

    /// Whom the phone trusts in TLS.
    pub(crate) fn anchors(&self) -> TrustAnchors {
        let credentials = &self.binding.credentials;
        TrustAnchors {
            trust_domain: credentials.spiffe_id.trust_domain.clone(),
            roots: credentials.trust_anchors.iter().map(|root| root.0.clone()).collect(),
        }
    }

    /// Speaks to the server as this phone.
    pub(crate) fn client(&self, clock: Arc<dyn Clock>) -> Result<Client, ConnectError> {
        let config = tls::machine_to_server(Some(&self.identity()), &self.anchors(), clock)?;
        Ok(Client::new(&self.binding.server, config)?)
    }

    /// Whom a reference on this phone must belong to.
    pub(crate) const fn owner(&self) -> Owner {
        Owner { user: self.binding.user, phone: self.binding.phone }
    }

    /// The stored reference, sealed, with its credential verified; `None` without one.
    pub(crate) fn enrolled(&self) -> Result<Option<(ReferenceCredential, Stored)>, TapError> {
        let Some(stored) = self.phone.vault().load()? else { return Ok(None) };
        let credential = UnverifiedReferenceCredential::parse(&stored.credential)?
            .verify_by_server(&self.binding.every_statement_key())?;
        Ok(Some((credential, stored)))
    }

    /// Opens the reference if it counts at `now`. Blocks.
    pub(crate) fn release(
        &self,
        now: Timestamp,
    ) -> Result<(ReferenceCredential, ReleasedReference), TapError> {
        let (credential, stored) = self.enrolled()?.ok_or(TapError::NoReference)?;
        if now >= credential.expires_at {
            return Err(TapError::ReferenceExpired);
        }
        let reference = self.phone.vault().open(self.owner(), &credential, &stored)?;
        Ok((credential, reference))
    }
}

impl From<VaultError> for TapError {
    fn from(error: VaultError) -> Self {
        Self::Storage(error)
    }
}

/// Whether `credentials` are for `signer`'s key and complete; what is wrong with them otherwise.
pub(crate) fn check_credentials(
    credentials: &Credentials,
    signer: &dyn Signer,
) -> Result<(), &'static str> {
    let chain: Vec<_> = credentials
        .certificate_chain
        .iter()
        .map(|c| CertificateDer::from(c.0.as_slice()))
        .collect();
    let ours = tls::peer_of(&chain).is_some_and(|named| {
        named.spiffe_id == credentials.spiffe_id && named.public_key == signer.public_key()
    });
    if !ours {
        return Err("the certificate is not for this phone's key");
    }
    if credentials.trust_anchors.is_empty() {
        return Err("it names no root certificate");
    }
    if credentials.statement_keys.is_empty() {
        return Err("it names no statement key");
    }
    check_log_key(credentials)
}

/// A server without a log names no key of it.
fn check_log_key(credentials: &Credentials) -> Result<(), &'static str> {
    let Some(key) = &credentials.log_key else { return Ok(()) };
    let key: VerifierKey = key.parse().map_err(|_| "the key of its log is not a key")?;
    let origin = format!("{}/log", credentials.spiffe_id.trust_domain);
    if key.algorithm() != Algorithm::Ed25519 || key.name() != origin {
        return Err("the key of its log is that of another log");
    }
    Ok(())
}
