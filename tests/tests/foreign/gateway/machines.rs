//! Devices that are enrolled with the server, and one that is not.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imp_api::connection::{ConnectionPolicy, Rule, SetConnectionPolicy};
use imp_api::device::{DescribeDevice, Device as Registered, DeviceInvited};
use imp_authenticator::tls::{MachineIdentity, Machines};
use imp_client::StateDirectory;
use imp_client::gateway::{Gateway, GatewayConfig, GatewayParts};
use imp_client::machine::{Device, enrol_device};
use imp_hardware::keystore::{Keystore, KeystoreConfig};
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use imp_message::frame;
use imp_service::Shutdown;
use imp_tests::world::World;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyPair, SanType};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A device with its certificate.
pub(super) struct Enrolled {
    pub(super) state: StateDirectory,
    pub(super) spiffe_id: SpiffeId,
    keystore: Arc<dyn Keystore>,
}

/// A gateway that runs.
pub(super) struct RunningGateway {
    gateway: Gateway,
    shutdown: Shutdown,
}

/// Puts a device into the inventory, and enrols it by a technician's code.
pub(super) async fn enrol(world: &World, name: &str) -> Enrolled {
    let body = DescribeDevice {
        name: name.to_owned(),
        class: DeviceClass::Gateway,
        manufacturer: None,
        model: None,
        serial_number: None,
        udi: None,
        unit: None,
        location: None,
        zone: None,
        mds2: None,
        names: vec![],
    };
    let registered: Registered = world.administrator.post("v1/devices", &body).await.unwrap();
    let path = format!("v1/devices/{}/invitation", registered.id);
    let invited: DeviceInvited = world.administrator.post(&path, &()).await.unwrap();
    let state = StateDirectory::open(world.folder.path().join(name)).unwrap();
    let keystore = KeystoreConfig::software(state.path("keys")).open().unwrap();
    let invitation = invited.invitation.parse().unwrap();
    enrol_device(&state, keystore.clone(), &invitation, false, world.clock.clone()).await.unwrap();
    Enrolled { state, spiffe_id: registered.spiffe_id, keystore }
}

impl Enrolled {
    pub(super) fn device(&self, world: &World) -> Device {
        Device::load(&self.state, self.keystore.as_ref(), world.clock.clone()).unwrap()
    }

    pub(super) fn machines(&self, world: &World) -> Arc<Machines> {
        self.device(world).machines
    }

    /// Runs a gateway with one route as this device; where it listens.
    pub(super) async fn gateway(
        &self,
        world: &World,
        config: GatewayConfig,
    ) -> (RunningGateway, SocketAddr) {
        let shutdown = Shutdown::new();
        let parts = GatewayParts {
            config,
            state: self.state.clone(),
            clock: world.clock.clone(),
            keystore: self.keystore.clone(),
        };
        let gateway = Gateway::start(parts, &shutdown).await.unwrap();
        let address = gateway.addresses()[0].1;
        (RunningGateway { gateway, shutdown }, address)
    }
}

impl RunningGateway {
    pub(super) async fn stop(self) {
        self.shutdown.begin();
        self.gateway.stopped().await.unwrap();
    }
}

/// Puts a policy in force that expects these connections and no others.
pub(super) async fn expect_connections(world: &World, pairs: &[(&Enrolled, &Enrolled)]) {
    let rule = |(from, to): &(&Enrolled, &Enrolled)| Rule {
        id: None,
        from: from.spiffe_id.to_string(),
        to: to.spiffe_id.to_string(),
        protocol: "tcp".to_owned(),
        ports: "*".to_owned(),
        purpose: "results".to_owned(),
        until: None,
    };
    let current: ConnectionPolicy = world.administrator.get("v1/connections/rules").await.unwrap();
    let rules = pairs.iter().map(rule).collect();
    let body = SetConnectionPolicy { version: current.version, rules };
    let put: ConnectionPolicy =
        world.administrator.put("v1/connections/rules", &body).await.unwrap();
    assert_eq!(put.rules.len(), pairs.len());
}

/// Somebody who says that it is `posing`, with a certificate of its own making.
pub(super) fn stranger(world: &World, posing: &Enrolled) -> Arc<Machines> {
    let keystore = KeystoreConfig::software(world.folder.path().join("stranger")).open().unwrap();
    let signer = keystore.create("stranger").unwrap();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let uri = posing.spiffe_id.to_string().try_into().unwrap();
    parameters.subject_alt_names = vec![SanType::URI(uri)];
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let authority = rcgen::Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
    let certificate = parameters.signed_by(&PublicHalf(signer.public_key()), &authority).unwrap();
    let identity = MachineIdentity {
        spiffe_id: posing.spiffe_id.clone(),
        chain: vec![certificate.der().to_vec()],
        signer,
    };
    let anchors = posing.device(world).anchors;
    Arc::new(Machines::new(&identity, &anchors, world.clock.clone()).unwrap())
}

struct PublicHalf<'a>(&'a [u8]);

impl rcgen::PublicKeyData for PublicHalf<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.0[26..]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// Whether a gateway goes on with `machines` after the handshake.
pub(super) async fn try_to_connect(machines: &Machines, to: SocketAddr) -> bool {
    let (config, _) = machines.connecting(&[frame::PROTOCOL]).unwrap();
    let tcp = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from("gateway").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let Ok(mut tls) = connector.connect(name, tcp).await else { return false };
    // A gateway that lets somebody in waits for what she says.
    let mut byte = [0];
    tokio::time::timeout(Duration::from_secs(20), tls.read(&mut byte)).await.is_err()
}
