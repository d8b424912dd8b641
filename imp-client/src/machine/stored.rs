//! What the enrolment of a device left behind, and what is made of it.
use std::sync::Arc;

use imp_api::device::DeviceEnrolled;
use imp_api::{Client, ClientError};
use imp_authenticator::signer::Signer;
use imp_authenticator::tls::{self, MachineIdentity, Machines, TlsError, TrustAnchors};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::spiffe::Machine;
use imp_identity::{Clock, Digest};
use serde::{Deserialize, Serialize};

use crate::state::{StateDirectory, StateError};

/// The label of the device's key in the keystore.
pub const KEY: &str = "device";
const FILE: &str = "device.json";

/// What is kept of the enrolment. The private key is in the keystore, not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredDevice {
    /// Where the server is: `https://host:port`.
    pub server: String,
    /// The fingerprint by which the server was recognised first.
    pub ca: Digest,
    /// Where the certificate is renewed over EST (RFC 7030); at the server's own interface, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub est: Option<String>,
    /// The certificate, whom to trust, and when to renew.
    pub enrolled: DeviceEnrolled,
}

/// Credentials in use: who this device is, and how it proves it.
#[derive(Clone)]
pub struct Device {
    /// What is kept.
    pub stored: StoredDevice,
    /// Certificate and key.
    pub identity: MachineIdentity,
    /// Whom to trust.
    pub anchors: TrustAnchors,
    /// TLS with other machines.
    pub machines: Arc<Machines>,
}

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceCredentialsError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// This machine was not enrolled.
    #[error(
        "this machine is not enrolled: register it in the inventory, and run `imp-client machine enrol` with its one-time code"
    )]
    NotEnrolled,
    /// The keystore cannot be used.
    #[error("the machine's key cannot be read")]
    Keystore(#[from] KeystoreError),
    /// The key that the certificate was made for is gone.
    #[error("the machine's key is not in the keystore: the machine has to be enrolled anew")]
    KeyMissing,
    /// The server named something else than a device.
    #[error("the certificate is not that of a device: the machine has to be enrolled anew")]
    NotADevice,
    /// Certificate, key or trust anchors do not fit.
    #[error("the certificate cannot be used: the machine has to be enrolled anew")]
    Tls(#[from] TlsError),
}

impl StoredDevice {
    /// Reads what was kept, if this machine was enrolled as a device.
    pub fn read(state: &StateDirectory) -> Result<Option<Self>, StateError> {
        state.read_json(FILE)
    }

    /// Keeps it.
    pub fn write(&self, state: &StateDirectory) -> Result<(), StateError> {
        state.write_json(FILE, self)
    }

    /// The server's statement keys: P-256 `SubjectPublicKeyInfo` in DER. They sign the copies of the connection policy.
    pub fn statement_keys(&self) -> Vec<Vec<u8>> {
        self.enrolled.statement_keys.iter().map(|key| key.0.clone()).collect()
    }
}

impl Device {
    /// Reads credentials and key, and checks that they fit. Blocks.
    pub fn load(
        state: &StateDirectory,
        keystore: &dyn Keystore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DeviceCredentialsError> {
        let stored = StoredDevice::read(state)?.ok_or(DeviceCredentialsError::NotEnrolled)?;
        let signer = keystore.load(KEY)?.ok_or(DeviceCredentialsError::KeyMissing)?;
        Self::new(stored, signer, clock)
    }

    /// Checks that certificate and key fit.
    pub fn new(
        stored: StoredDevice,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DeviceCredentialsError> {
        let enrolled = &stored.enrolled;
        if enrolled.spiffe_id.machine != Machine::Device(enrolled.device) {
            return Err(DeviceCredentialsError::NotADevice);
        }
        let identity = MachineIdentity {
            spiffe_id: enrolled.spiffe_id.clone(),
            chain: enrolled.certificate_chain.iter().map(|der| der.0.clone()).collect(),
            signer,
        };
        let anchors = TrustAnchors {
            trust_domain: enrolled.spiffe_id.trust_domain.clone(),
            roots: enrolled.trust_anchors.iter().map(|der| der.0.clone()).collect(),
        };
        let machines = Arc::new(Machines::new(&identity, &anchors, clock)?);
        Ok(Self { stored, identity, anchors, machines })
    }

    /// The certificates of the authorities that stand behind this device's, in DER.
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        self.identity.chain.iter().skip(1).chain(&self.anchors.roots).cloned().collect()
    }

    /// The server, as this device asks it.
    pub fn client(&self, clock: Arc<dyn Clock>) -> Result<Client, UnusableServer> {
        let tls = tls::machine_to_server(Some(&self.identity), &self.anchors, clock)?;
        Ok(Client::new(&self.stored.server, tls)?)
    }
}

/// The server cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum UnusableServer {
    /// No TLS configuration.
    #[error("the connection to the server cannot be prepared")]
    Tls(#[from] TlsError),
    /// No client.
    #[error("the server's address cannot be used")]
    Client(#[from] ClientError),
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("stored", &self.stored).finish_non_exhaustive()
    }
}
