//! What the enrolment of this workstation left behind, and what the agent makes of it.
use std::sync::Arc;

use imp_api::machine::Credentials;
use imp_authenticator::signer::Signer;
use imp_authenticator::tls::{self, MachineIdentity, TlsError, TrustAnchors};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::spiffe::Machine;
use imp_identity::{Clock, Digest, WorkstationId};
use serde::{Deserialize, Serialize};

use crate::state::{StateDirectory, StateError};

/// The label of the machine's key in the keystore.
pub const KEY: &str = "workstation";
const FILE: &str = "credentials.json";

/// What is kept of the enrolment. The private key is in the keystore, not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCredentials {
    /// Where the server is: `https://host:port`.
    pub server: String,
    /// The fingerprint by which the server was recognised first.
    pub ca: Digest,
    /// Who this workstation is.
    pub workstation: WorkstationId,
    /// How it is shown to people.
    pub name: String,
    /// Its certificate and whom to trust.
    pub credentials: Credentials,
}

/// Credentials in use: who this workstation is, and how it proves it.
#[derive(Clone)]
pub struct Standing {
    /// What is kept.
    pub stored: StoredCredentials,
    /// Certificate and key.
    pub identity: MachineIdentity,
    /// Whom to trust.
    pub anchors: TrustAnchors,
    /// For conversations with phones.
    pub phone_tls: Arc<rustls::ClientConfig>,
}

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// This workstation was not enrolled.
    #[error(
        "this workstation is not enrolled: ask an administrator for an invitation and run `imp-client enrol machine`"
    )]
    NotEnrolled,
    /// The keystore cannot be used.
    #[error("the machine's key cannot be read")]
    Keystore(#[from] KeystoreError),
    /// The key that the certificate was made for is gone.
    #[error("the machine's key is not in the keystore: the workstation has to be enrolled anew")]
    KeyMissing,
    /// The server named something else than a workstation.
    #[error(
        "the certificate is not that of a workstation: the workstation has to be enrolled anew"
    )]
    NotAWorkstation,
    /// Certificate, key or trust anchors do not fit.
    #[error("the certificate cannot be used: the workstation has to be enrolled anew")]
    Tls(#[from] TlsError),
}

impl StoredCredentials {
    /// Reads what was kept, if this workstation was enrolled.
    pub fn read(state: &StateDirectory) -> Result<Option<Self>, StateError> {
        state.read_json(FILE)
    }

    /// Keeps them.
    pub fn write(&self, state: &StateDirectory) -> Result<(), StateError> {
        state.write_json(FILE, self)
    }

    /// The server's statement keys: P-256 `SubjectPublicKeyInfo` in DER.
    pub fn statement_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.credentials.statement_keys.iter().map(|key| key.0.as_slice())
    }
}

impl Standing {
    /// Reads credentials and key, and checks that they fit. Blocks.
    pub fn load(
        state: &StateDirectory,
        keystore: &dyn Keystore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialsError> {
        let stored = StoredCredentials::read(state)?.ok_or(CredentialsError::NotEnrolled)?;
        let signer = keystore.load(KEY)?.ok_or(CredentialsError::KeyMissing)?;
        Self::new(stored, signer, clock)
    }

    /// Checks that certificate and key fit.
    pub fn new(
        stored: StoredCredentials,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialsError> {
        let Credentials { spiffe_id, certificate_chain, trust_anchors, .. } = &stored.credentials;
        if spiffe_id.machine != Machine::Workstation(stored.workstation) {
            return Err(CredentialsError::NotAWorkstation);
        }
        let identity = MachineIdentity {
            spiffe_id: spiffe_id.clone(),
            chain: certificate_chain.iter().map(|der| der.0.clone()).collect(),
            signer,
        };
        let anchors = TrustAnchors {
            trust_domain: spiffe_id.trust_domain.clone(),
            roots: trust_anchors.iter().map(|der| der.0.clone()).collect(),
        };
        let phone_tls = tls::workstation_to_phone(&identity, &anchors, clock)?;
        Ok(Self { stored, identity, anchors, phone_tls })
    }

    /// The TLS of requests to the server.
    pub fn server_tls(&self, clock: Arc<dyn Clock>) -> Result<rustls::ClientConfig, TlsError> {
        tls::machine_to_server(Some(&self.identity), &self.anchors, clock)
    }
}
