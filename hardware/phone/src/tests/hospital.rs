//! A hospital for tests: its authorities, its statement key, its workstations, and a phone on an emulated air.
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use imp_api::machine::Credentials;
use imp_authenticator::{
    MachineIdentity, Message, Receipt, ReceiptDelivery, ReferenceCredential, ReleasedReference,
    Signer, StoreReference, TapRequest, TrustAnchors, reference_digest, tls,
};
use imp_hardware::ble::emulated::{Air, AirScript, SharedScript};
use imp_hardware::ble::{Advertisement, Conversation, ConversationError};
use imp_hardware::keystore::KeystoreConfig;
use imp_identity::enrolment::Assurance;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Clock, Event, PhoneId, ReferenceId, Secret, UserId, WorkstationId};
use imp_pki::{Issuer, Key, Profile, PublicKey};
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::log::{Appended, Log};
use crate::binding::{Binding, Slot};
use crate::{Notice, Phone, Question, Screen, ServeError, Serving};

pub(super) const TEMPLATE: &[u8] =
    b"a template of two hundred bytes or so, as good as any other here";
const IDENTIFIER_KEY: [u8; 32] = [7; 32];

/// A clock that is set by hand.
pub(super) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

impl HandClock {
    pub(super) fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

/// Remembers notices; answers questions as told, or never.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) shown: Mutex<Vec<Notice>>,
    pub(super) agrees: Mutex<Option<bool>>,
    pub(super) asked: tokio::sync::Notify,
}

#[async_trait::async_trait]
impl Screen for Notes {
    fn show(&self, notice: &Notice) {
        self.shown.lock().unwrap().push(notice.clone());
    }

    async fn ask(&self, _question: &Question) -> bool {
        self.asked.notify_one();
        let answer = *self.agrees.lock().unwrap();
        match answer {
            Some(agrees) => agrees,
            None => std::future::pending().await,
        }
    }
}

pub(super) struct Hospital {
    folder: TempDir,
    pub(super) clock: Arc<HandClock>,
    pub(super) air: Arc<Air>,
    root: Vec<u8>,
    issuing: Issuer,
    pub(super) statement: Arc<dyn Signer>,
    pub(super) user: UserId,
    pub(super) phone: PhoneId,
    pub(super) log: Arc<Mutex<Log>>,
}

/// A workstation that can begin conversations.
pub(super) struct Workstation {
    pub(super) identity: MachineIdentity,
    anchors: TrustAnchors,
    air: Arc<Air>,
    clock: Arc<HandClock>,
}

/// A phone that serves until stopped.
pub(super) struct Serves {
    pub(super) notes: Arc<Notes>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(11)
}

fn name(machine: Machine) -> SpiffeId {
    SpiffeId { trust_domain: "hospital.example".parse().unwrap(), machine }
}

impl Hospital {
    /// Each has its own keys; people, phones and workstations are called the same in all.
    pub(super) fn new() -> Self {
        let now = "2026-11-22T07:05:00Z".parse::<Timestamp>().unwrap();
        let key = Key::generate().unwrap();
        let root = Issuer::root(&key, now, &mut rng()).unwrap();
        let issuing = root.issuing(&Key::generate().unwrap(), now, &mut rng());
        // The key of the issuing authority is known to it alone.
        let folder = tempfile::tempdir().unwrap();
        let server = KeystoreConfig::software(folder.path().join("server")).open().unwrap();
        let hospital = Self {
            statement: server.create("statement").unwrap(),
            clock: Arc::new(HandClock(AtomicI64::new(now.as_second()))),
            air: Air::new(),
            root: root.certificate().der().to_vec(),
            issuing: issuing.unwrap(),
            user: UserId::from(Uuid::from_u128(1)),
            phone: PhoneId::from(Uuid::from_u128(2)),
            log: Arc::new(Mutex::new(Log::new())),
            folder,
        };
        let phone = hospital.open();
        hospital.bind(&phone);
        hospital
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("phone")
    }

    /// The phone, as after a restart.
    pub(super) fn open(&self) -> Phone {
        let keys = self.folder.path().join("phone-keys");
        Phone::open(&self.state(), KeystoreConfig::software(keys).open().unwrap()).unwrap()
    }

    /// What the server's answer to a binding leaves behind.
    fn bind(&self, phone: &Phone) {
        let signer = phone.keystore().create(Slot::A.device_label()).unwrap();
        let name = name(Machine::Phone(self.phone));
        let chain = self.certify(&name, signer.as_ref());
        let binding = Binding {
            server: "https://127.0.0.1:1".to_owned(),
            phone: self.phone,
            user: self.user,
            display_name: "Ada".to_owned(),
            bound_at: self.now(),
            identifier_key: Secret::new(IDENTIFIER_KEY),
            device_key: Slot::A,
            credentials: Credentials {
                spiffe_id: name,
                certificate_chain: chain.into_iter().map(Into::into).collect(),
                trust_anchors: vec![self.root.clone().into()],
                statement_keys: vec![self.statement.public_key().to_vec().into()],
                log_key: Some(self.log.lock().unwrap().key.verifier_key().to_string()),
                receipt: None,
                renew_after: self.now() + SignedDuration::from_hours(48),
                expires_at: self.now() + SignedDuration::from_hours(72),
            },
            former_statement_keys: Vec::new(),
            former_log_keys: Vec::new(),
        };
        binding.save(phone.state()).unwrap();
    }

    fn certify(&self, name: &SpiffeId, signer: &dyn Signer) -> Vec<Vec<u8>> {
        let key = PublicKey::from_spki(signer.public_key()).unwrap();
        let profile = Profile::Machine(name.clone());
        let days = SignedDuration::from_hours(72);
        let leaf = self.issuing.issue(&profile, &key, days, self.now(), &mut rng()).unwrap();
        vec![leaf.into_der(), self.issuing.certificate().der().to_vec()]
    }

    /// What the hospital's server shows in TLS.
    pub(super) fn server(&self) -> (Vec<Vec<u8>>, Arc<dyn Signer>, TrustAnchors) {
        let key = PublicKey::from_spki(self.statement.public_key()).unwrap();
        let profile = Profile::Server(vec!["127.0.0.1".parse().unwrap()]);
        let day = SignedDuration::from_hours(24);
        let leaf = self.issuing.issue(&profile, &key, day, self.now(), &mut rng()).unwrap();
        let issuing = self.issuing.certificate().der().to_vec();
        let chain = vec![leaf.into_der(), issuing, self.root.clone()];
        (chain, self.statement.clone(), self.anchors())
    }

    fn anchors(&self) -> TrustAnchors {
        TrustAnchors {
            trust_domain: "hospital.example".parse().unwrap(),
            roots: vec![self.root.clone()],
        }
    }

    /// A workstation of this hospital.
    pub(super) fn workstation(&self, number: u128) -> Workstation {
        let keys = self.folder.path().join(format!("workstation-{number}"));
        let keystore = KeystoreConfig::software(keys).open().unwrap();
        let signer = keystore.create("machine").unwrap();
        let spiffe_id = name(Machine::Workstation(WorkstationId::from(Uuid::from_u128(number))));
        let chain = self.certify(&spiffe_id, signer.as_ref());
        Workstation {
            identity: MachineIdentity { spiffe_id, chain, signer },
            anchors: self.anchors(),
            air: Arc::clone(&self.air),
            clock: Arc::clone(&self.clock),
        }
    }

    /// A workstation that another authority vouches for, under the same names; it accepts this hospital's phones.
    pub(super) fn rogue(&self) -> Workstation {
        let elsewhere = Self::new();
        let mut rogue = self.workstation(66);
        rogue.identity = elsewhere.workstation(66).identity;
        rogue
    }

    /// What the server says about a reference; the caller may change it before it is signed.
    pub(super) fn credential(&self, template: &[u8], salt: &[u8; 32]) -> ReferenceCredential {
        ReferenceCredential {
            reference: ReferenceId::from(Uuid::from_u128(3)),
            user: self.user,
            phone: self.phone,
            digest: reference_digest(salt, template),
            model_set: "imp-face@1".to_owned(),
            enrolled_at: self.now(),
            enrolled_by: UserId::from(Uuid::from_u128(4)),
            assurance: Assurance::Supervised,
            expires_at: self.now() + SignedDuration::from_hours(24 * 365),
        }
    }

    /// A reference with `credential`, signed by this hospital.
    pub(super) fn reference(&self, credential: &ReferenceCredential) -> ReleasedReference {
        ReleasedReference {
            template: Secret::new(TEMPLATE.to_vec()),
            salt: [5; 32].into(),
            credential: credential.sign(self.statement.as_ref()).unwrap(),
            key: Some([6; 32].into()),
        }
    }

    /// What an enrolment desk hands over.
    pub(super) fn enrolment(&self) -> StoreReference {
        StoreReference { reference: self.reference(&self.credential(TEMPLATE, &[5; 32])) }
    }

    /// Something happens, and is in the log.
    pub(super) fn happens(&self, event: Event) -> Appended {
        self.log.lock().unwrap().append(self.now(), event)
    }

    pub(super) fn delivery(&self, receipt: &Receipt) -> Message {
        let receipt = receipt.sign(self.statement.as_ref()).unwrap();
        Message::Receipt(ReceiptDelivery { receipt })
    }

    /// Puts a reference on the phone without a radio.
    pub(super) fn enrol(&self, phone: &Phone) {
        let holder = crate::holder::Holder::load(phone).unwrap().unwrap();
        holder.store(&self.enrolment().reference, self.now()).unwrap();
    }

    /// Lets `phone` serve.
    pub(super) fn serve(&self, phone: &Phone) -> Serves {
        self.serve_with(phone, |serving| serving)
    }

    pub(super) fn serve_with(
        &self,
        phone: &Phone,
        with: impl FnOnce(Serving) -> Serving,
    ) -> Serves {
        let script = SharedScript::new(AirScript::default()).unwrap();
        let peripheral = self.air.peripheral("phone", script);
        let notes = Arc::new(Notes::default());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let serving = with(Serving::new(peripheral, clock).screen(notes.clone()));
        let (phone, shutdown) = (phone.clone(), CancellationToken::new());
        let token = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let task = tokio::spawn(async move { phone.serve(serving, token).await });
        Serves { notes, shutdown, task }
    }
}

impl Serves {
    /// Stops it; whatever it was doing.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// How serving ended by itself.
    pub(super) async fn result(self) -> Result<(), ServeError> {
        self.task.await.unwrap()
    }

    pub(super) fn sentences(&self) -> Vec<String> {
        let zone = jiff::tz::TimeZone::UTC;
        self.notes.shown.lock().unwrap().iter().map(|notice| notice.sentence(&zone)).collect()
    }
}

impl Workstation {
    /// Waits until the phone is heard.
    pub(super) async fn hear(&self) -> Advertisement {
        self.listen().await.recv().await.unwrap()
    }

    pub(super) async fn listen(&self) -> mpsc::Receiver<Advertisement> {
        self.air.central().scan().await.unwrap()
    }

    /// Connects to the phone.
    pub(super) async fn connect(&self) -> Result<Conversation, ConversationError> {
        let phone = self.hear().await;
        let connection = self.air.central().connect(&phone.address).await?;
        let clock: Arc<dyn Clock> = self.clock.clone();
        let config =
            tls::workstation_to_phone(&self.identity, &self.anchors, clock.clone()).unwrap();
        // Nonces of knocks must differ from one connection to the next.
        let mut rng = rand_core::UnwrapErr(rand::rngs::SysRng);
        Conversation::initiate(connection, config, &IDENTIFIER_KEY, clock, &mut rng).await
    }

    /// Connects, says one thing, and returns the answer.
    pub(super) async fn say(&self, message: &Message) -> Message {
        let mut conversation = self.connect().await.unwrap();
        let answer = ask(&mut conversation, message).await;
        conversation.close().await;
        answer
    }

    pub(super) fn request(&self) -> TapRequest {
        TapRequest {
            challenge: [9; 32],
            purpose: Purpose::TapIn,
            workstation_label: "Ward 3, bed 7".to_owned(),
            expires_at: self.clock.now() + SignedDuration::from_secs(60),
            intent: Intent::Screen,
        }
    }
}

/// Sends `message` and waits for the answer.
pub(super) async fn ask(conversation: &mut Conversation, message: &Message) -> Message {
    conversation.send(message).await.unwrap();
    conversation.receive().await.unwrap()
}
