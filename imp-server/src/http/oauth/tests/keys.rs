//! The keys that sign tokens, as applications see them change.
use jiff::SignedDuration;
use serde_json::json;

use super::house::House;
use crate::app;
use crate::command::{self, Haste};

async fn published(house: &House) -> Vec<String> {
    let keys = house.get("/oauth/jwks").send().await.ok();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn keep(house: &House) -> usize {
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    command::keep_signing_keys(context, &house.app.oauth).await.unwrap()
}

fn signed_by(token: &serde_json::Value) -> String {
    jsonwebtoken::decode_header(token.as_str().unwrap()).unwrap().kid.unwrap()
}

#[tokio::test]
async fn keys_change_without_anybody_noticing() {
    let house = House::open().await;
    let service = house.service(json!({ "scope": "introspect" })).await;
    let token = async || {
        let pairs = [("grant_type", "client_credentials")];
        house.token(&service, &pairs).await.ok()["access_token"].clone()
    };
    let (first, before) = (published(&house).await, signed_by(&token().await));
    assert_eq!((first.len(), keep(&house).await), (2, 0));
    assert!(first.contains(&before));
    house.advance(SignedDuration::from_hours(24 * 29));
    assert_eq!(keep(&house).await, 2, "the next ones are made a day ahead");
    let shown = published(&house).await;
    assert_eq!(shown.len(), 4);
    assert_eq!(signed_by(&token().await), before, "and do not sign yet");
    house.advance(SignedDuration::from_secs(24 * 3600 - 100));
    let last = token().await;
    house.advance(SignedDuration::from_secs(100));
    let after = signed_by(&token().await);
    assert!(after != before && shown.contains(&after));
    assert!(house.is_active(&service, last.as_str().unwrap()).await, "the old one still counts");
    house.advance(SignedDuration::from_hours(24));
    assert_eq!(keep(&house).await, 2, "the old ones go");
    assert!(!published(&house).await.contains(&before));
    let events = house.events().await;
    let count = |kind: &str| events.iter().filter(|own| *own == kind).count();
    assert_eq!((count("signing-key-made"), count("signing-key-retired")), (4, 2));
}

#[tokio::test]
async fn a_key_that_somebody_else_has_is_replaced_at_once() {
    let house = House::open().await;
    let service = house.service(json!({ "scope": "introspect" })).await;
    let pairs = [("grant_type", "client_credentials")];
    let forged = house.token(&service, &pairs).await.ok()["access_token"].clone();
    let before = published(&house).await;
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let (provider, actor) = (&house.app.oauth, imp_identity::Actor::Server);
    let haste = Haste::Compromised;
    command::rotate_signing_keys(context, provider, &actor, haste).await.unwrap();
    assert!(!house.is_active(&service, forged.as_str().unwrap()).await);
    assert!(published(&house).await.iter().all(|key| !before.contains(key)));
    house.token(&service, &pairs).await.ok();
}

#[tokio::test]
async fn an_orderly_rotation_shows_the_next_key_first() {
    let house = House::open().await;
    let mut rng = app::rng();
    let rotate = async |rng: &mut app::Rng| {
        let context = &mut house.app.context(rng);
        let (provider, actor) = (&house.app.oauth, imp_identity::Actor::Server);
        command::rotate_signing_keys(context, provider, &actor, Haste::Orderly).await.unwrap();
        command::list_signing_keys(&house.app.storage, house.app.now()).await.unwrap()
    };
    let keys = rotate(&mut rng).await;
    assert_eq!(keys.len(), 4);
    let overlap = SignedDuration::from_hours(24);
    assert_eq!(keys.iter().filter(|key| key.signs_from == house.app.now() + overlap).count(), 2);
    assert_eq!(rotate(&mut rng).await.len(), 4, "asked twice, there is one next key");
}

#[tokio::test]
async fn another_replica_reads_the_keys_that_were_made_here() {
    let house = House::open().await;
    let service = house.service(json!({ "scope": "introspect" })).await;
    let pairs = [("grant_type", "client_credentials")];
    let token = house.token(&service, &pairs).await.ok()["access_token"].clone();
    let (keys, config) = (&house.app.keys, &house.app.config);
    let replica = crate::oauth::Provider::new(keys, config, house.app.issuer.clone()).unwrap();
    let set = replica.keys(&house.app.storage).await.unwrap();
    let now = house.app.now();
    let token = token.as_str().unwrap();
    imp_oauth::tokens::verify_access(token, &set, &house.app.issuer, now).unwrap();
    assert_eq!(replica.nonces().nonce(now), house.app.oauth.nonces().nonce(now));
}
