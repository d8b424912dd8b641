mod attacks;
mod client;
mod house;

use imp_identity::{Actor, UserId};
use jiff::SignedDuration;
use serde_json::json;

use crate::command;
use client::Client;
use house::{House, csr};

#[tokio::test]
async fn a_device_is_given_a_certificate_renews_it_and_gives_it_back() {
    let house = House::open().await;
    let device = house.device("pump", &["127.0.0.2"]).await;
    let client = house.client(&[device]).await;
    let (order, at) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    assert_eq!(order["status"], "pending");
    client.prove(&house, &order).await;
    let order = client.ask(&house, &at, None).await.json();
    assert_eq!(order["status"], "ready", "{order}");
    let key = house::key();
    let issued = client.finalize(&house, &order, &csr(&key, &["127.0.0.2"])).await.json();
    assert_eq!(issued["status"], "valid", "{issued}");
    let pem = client.ask(&house, issued["certificate"].as_str().unwrap(), None).await;
    assert_eq!(pem.header("content-type"), "application/pem-certificate-chain");
    let chain = house::certificates(&pem.text);
    assert_eq!(chain.len(), 2, "{}", pem.text);

    // When to renew, and an order that replaces it.
    let id = house::certificate_id(&chain[0]);
    let renewal = house.get(&format!("/acme/renewal-info/{id}")).await;
    assert!(renewal.json()["suggestedWindow"]["start"].is_string(), "{}", renewal.text);
    assert_eq!(renewal.header("retry-after"), "21600");
    let names = [("ip", "127.0.0.2")];
    let (second, _) = client.order_replacing(&house, &names, Some(&id)).await.unwrap();
    assert_eq!(second["replaces"], json!(id));
    let again = client.order_replacing(&house, &names, Some(&id)).await.unwrap_err();
    assert_eq!(again.problem(), "alreadyReplaced");

    // Given back: by the certificate's key, and not twice.
    let payload = json!({"certificate": client::encode(&chain[0])});
    let revoked = Client::by_key(&house, &key, "/revoke-certificate", &payload).await;
    assert_eq!(revoked.status.as_u16(), 200);
    let twice = client.post(&house, "/revoke-certificate", &payload).await;
    assert_eq!(twice.problem(), "alreadyRevoked");
    let events = house.events().await;
    for expected in [
        "acme-account-registered",
        "certificate-issued",
        "certificate-revoked",
        "device-state-changed",
    ] {
        assert!(events.iter().any(|event| event == expected), "{expected}: {events:?}");
    }
}

#[tokio::test]
async fn an_account_is_found_changed_and_given_up_by_its_key() {
    let house = House::open().await;
    let device = house.device("pump", &["127.0.0.2"]).await;
    let mut client = house.client(&[device]).await;
    let found = client.register(&house, &json!({"onlyReturnExisting": true})).await;
    assert_eq!((found.status.as_u16(), found.header("location")), (200, client.account.clone()));
    let account = client.account.clone();
    let contact = json!({"contact": ["mailto:it@hospital.example"]});
    let changed = client.ask(&house, &account, Some(&contact)).await.json();
    assert_eq!(changed["contact"], contact["contact"]);
    let (_, first) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    let listed = client.ask(&house, changed["orders"].as_str().unwrap(), None).await.json();
    assert_eq!(listed["orders"], json!([first]));

    // Another key, and the old one signs no more.
    let mut renewed = client.clone();
    renewed.key = house::key();
    let inner = client.key_change(&house, &renewed);
    assert_eq!(client.post_raw(&house, "/key-change", &inner).await.status.as_u16(), 200);
    let old = client.ask(&house, &account, None).await;
    assert_eq!(old.problem(), "malformed");
    assert_eq!(renewed.ask(&house, &account, None).await.status.as_u16(), 200);

    let given_up = renewed.ask(&house, &account, Some(&json!({"status": "deactivated"}))).await;
    assert_eq!(given_up.json()["status"], "deactivated");
    assert_eq!(renewed.ask(&house, &account, None).await.problem(), "unauthorized");
    let again = renewed.register(&house, &json!({})).await;
    assert_eq!(again.problem(), "unauthorized");
}

#[tokio::test]
async fn an_account_needs_a_key_that_counts() {
    let house = House::open().await;
    let device = house.device("pump", &["127.0.0.2"]).await;
    let mut stranger = Client::new();
    let refused = stranger.register(&house, &json!({})).await;
    assert_eq!(refused.problem(), "externalAccountRequired");
    let (id, secret) = house.binding(&[device], false).await;
    let bind = |client: &Client, secret: &[u8]| json!({"externalAccountBinding": client.binding(&house, &id, secret)});
    let guessed = bind(&stranger, &[0; 32]);
    assert_eq!(stranger.register(&house, &guessed).await.problem(), "unauthorized");
    let other = bind(&Client::new(), &secret);
    assert_eq!(stranger.register(&house, &other).await.problem(), "malformed");
    let right = bind(&stranger, &secret);
    assert_eq!(stranger.register(&house, &right).await.status.as_u16(), 201);
    let mut second = Client::new();
    let used = bind(&second, &secret);
    assert_eq!(second.register(&house, &used).await.problem(), "unauthorized");
    let words = house.refusals().await;
    for word in ["binding-missing", "binding-signature", "binding-other-key", "binding-used"] {
        assert!(words.iter().any(|(_, own)| own == word), "{word}: {words:?}");
    }

    // A key that is taken away takes its accounts with it.
    let mut rng = crate::app::rng();
    let context = &mut house.app.context(&mut rng);
    let actor = Actor::Server;
    assert!(command::acme::remove_acme_key(context, &actor, &id).await.unwrap());
    let account = stranger.account.clone();
    assert_eq!(stranger.ask(&house, &account, None).await.problem(), "unauthorized");
}

#[tokio::test]
async fn a_challenge_that_is_not_met_is_looked_at_again_and_then_lost() {
    let house = House::open().await;
    let device = house.device("pump", &["127.0.0.4"]).await;
    let client = house.client(&[device]).await;
    let (order, at) = client.order(&house, &[("ip", "127.0.0.4")]).await;
    // Nobody listens there.
    let url = client.challenge(&house, &order, "http-01").await;
    let begun = client.ask(&house, &url, Some(&json!({}))).await;
    assert_eq!(
        (begun.json()["status"].clone(), begun.header("retry-after")),
        (json!("processing"), "2".to_owned())
    );
    for _ in 0..8 {
        house.advance(60);
        crate::job::acme::round(&house.app).await;
    }
    let lost = client.ask(&house, &url, None).await.json();
    assert_eq!(lost["status"], "invalid", "{lost}");
    assert_eq!(lost["error"]["type"], "urn:ietf:params:acme:error:connection");
    let order = client.ask(&house, &at, None).await.json();
    assert_eq!(order["status"], "invalid");
    let finalized = client.finalize(&house, &order, &csr(&house::key(), &["127.0.0.4"])).await;
    assert_eq!(finalized.problem(), "orderNotReady");
    let words = house.refusals().await;
    assert!(
        words.contains(&(Some(device.to_string()), "challenge-not-met".to_owned())),
        "{words:?}"
    );
}

#[tokio::test]
async fn an_order_waits_for_a_second_person_and_goes_on_when_she_has_approved() {
    let house = House::open_with(|config| {
        let rule = config.devices.classes.entry(imp_identity::device::DeviceClass::Server);
        rule.or_default().approval = Some(true);
    })
    .await;
    let device = house.device("pump", &["127.0.0.2"]).await;
    let client = house.client(&[device]).await;
    let (order, at) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    client.prove(&house, &order).await;
    let request = csr(&house::key(), &["127.0.0.2"]);
    let waits = client.finalize(&house, &order, &request).await;
    assert_eq!(
        (waits.json()["status"].clone(), waits.header("retry-after")),
        (json!("processing"), "5".to_owned())
    );
    let again = client.finalize(&house, &order, &request).await;
    assert_eq!(again.problem(), "orderNotReady");
    house.advance(5);
    assert_eq!(client.ask(&house, &at, None).await.json()["status"], "processing");
    let open = command::open_approvals(&house.app.storage).await.unwrap();
    let [approval] = open.as_slice() else { panic!("{open:?}") };
    let mut rng = crate::app::rng();
    let day = SignedDuration::from_hours(24);
    // Whoever gave the client its key is not a second person.
    let maker = House::maker();
    let context = &mut house.app.context(&mut rng);
    command::approve_device(context, maker, approval.id, day).await.unwrap_err();
    let second = Actor::User(UserId::from_bytes([3; 16]));
    command::approve_device(context, second, approval.id, day).await.unwrap();
    house.advance(5);
    let issued = client.ask(&house, &at, None).await.json();
    assert_eq!(issued["status"], "valid", "{issued}");
    let events = house.events().await;
    let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
    assert_eq!((count("device-enrolment-requested"), count("certificate-issued")), (1, 1));
}
