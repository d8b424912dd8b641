//! Somebody with a radio of his own beside a foreign phone: what he may know, and what he must not learn.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::{Message, tls};
use imp_client::credentials::Standing;
use imp_client::meeting::enrol_machine;
use imp_client::state::StateDirectory;
use imp_hardware::ble::{Central, CentralConfig, Conversation, ConversationError};
use imp_hardware::keystore::KeystoreConfig;
use imp_identity::Clock;
use imp_identity::clock::SystemClock;
use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::Hospital;
use imp_tests::world::caller;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::timeout;

use super::life::Ward;

/// Longer than a phone may think before it answers a good knock.
const SILENCE: Duration = Duration::from_secs(3);
/// Longer than a handshake may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// A machine that the hospital has enrolled, with its key in the hands of the test.
async fn machine(hospital: &Hospital<'_>, folder: &Path) -> Arc<Standing> {
    let printed = hospital.administer(&["workstation", "add", "Spare"]).expect("an invitation");
    let invitation = printed.lines().last().expect("a line").trim().parse().expect("an invitation");
    let state = StateDirectory::open(folder).expect("a folder");
    let keystore = KeystoreConfig::software(folder.join("keys")).open().expect("a keystore");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Arc::clone(&keystore);
    enrol_machine(&state, keys, &invitation, false, Arc::clone(&clock)).await.expect("enrolled");
    Arc::new(Standing::load(&state, keystore.as_ref(), clock).expect("its credentials"))
}

/// What the attacker has: a stolen identifier key, a good certificate of the hospital's, and a radio.
struct Attacker {
    central: Arc<dyn Central>,
    key: [u8; 32],
    good: Arc<Standing>,
    clock: Arc<dyn Clock>,
}

impl Attacker {
    async fn beside(ward: &Ward<'_>, folder: &Path) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let good = machine(&ward.hospital, &folder.join("spare")).await;
        let roster = caller::roster(&good, Arc::clone(&clock)).await;
        let key = roster.entries.first().expect("her phone").identifier_key;
        let air = CentralConfig::Emulated { air: ward.hospital.air().to_path_buf() };
        Self { central: air.open().await.expect("a radio"), key, good, clock }
    }

    async fn call(
        &self,
        knows: &[u8; 32],
        is: Arc<rustls::ClientConfig>,
        draws: u64,
    ) -> Result<Conversation, ConversationError> {
        let clock = self.clock.as_ref();
        let address = caller::locate(self.central.as_ref(), &self.key, clock).await;
        let connection = self.central.connect(&address.expect("her phone is on the air")).await?;
        let mut rng = StdRng::seed_from_u64(draws);
        Conversation::initiate(connection, is, knows, Arc::clone(&self.clock), &mut rng).await
    }
}

/// A stranger, a replayed knock, and a workstation of another hospital get nothing; then the phone still serves its own.
pub(super) async fn gets_nothing(ward: &mut Ward<'_>, folder: &Path, narrator: &Narrator) {
    let attacker = Attacker::beside(ward, folder).await;
    let good = || Arc::clone(&attacker.good.phone_tls);

    // One that does not know the identifier key hears not one frame.
    let mut connection = listened_to(&attacker).await;
    let mut rng = StdRng::seed_from_u64(1);
    let now = attacker.clock.now();
    let mut channel =
        imp_authenticator::Channel::initiate(good(), &[9; 32], now, connection.mtu(), &mut rng)
            .expect("a knock");
    while let Some(frame) = channel.transmit(Duration::ZERO) {
        connection.send(&frame).await.expect("it goes out");
    }
    let heard = timeout(SILENCE, connection.receive()).await;
    assert!(!matches!(heard, Ok(Ok(_))), "the phone answered a bad knock");
    drop(connection);

    // A good knock opens the door once.
    attacker.call(&attacker.key, good(), 7).await.expect("a good knock").close().await;
    let again = timeout(PATIENCE, attacker.call(&attacker.key, good(), 7)).await;
    assert!(matches!(again, Ok(Err(_))), "the phone took a knock twice");

    // A workstation of another hospital knocks well, and its certificate is not one of hers.
    let mut elsewhere = Hospital::new(folder, "elsewhere", narrator).expect("a hospital");
    elsewhere.open().expect("a server");
    let foreign = machine(&elsewhere, &folder.join("foreign-machine")).await;
    let clock = Arc::clone(&attacker.clock);
    let rogue = tls::workstation_to_phone(&foreign.identity, &attacker.good.anchors, clock);
    let rogue = attacker.call(&attacker.key, rogue.expect("a TLS configuration"), 8).await;
    if let Ok(mut conversation) = rogue {
        // Refused at once, or when the phone has read the certificate.
        let _ = conversation.send(&caller::request(attacker.clock.as_ref())).await;
        let answer = timeout(PATIENCE, conversation.receive()).await.expect("it ends");
        assert!(!matches!(answer, Ok(Message::TapResponse(_))), "the phone released a face");
        assert!(answer.is_err(), "the phone did not end the conversation");
    }
    ward.phone.says("stranger");
    assert!(!ward.phone.said().contains("released"), "{}", ward.phone.said());

    ward.admits(&[]);
}

async fn listened_to(attacker: &Attacker) -> Box<dyn imp_hardware::ble::Connection> {
    let clock = attacker.clock.as_ref();
    let address = caller::locate(attacker.central.as_ref(), &attacker.key, clock).await;
    let address = address.expect("her phone is on the air");
    attacker.central.connect(&address).await.expect("a link")
}
