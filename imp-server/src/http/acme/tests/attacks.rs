//! What a client may not do: each refused with its own problem, and its own word in the log.
use imp_pki::acme::Refused as _;
use imp_pki::acme::csr::CsrError;
use serde_json::json;

use super::client::{self, Client};
use super::house::{self, House, csr};
use crate::command;

/// Two devices, and the accounts of each.
async fn two() -> (House, [imp_identity::DeviceId; 2], [Client; 2]) {
    let house = House::open().await;
    let pump = house.device("pump", &["127.0.0.2", "pump.ward.example"]).await;
    let scanner = house.device("scanner", &["127.0.0.3", "scanner.ward.example"]).await;
    let (mine, yours) = (house.client(&[pump]).await, house.client(&[scanner]).await);
    (house, [pump, scanner], [mine, yours])
}

/// Asserts that the log has this refusal, about this device.
async fn recorded(house: &House, device: imp_identity::DeviceId, word: &str) {
    let words = house.refusals().await;
    let expected = (Some(device.to_string()), word.to_owned());
    assert!(words.contains(&expected), "{word} is not in {words:?}");
}

#[tokio::test]
async fn an_order_is_its_own_accounts_alone() {
    let (house, [_, scanner], [pump, thief]) = two().await;
    let (order, at) = pump.order(&house, &[("ip", "127.0.0.2")]).await;
    pump.prove(&house, &order).await;
    let shown = thief.ask(&house, &at, None).await;
    assert_eq!(shown.problem(), "unauthorized");
    let finalized = thief.finalize(&house, &order, &csr(&house::key(), &["127.0.0.2"])).await;
    assert_eq!(finalized.problem(), "unauthorized");
    let url = order["authorizations"][0].as_str().unwrap();
    assert_eq!(thief.ask(&house, url, None).await.problem(), "unauthorized");
    let given_up = thief.ask(&house, url, Some(&json!({"status": "deactivated"}))).await;
    assert_eq!(given_up.problem(), "unauthorized");
    let challenge = pump.challenge(&house, &order, "http-01").await;
    let answered = thief.ask(&house, &challenge, Some(&json!({}))).await;
    assert_eq!(answered.problem(), "unauthorized");
    let order = pump.ask(&house, &at, None).await.json();
    assert_eq!(order["status"], "ready");
    let issued = pump.finalize(&house, &order, &csr(&house::key(), &["127.0.0.2"])).await.json();
    let certificate = thief.ask(&house, issued["certificate"].as_str().unwrap(), None).await;
    assert_eq!(certificate.problem(), "unauthorized");
    recorded(&house, scanner, "of-another-account").await;
}

#[tokio::test]
async fn names_that_the_inventory_does_not_have_for_the_device_are_refused() {
    let (house, [pump, _], [client, _]) = two().await;
    for (name, word) in [
        ("scanner.ward.example", "name-of-another-device"),
        ("other.ward.example", "name-not-registered"),
        ("*.ward.example", "wildcard-not-allowed"),
        ("*.pump.ward.example", "wildcard-not-allowed"),
    ] {
        let names = [("dns", "pump.ward.example"), ("dns", name)];
        let refused = client.order_replacing(&house, &names, None).await.unwrap_err();
        assert_eq!(refused.problem(), "rejectedIdentifier", "{name}");
        recorded(&house, pump, word).await;
    }
    let serial = [("permanent-identifier", "SN-scanner")];
    let refused = client.order_replacing(&house, &serial, None).await.unwrap_err();
    assert_eq!(refused.problem(), "rejectedIdentifier");
}

#[tokio::test]
async fn one_certificate_is_for_one_device() {
    let house = House::open().await;
    let pump = house.device("pump", &["pump.ward.example"]).await;
    let scanner = house.device("scanner", &["scanner.ward.example"]).await;
    let client = house.client(&[pump, scanner]).await;
    let both = [("dns", "pump.ward.example"), ("dns", "scanner.ward.example")];
    let refused = client.order_replacing(&house, &both, None).await.unwrap_err();
    assert_eq!(refused.problem(), "rejectedIdentifier");
    let words = house.refusals().await;
    assert!(words.contains(&(None, "several-devices".to_owned())), "{words:?}");
}

#[tokio::test]
async fn certificate_requests_for_more_or_by_the_wrong_key_are_refused() {
    let (house, [pump, scanner], [client, other]) = two().await;
    let (order, at) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    client.prove(&house, &order).await;
    for (request, word) in [
        (csr(&house::key(), &["127.0.0.2", "127.0.0.3"]), "names-extra"),
        (csr(&house::key(), &["127.0.0.2", "*.ward.example"]), "names-extra"),
        (csr(&house::key(), &["pump.ward.example"]), "names-extra"),
        (csr(&house::key(), &[]), "names-missing"),
        (csr(&client.key, &["127.0.0.2"]), "key-of-account"),
        (b"garbage".to_vec(), "request-invalid"),
    ] {
        house.advance(61);
        let refused = client.finalize(&house, &order, &request).await;
        assert_eq!(refused.problem(), "badCSR", "{word}");
        recorded(&house, pump, word).await;
    }
    // The order is as it was, until a request comes that the inventory refuses: with another device's key.
    assert_eq!(client.ask(&house, &at, None).await.json()["status"], "ready");
    let key = house::key();
    other.certificate(&house, "127.0.0.3", &key).await;
    let refused = client.finalize(&house, &order, &csr(&key, &["127.0.0.2"])).await;
    assert_eq!(refused.problem(), "badCSR");
    recorded(&house, pump, "key-reused").await;
    let order = client.ask(&house, &at, None).await.json();
    assert_eq!(order["status"], "invalid", "{order}");
    assert_eq!(CsrError::AccountKey.word(), "key-of-account");
    let issued = house.events().await.into_iter().filter(|it| it == "certificate-issued").count();
    assert_eq!(issued, 1, "{scanner} alone has one");
}

#[tokio::test]
async fn requests_are_not_sent_twice_nor_elsewhere_nor_in_anothers_name() {
    let (house, [pump, _], [client, thief]) = two().await;
    let account = client.account.clone();
    let nonce = house.nonce().await;
    let header = json!({"kid": account, "nonce": nonce});
    let first = Client::send(&client.key, &house, &account, (header.clone(), b"")).await;
    assert_eq!(first.status.as_u16(), 200);
    let replayed = Client::send(&client.key, &house, &account, (header, b"")).await;
    assert_eq!(replayed.problem(), "badNonce");
    recorded(&house, pump, "nonce-replayed").await;

    let header = json!({"kid": account, "url": house.url("/new-order")});
    let elsewhere = Client::send(&client.key, &house, &account, (header, b"")).await;
    assert_eq!(elsewhere.problem(), "unauthorized");
    recorded(&house, pump, "url-wrong").await;

    // Another's name with one's own key: whoever it is, it is not the account.
    let header = json!({"kid": account});
    let disguised = Client::send(&thief.key, &house, &account, (header, b"")).await;
    assert_eq!(disguised.problem(), "malformed");
    let words = house.refusals().await;
    assert!(words.contains(&(None, "signature-wrong".to_owned())), "{words:?}");
    let of_mine = thief.ask(&house, &account, None).await;
    assert_eq!(of_mine.problem(), "unauthorized");

    let both = json!({"kid": account, "jwk": client::jwk(&client.key)});
    let both = Client::send(&client.key, &house, &account, (both, b"")).await;
    assert_eq!(both.problem(), "malformed");
}

#[tokio::test]
async fn of_two_changes_of_a_key_at_the_same_time_one_is_refused() {
    let (house, [pump, _], [client, other]) = two().await;
    let (one, two) = (Client::new(), Client::new());
    let (first, second) = (client.key_change(&house, &one), client.key_change(&house, &two));
    let id = client.account.rsplit_once('/').unwrap().1.parse().unwrap();
    let loaded = command::acme::find_acme_client(&house.app.storage, id).await.unwrap();
    let url = house.url("/key-change");
    let mut rng = crate::app::rng();
    let context = &mut house.app.context(&mut rng);
    // Both were verified against the same key before either was stored.
    for (payload, wins) in [(first, true), (second, false)] {
        let payload = payload.to_string();
        let names = (url.as_str(), client.account.as_str());
        let changed =
            command::acme::roll_acme_key_over(context, &loaded, payload.as_bytes(), names).await;
        match changed {
            Ok(_) => assert!(wins),
            Err(command::acme::AcmeError::Refused(refusal)) => {
                assert_eq!((refusal.word, wins), ("rollover-raced", false));
            }
            Err(error) => panic!("{error}"),
        }
    }
    // Nor is another account's key taken.
    let renewed = Client { key: one.key.clone(), account: client.account.clone() };
    let taken = Client { key: other.key.clone(), account: String::new() };
    let inner = renewed.key_change(&house, &taken);
    assert_eq!(renewed.post(&house, "/key-change", &inner).await.problem(), "unauthorized");
    recorded(&house, pump, "rollover-key-taken").await;
}

#[tokio::test]
async fn a_certificate_is_given_back_by_its_own_alone() {
    let (house, [pump, _], [client, thief]) = two().await;
    let key = house::key();
    let certificate = client.certificate(&house, "127.0.0.2", &key).await;
    let payload = json!({"certificate": client::encode(&certificate)});
    let refused = thief.post(&house, "/revoke-certificate", &payload).await;
    assert_eq!(refused.problem(), "unauthorized");
    recorded(&house, pump, "revocation-not-yours").await;
    let stranger = house::key();
    let refused = Client::by_key(&house, &stranger, "/revoke-certificate", &payload).await;
    assert_eq!(refused.problem(), "unauthorized");
    let held = json!({"certificate": client::encode(&certificate), "reason": 6});
    let refused = client.post(&house, "/revoke-certificate", &held).await;
    assert_eq!(refused.problem(), "badRevocationReason");
    let compromised = json!({"certificate": client::encode(&certificate), "reason": 1});
    let revoked = client.post(&house, "/revoke-certificate", &compromised).await;
    assert_eq!(revoked.status.as_u16(), 200, "{}", revoked.text);
}

#[tokio::test]
async fn an_account_whose_key_is_taken_away_does_nothing_more_even_in_flight() {
    let (house, [pump, _], [client, _]) = two().await;
    let (order, at) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    client.prove(&house, &order).await;
    let id = client.account.rsplit_once('/').unwrap().1.parse().unwrap();
    // Signed and verified, and then it waited for its turn to write.
    let loaded = command::acme::find_acme_client(&house.app.storage, id).await.unwrap();
    let mut rng = crate::app::rng();
    let context = &mut house.app.context(&mut rng);
    let bound_by = loaded.account.bound_by.clone().unwrap();
    let maker = House::maker();
    assert!(command::acme::remove_acme_key(context, &maker, &bound_by).await.unwrap());
    let order_id = at.rsplit_once('/').unwrap().1.parse().unwrap();
    let request = csr(&house::key(), &["127.0.0.2"]);
    let gone = |refused: Result<(), command::acme::AcmeError>| match refused {
        Err(command::acme::AcmeError::Refused(refusal)) => {
            assert_eq!(
                refusal.problem.to_json()["type"],
                "urn:ietf:params:acme:error:unauthorized"
            );
        }
        other => panic!("{other:?}"),
    };
    let lifetime = jiff::SignedDuration::from_hours(1);
    let wanted = json!({"identifiers": [{"type": "ip", "value": "127.0.0.2"}]}).to_string();
    let ordered =
        command::acme::order_acme_certificate(context, &loaded, wanted.as_bytes(), lifetime).await;
    gone(ordered.map(drop));
    let finalized = command::acme::finalize_acme_order(context, &loaded, order_id, request).await;
    gone(finalized.map(drop));
    gone(command::acme::poll_acme_order(context, &loaded, order_id).await.map(drop));
    let url = order["authorizations"][0].as_str().unwrap();
    let authorization = url.rsplit_once('/').unwrap().1.parse().unwrap();
    let storage = &house.app.storage;
    let shown = command::acme::find_acme_authorization(storage, &loaded, authorization).await;
    gone(shown.map(drop));
    // Nor does a change of its contacts bring it back.
    let contact = json!({"contact": ["mailto:it@ward.example"]}).to_string();
    let changed =
        command::acme::change_acme_account(context, loaded.clone(), contact.as_bytes()).await;
    gone(changed.map(drop));
    let again = command::acme::find_acme_client(storage, id).await.unwrap();
    assert_eq!(again.account.status.code(), "revoked");
    let issued = house.events().await.into_iter().filter(|it| it == "certificate-issued").count();
    assert_eq!(issued, 0, "{pump}");
}

#[tokio::test]
async fn strangers_who_name_accounts_that_nobody_has_fill_no_log() {
    let (house, _, _) = two().await;
    let before = house.events().await.len();
    let (stranger, url) = (house::key(), house.url("/new-order"));
    for number in 0..50_u32 {
        let kid = house.url(&format!("/account/01890a5d-ac96-774b-bcce-{number:012x}"));
        let header = json!({ "kid": kid });
        let refused = Client::send(&stranger, &house, &url, (header, b"{}")).await;
        assert_eq!(refused.problem(), "accountDoesNotExist");
    }
    assert_eq!(house.events().await.len(), before);
}

#[tokio::test]
async fn a_serial_number_that_two_devices_of_an_account_have_is_neithers() {
    let house = House::open().await;
    let pump = house.device("pump", &["pump.ward.example"]).await;
    let other = house.device_of("Other Medical", "scanner", "SN-pump").await;
    let (client, single) = (house.client(&[pump, other]).await, house.client(&[other]).await);
    let serial = [("permanent-identifier", "SN-pump")];
    let refused = client.order_replacing(&house, &serial, None).await.unwrap_err();
    assert_eq!(refused.problem(), "rejectedIdentifier");
    let words = house.refusals().await;
    assert!(words.contains(&(None, "serial-of-several-devices".to_owned())), "{words:?}");
    assert!(single.order_replacing(&house, &serial, None).await.is_ok(), "it has but one");
    let model = [("permanent-identifier", "UDI-scanner")];
    let refused = single.order_replacing(&house, &model, None).await.unwrap_err();
    assert_eq!(refused.problem(), "rejectedIdentifier", "a UDI is that of a model");
}

#[tokio::test]
async fn a_challenge_that_is_met_too_late_ends_its_order() {
    let (house, _, [client, _]) = two().await;
    // Nobody answers there.
    house.devices_say("nothing");
    let (order, at) = client.order(&house, &[("ip", "127.0.0.2")]).await;
    let challenge = client.challenge(&house, &order, "http-01").await;
    client.ask(&house, &challenge, Some(&json!({}))).await;
    let url = order["authorizations"][0].as_str().unwrap();
    assert_eq!(client.ask(&house, url, None).await.json()["status"], "pending");
    house.advance(25 * 3600);
    crate::job::acme::round(&house.app).await;
    let authorization = client.ask(&house, url, None).await.json();
    assert_eq!(authorization["status"], "invalid", "{authorization}");
    assert_eq!(client.ask(&house, &at, None).await.json()["status"], "invalid");
    let due = command::acme::due_acme_challenges(&house.app.storage, house.app.now(), 9).await;
    assert!(due.unwrap().is_empty(), "it is not looked at for ever");
}

#[tokio::test]
async fn one_account_with_many_orders_does_not_hold_up_the_others() {
    let (house, _, [busy, patient]) = two().await;
    house.devices_say("nothing");
    for _ in 0..6 {
        let (order, _) = busy.order(&house, &[("ip", "127.0.0.2")]).await;
        let challenge = busy.challenge(&house, &order, "http-01").await;
        busy.ask(&house, &challenge, Some(&json!({}))).await;
        house.advance(1);
    }
    let (order, _) = patient.order(&house, &[("ip", "127.0.0.3")]).await;
    let challenge = patient.challenge(&house, &order, "http-01").await;
    patient.ask(&house, &challenge, Some(&json!({}))).await;
    house.advance(60);
    let now = house.app.now();
    let due = command::acme::due_acme_challenges(&house.app.storage, now, 2).await.unwrap();
    let url = order["authorizations"][0].as_str().unwrap();
    let own = url.rsplit_once('/').unwrap().1;
    assert!(due.iter().any(|it| it.authorization.to_string() == own), "of each account the first");
    let all = command::acme::due_acme_challenges(&house.app.storage, now, 99).await.unwrap();
    assert_eq!(all.len(), 7);
}
