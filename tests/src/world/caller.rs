//! Somebody who speaks to phones as a workstation does, by hand: an attacker with a stolen roster, or a test that wants to
//! see what a workstation sees.
use std::sync::Arc;
use std::time::Duration;

use imp_api::Client;
use imp_authenticator::ReleasedReference;
use imp_authenticator::identifier::{identifier, slot};
use imp_authenticator::message::{Message, TapRequest};
use imp_authenticator::roster::{Roster, RosterEntry, UnverifiedRoster};
use imp_client::credentials::Standing;
use imp_hardware::ble::{Address, Central, Conversation, ConversationError};
use imp_identity::Clock;
use imp_identity::tap::{Intent, Purpose};
use jiff::SignedDuration;
use tokio::time::timeout;

/// How long a phone is waited for that may never answer.
const PATIENCE: Duration = Duration::from_secs(25);

/// The roster, as the workstation of `standing` gets it.
pub async fn roster(standing: &Standing, clock: Arc<dyn Clock>) -> Roster {
    let tls = standing.server_tls(clock).expect("the workstation's TLS");
    let client = Client::new(&standing.stored.server, tls).expect("the server's URL");
    let signed = client.roster().await.expect("a roster");
    let keys: Vec<&[u8]> = standing.stored.statement_keys().collect();
    let roster = UnverifiedRoster::parse(&signed.roster.0).expect("a roster");
    roster.verify_by_server(&keys).expect("the server's signature")
}

/// Where on the air the phone with this identifier key is.
pub async fn locate(central: &dyn Central, key: &[u8; 32], clock: &dyn Clock) -> Option<Address> {
    let wanted = identifier(key, slot(clock.now()));
    let mut heard = central.scan().await.expect("the air can be heard");
    let search = async {
        while let Some(advertisement) = heard.recv().await {
            if advertisement.identifier == wanted {
                return Some(advertisement.address);
            }
        }
        None
    };
    timeout(PATIENCE, search).await.ok().flatten()
}

/// Begins a conversation with the phone that has this identifier key, proving to be `tls`.
pub async fn call(
    central: &dyn Central,
    key: &[u8; 32],
    tls: Arc<rustls::ClientConfig>,
    clock: Arc<dyn Clock>,
) -> Result<Conversation, ConversationError> {
    let address = locate(central, key, clock.as_ref()).await.expect("the phone is on the air");
    let connection = central.connect(&address).await?;
    let mut rng = rand_core::UnwrapErr(rand::rngs::SysRng);
    Conversation::initiate(connection, tls, key, clock, &mut rng).await
}

/// The request that a workstation makes, with a challenge that no server gave.
pub fn request(clock: &dyn Clock) -> Message {
    Message::TapRequest(TapRequest {
        challenge: [7; 32],
        purpose: Purpose::TapIn,
        workstation_label: "Ward 3, left".to_owned(),
        expires_at: clock.now() + SignedDuration::from_secs(60),
        intent: Intent::Screen,
    })
}

/// What the phone of `entry` releases to the workstation of `standing`: the secret that later must be found nowhere.
pub async fn released(
    central: &dyn Central,
    standing: &Standing,
    entry: &RosterEntry,
    clock: Arc<dyn Clock>,
) -> ReleasedReference {
    let call = call(central, &entry.identifier_key, standing.phone_tls.clone(), clock.clone());
    let mut conversation = call.await.expect("the phone answers a workstation of its hospital");
    conversation.send(&request(clock.as_ref())).await.expect("the request goes out");
    let answer = timeout(PATIENCE, conversation.receive()).await.expect("an answer in time");
    conversation.close().await;
    let Message::TapResponse(response) = answer.expect("an answer") else {
        panic!("the phone did not release its reference")
    };
    response.reference
}
