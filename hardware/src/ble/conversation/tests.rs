#![cfg(feature = "emulator")]
use std::sync::Arc;

use imp_authenticator::tls::{phone_to_workstation, workstation_to_phone};
use imp_authenticator::{
    KnockGate, MachineIdentity, Message, ReceiptDelivery, Signer, TrustAnchors, certificate_request,
};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Clock, PhoneId, WorkstationId};
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::CertificateSigningRequestDer;

use super::*;
use crate::ble::emulated::{Air, AirScript, Passed, Relay, SharedScript};
use crate::ble::{Central, Peripheral};
use crate::keystore::KeystoreConfig;

const IDENTIFIER_KEY: [u8; 32] = [7; 32];

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(StoppedClock)
}

/// A certification authority of one trust domain.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    anchors: TrustAnchors,
    keys: tempfile::TempDir,
}

impl Authority {
    fn of(trust_domain: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = parameters.self_signed(&key).unwrap();
        let anchors = TrustAnchors {
            trust_domain: trust_domain.parse().unwrap(),
            roots: vec![root.der().to_vec()],
        };
        let issuer = Issuer::new(parameters, key);
        Self { issuer, anchors, keys: tempfile::tempdir().unwrap() }
    }

    /// A machine whose key is in a software keystore.
    fn machine(&self, label: &str, machine: Machine) -> MachineIdentity {
        let keystore = KeystoreConfig::software(self.keys.path().join("keys")).open().unwrap();
        let signer: Arc<dyn Signer> = keystore.create(label).unwrap();
        let request = CertificateSigningRequestDer::from(certificate_request(&signer).unwrap());
        let mut request = CertificateSigningRequestParams::from_der(&request).unwrap();
        let spiffe_id = SpiffeId { trust_domain: self.anchors.trust_domain.clone(), machine };
        let name = SanType::URI(spiffe_id.to_string().try_into().unwrap());
        request.params.subject_alt_names = vec![name];
        request.params.not_before = date_time_ymd(2026, 11, 1);
        request.params.not_after = date_time_ymd(2026, 12, 1);
        request.params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = request.signed_by(&self.issuer).unwrap();
        MachineIdentity { spiffe_id, chain: vec![certificate.der().to_vec()], signer }
    }

    fn workstation(&self) -> MachineIdentity {
        let id = WorkstationId::from_bytes([1; 16]);
        self.machine("workstation", Machine::Workstation(id))
    }

    fn phone(&self) -> MachineIdentity {
        self.machine("phone", Machine::Phone(PhoneId::from_bytes([2; 16])))
    }
}

/// A workstation and a phone within reach.
struct Ward {
    air: Arc<Air>,
    central: Arc<dyn Central>,
    peripheral: Arc<dyn Peripheral>,
    script: SharedScript,
    workstation: Arc<ClientConfig>,
    phone: Arc<ServerConfig>,
}

impl Ward {
    async fn new(script: AirScript) -> Self {
        let authority = Authority::of("ward.example");
        Self::of(&authority, &authority, script).await
    }

    async fn of(workstations: &Authority, phones: &Authority, script: AirScript) -> Self {
        let air = Air::new();
        let script = SharedScript::new(script).unwrap();
        let peripheral = air.peripheral("alice", script.clone());
        peripheral.advertise([1; 8]).await.unwrap();
        let workstation =
            workstation_to_phone(&workstations.workstation(), &workstations.anchors, clock())
                .unwrap();
        let phone = phone_to_workstation(&phones.phone(), &phones.anchors, clock()).unwrap();
        Self { central: air.central(), air, peripheral, script, workstation, phone }
    }

    async fn connect(&self, key: &[u8; 32]) -> Ends {
        let address = crate::ble::Address::new("alice");
        let connection = self.central.connect(&address).await.unwrap();
        let accepted = self.peripheral.accept().await.unwrap();
        let mut rng = StdRng::seed_from_u64(5);
        let gate = KnockGate::new(IDENTIFIER_KEY);
        let initiate =
            Conversation::initiate(connection, self.workstation.clone(), key, clock(), &mut rng);
        let respond = Conversation::respond(accepted, self.phone.clone(), gate, clock());
        tokio::join!(initiate, respond)
    }

    async fn established(&self) -> (Conversation, Conversation) {
        let (workstation, phone) = self.connect(&IDENTIFIER_KEY).await;
        (workstation.unwrap(), phone.unwrap())
    }
}

type Ends = (Result<Conversation, ConversationError>, Result<Conversation, ConversationError>);

fn receipt(length: usize) -> Message {
    Message::Receipt(ReceiptDelivery { receipt: vec![0xa5; length] })
}

fn receipt_length(message: Message) -> usize {
    let Message::Receipt(delivery) = message else { panic!("not a receipt") };
    delivery.receipt.len()
}

#[tokio::test(start_paused = true)]
async fn both_ends_know_each_other_and_share_an_exporter() {
    let ward = Ward::new(AirScript::default()).await;
    let (workstation, phone) = ward.established().await;
    assert_eq!(
        workstation.peer().spiffe_id.to_string(),
        "spiffe://ward.example/phone/02020202-0202-0202-0202-020202020202"
    );
    assert_eq!(
        phone.peer().spiffe_id.machine,
        Machine::Workstation(WorkstationId::from_bytes([1; 16]))
    );
    assert_eq!(workstation.exporter(), phone.exporter());
    assert_ne!(workstation.exporter(), [0; 32]);
}

#[tokio::test(start_paused = true)]
async fn messages_survive_a_lossy_radio() {
    let script = AirScript {
        seed: 11,
        loss: 0.1,
        duplication: 0.05,
        reordering: 0.1,
        latency_ms: 15,
        jitter_ms: 10,
        ..AirScript::default()
    };
    let ward = Ward::new(script).await;
    let (mut workstation, mut phone) = ward.established().await;
    for length in [1, 2000, 8000] {
        workstation.send(&receipt(length)).await.unwrap();
        assert_eq!(receipt_length(phone.receive().await.unwrap()), length);
        phone.send(&Message::Acknowledged).await.unwrap();
        assert!(matches!(workstation.receive().await.unwrap(), Message::Acknowledged));
    }
    assert!(workstation.statistics().retransmissions > 0);
}

#[tokio::test(start_paused = true)]
async fn the_smallest_mtu_is_enough() {
    let ward = Ward::new(AirScript { mtu: MTU_MIN, ..AirScript::default() }).await;
    let (mut workstation, mut phone) = ward.established().await;
    phone.send(&receipt(3000)).await.unwrap();
    assert_eq!(receipt_length(workstation.receive().await.unwrap()), 3000);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_loses_no_message() {
    let ward = Ward::new(AirScript { latency_ms: 200, ..AirScript::default() }).await;
    let (mut workstation, mut phone) = ward.established().await;
    phone.send(&receipt(9)).await.unwrap();
    let early = timeout(Duration::from_millis(20), workstation.receive()).await;
    assert!(early.is_err());
    assert_eq!(receipt_length(workstation.receive().await.unwrap()), 9);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_an_idle_conversation_alive() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, mut phone) = ward.established().await;
    let idle = timeout(Duration::from_mins(10), workstation.receive()).await;
    assert!(idle.is_err(), "{idle:?}");
    phone.send(&Message::Acknowledged).await.unwrap();
    assert!(matches!(workstation.receive().await.unwrap(), Message::Acknowledged));
}

#[tokio::test(start_paused = true)]
async fn a_phone_whose_app_has_died_is_noticed() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, _phone) = ward.established().await;
    ward.script.change(|script| script.silent = true).unwrap();
    let error = workstation.receive().await.unwrap_err();
    assert!(matches!(error, ConversationError::PeerLost(_)), "{error:?}");
    assert!(workstation.send(&Message::Acknowledged).await.is_err());
    assert!(matches!(workstation.receive().await.unwrap_err(), ConversationError::Closed));
}

#[tokio::test(start_paused = true)]
async fn walking_away_breaks_the_radio_link() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, mut phone) = ward.established().await;
    ward.script.change(|script| script.absent = true).unwrap();
    for end in [&mut workstation, &mut phone] {
        let error = end.receive().await.unwrap_err();
        assert!(matches!(error, ConversationError::Radio(RadioError::Disconnected)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_heard() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, mut phone) = ward.established().await;
    workstation.send(&receipt(8000)).await.unwrap();
    workstation.close().await;
    assert_eq!(receipt_length(phone.receive().await.unwrap()), 8000);
    let error = phone.receive().await.unwrap_err();
    assert!(matches!(error, ConversationError::Closed), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_phone_says_nothing_to_who_does_not_know_it() {
    let ward = Ward::new(AirScript::default()).await;
    let (workstation, phone) = ward.connect(&[8; 32]).await;
    let error = phone.err().unwrap();
    assert!(matches!(error, ConversationError::Protocol(ChannelError::Knock)), "{error:?}");
    // The phone hangs up without a word, as one that is going away would.
    assert!(workstation.is_err());
    let said = ward
        .air
        .recording()
        .into_iter()
        .filter(|passed| matches!(passed, Passed::ToWorkstation(_)));
    assert_eq!(said.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_workstation_of_another_hospital_is_refused() {
    let (here, elsewhere) = (Authority::of("ward.example"), Authority::of("ward.example"));
    let ward = Ward::of(&elsewhere, &here, AirScript::default()).await;
    let (workstation, phone) = ward.connect(&IDENTIFIER_KEY).await;
    let error = workstation.err().unwrap();
    assert!(matches!(error, ConversationError::PeerUntrusted(_)), "{error:?}");
    let error = phone.err().unwrap();
    assert!(matches!(error, ConversationError::Refused(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_floods_is_cut_off() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, mut phone) = ward.established().await;
    for _ in 0..=MESSAGE_QUEUE {
        phone.send(&receipt(1)).await.unwrap();
    }
    let error = loop {
        match phone.receive().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ConversationError::Radio(_) | ConversationError::Closed), "{error:?}");
    for _ in 0..MESSAGE_QUEUE {
        workstation.receive().await.unwrap();
    }
    let error = workstation.receive().await.unwrap_err();
    assert!(matches!(error, ConversationError::Protocol(ChannelError::Congested)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_cannot_be_read_from_the_air() {
    let ward = Ward::new(AirScript::default()).await;
    let (mut workstation, mut phone) = ward.established().await;
    workstation.send(&receipt(300)).await.unwrap();
    phone.receive().await.unwrap();
    let recording = ward.air.recording();
    assert!(recording.len() > 10);
    for passed in recording {
        assert!(!passed.bytes().windows(4).any(|window| window == [0xa5; 4]));
        assert!(!passed.bytes().windows(6).any(|window| window == b"spiffe"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_can_carry_a_conversation_but_neither_read_nor_end_up_in_it() {
    let ward = Ward::new(AirScript { rssi: Some(-95), ..AirScript::default() }).await;
    let elsewhere = Air::new();
    let loud = SharedScript::new(AirScript { rssi: Some(-30), ..AirScript::default() }).unwrap();
    let delay = Duration::from_millis(500);
    let at_workstation = elsewhere.peripheral("relay", loud);
    let relay = Relay::start(ward.central.clone(), at_workstation).await.unwrap();
    relay.delays(delay);
    let central = elsewhere.central();
    let seen = central.scan().await.unwrap().recv().await.unwrap();
    assert_eq!((seen.identifier, seen.rssi), ([1; 8], Some(-30)), "her phone, and near");
    let (began, mut rng) = (Instant::now(), StdRng::seed_from_u64(5));
    let connection = central.connect(&seen.address).await.unwrap();
    let initiate = Conversation::initiate(
        connection,
        ward.workstation.clone(),
        &IDENTIFIER_KEY,
        clock(),
        &mut rng,
    );
    let respond = async {
        let accepted = ward.peripheral.accept().await.unwrap();
        let gate = KnockGate::new(IDENTIFIER_KEY);
        Conversation::respond(accepted, ward.phone.clone(), gate, clock()).await
    };
    let (workstation, phone) = tokio::join!(initiate, respond);
    let (mut workstation, mut phone) = (workstation.unwrap(), phone.unwrap());
    // Who is there is who is meant, over one session: nobody between the two has a key of it.
    assert_eq!(workstation.exporter(), phone.exporter());
    let took = began.elapsed();
    assert!(took >= 2 * delay, "{took:?}: at least one round trip more");
    workstation.send(&receipt(1000)).await.unwrap();
    assert_eq!(receipt_length(phone.receive().await.unwrap()), 1000);
    let heard = elsewhere.recording();
    let plain = heard.iter().any(|passed| passed.bytes().windows(32).any(|w| w == [0xa5; 32]));
    assert!(!heard.is_empty() && !plain);
}
