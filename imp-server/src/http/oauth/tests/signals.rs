//! How applications hear that a user is gone: each in its own way, by its own names, and whether or not it holds anything.
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::{Actor, Secret};
use serde_json::{Value, json};

use super::house::{Browser, House, Registered};
use super::logouts::{Application, end, tell};
use crate::app;
use crate::command::{self, NewReceiver};
use crate::store::Tables as _;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// A receiver of what is said to one application, and where it polls.
struct Ear {
    token: Secret<String>,
    path: String,
}

impl Ear {
    async fn of(house: &House, client: &Registered, name: &str) -> Self {
        let mut rng = app::rng();
        let new = NewReceiver {
            name: name.parse().unwrap(),
            audience: Some(client.id.to_string()),
            kinds: vec!["application-session-revoked".parse().unwrap()],
        };
        let context = &mut house.app.context(&mut rng);
        let token = command::admit_receiver(context, Actor::Server, new).await.unwrap().token;
        let bearer = format!("Bearer {}", token.expose());
        let ask = house.post("/ssf/streams").header("authorization", &bearer);
        let made = ask.json(&json!({ "events_requested": [REVOKED] })).send().await.ok();
        let url = made["delivery"]["endpoint_url"].as_str().unwrap();
        let path = url.strip_prefix(&*house.app.url).unwrap().to_owned();
        Self { token, path }
    }

    /// What it has not heard before: `sub_id`, and what the event says.
    async fn heard(&self, house: &House, client: &Registered) -> Vec<(Value, Value)> {
        let bearer = format!("Bearer {}", self.token.expose());
        let poll = async |body: Value| {
            house.post(&self.path).header("authorization", &bearer).json(&body).send().await.ok()
        };
        let answer = poll(json!({ "returnImmediately": true })).await;
        let sets = answer["sets"].as_object().unwrap();
        let keys = house.get("/jwks.json").send().await.ok();
        let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let (issuer, audience) = (&*house.app.url, client.id.to_string());
        let read = sets.values().map(|token| {
            let token = token.as_str().unwrap();
            let set = imp_events::Set::verify(token, &key, issuer, &audience).unwrap();
            (set.sub_id, set.events[REVOKED].clone())
        });
        let read = read.collect();
        let taken: Vec<_> = sets.keys().collect();
        poll(json!({ "ack": taken, "maxEvents": 0 })).await;
        read
    }
}

async fn id_token(house: &House, browser: &Browser, client: &Registered) -> Value {
    let tokens = house.tokens(browser, client).await;
    house.claims(tokens["id_token"].as_str().unwrap(), &client.id.to_string()).await
}

async fn walk_away(house: &House, sign_on: &SignOn) {
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let reason = SignOnEnd::SessionSuspended;
    command::end_sign_on(context, &Actor::Server, sign_on.id, reason).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_two_applications_call_a_person_and_her_sign_on_the_same() {
    let house = House::open().await;
    let pairwise = |host: &str| {
        house.client(json!({
            "subject_type": "pairwise", "redirect_uris": [super::house::BACK],
            "client_name": host,
        }))
    };
    let (one, two) = (pairwise("one").await, pairwise("two").await);
    let ada = house.browser("ada").await;
    let (first, second) = (id_token(&house, &ada, &one).await, id_token(&house, &ada, &two).await);
    assert_ne!(first["sid"], second["sid"]);
    assert!(!first["sid"].as_str().unwrap().contains(&ada.sign_on.id.to_string()));
    assert_eq!(first["sid"], id_token(&house, &ada, &one).await["sid"], "one knows it again");
}

#[tokio::test]
async fn an_application_hears_of_a_walk_away_by_caep_if_it_is_registered_so() {
    let house = House::open().await;
    let logouts = Application::default();
    let uri = logouts.listen().await;
    let signals = json!({ "imp_sign_out_signal": "caep", "backchannel_logout_uri": uri,
        "subject_type": "pairwise" });
    let (charts, other) = (house.client(signals.clone()).await, house.client(signals).await);
    let (ear, others) = (Ear::of(&house, &charts, "c").await, Ear::of(&house, &other, "o").await);
    let ada = house.browser("ada").await;
    let known = id_token(&house, &ada, &charts).await;
    walk_away(&house, &ada.sign_on).await;
    let heard = ear.heard(&house, &charts).await;
    let [(subject, said)] = &*heard else { panic!("{heard:?}") };
    assert_eq!(subject["session"], json!({ "format": "opaque", "id": known["sid"] }));
    let user = json!({ "format": "iss_sub", "iss": known["iss"], "sub": known["sub"] });
    assert_eq!(subject["user"], user);
    assert_eq!(said["initiating_entity"], "policy");
    assert_eq!(said["reason"], "session-suspended");
    assert!(said["reason_admin"]["en"].is_string());
    assert!(said.get("user").is_none(), "she has another name elsewhere: {said}");
    assert!(ear.heard(&house, &charts).await.is_empty(), "once it has taken it");
    assert!(others.heard(&house, &other).await.is_empty(), "nobody signed her on there");
    tell(&house).await;
    assert!(logouts.heard().is_empty(), "it is told in one way");
}

#[tokio::test]
async fn what_is_said_to_one_application_is_not_said_to_another() {
    let house = House::open().await;
    let signals = json!({ "imp_sign_out_signal": "caep" });
    let (charts, other) = (house.client(signals.clone()).await, house.client(signals).await);
    let (ear, others) = (Ear::of(&house, &charts, "c").await, Ear::of(&house, &other, "o").await);
    let (ada, bea) = (house.browser("ada").await, house.browser("bea").await);
    id_token(&house, &ada, &charts).await;
    let hers = id_token(&house, &bea, &other).await;
    walk_away(&house, &ada.sign_on).await;
    walk_away(&house, &bea.sign_on).await;
    assert_eq!(ear.heard(&house, &charts).await.len(), 1);
    let heard = others.heard(&house, &other).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0["session"]["id"], hers["sid"]);
}

#[tokio::test]
async fn an_application_that_wants_no_signal_gets_none_and_loses_what_it_has() {
    let house = House::open().await;
    let logouts = Application::default();
    let uri = logouts.listen().await;
    let silent = json!({ "imp_sign_out_signal": "none", "backchannel_logout_uri": uri });
    let client = house.client(silent).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    walk_away(&house, &ada.sign_on).await;
    tell(&house).await;
    assert!(logouts.heard().is_empty());
    assert!(!house.events().await.contains(&"application-session-revoked".to_owned()));
    assert!(!house.is_active(&client, tokens["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn an_application_that_gave_its_tokens_back_hears_of_the_end_all_the_same() {
    let house = House::open().await;
    let charts = Application::default();
    let client = house.client(json!({ "backchannel_logout_uri": charts.listen().await })).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let revoke = house.post("/oauth/revoke").basic(&client).form(&[("token", refresh)]);
    assert!(revoke.send().await.status.is_success());
    assert!(house.events().await.contains(&"grant-revoked".to_owned()));
    end(&house, &ada).await;
    tell(&house).await;
    assert_eq!(charts.heard().len(), 1, "its own web session is still open");
    // What it was told once it is not told again, whatever else ends.
    let mut transaction = house.app.storage.begin().await.unwrap();
    assert!(transaction.visits().of_sign_on(ada.sign_on.id).await.unwrap().is_empty());
}
