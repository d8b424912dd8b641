//! A client of the protocol, which can be made to do everything wrong.
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use imp_pki::Key;
use imp_pki::acme::{AccountKey, KeyAuthorization};
use serde_json::{Value, json};

use super::house::{self, Answer, House};

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

/// A client with its account's key.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) key: Key,
    /// The address of its account, once it has one.
    pub(super) account: String,
}

/// A P-256 key as a JWK.
pub(super) fn jwk(key: &Key) -> Value {
    let spki = key.public_key().as_spki();
    let point = &spki[spki.len() - 64..];
    json!({"crv": "P-256", "kty": "EC", "x": encode(&point[..32]), "y": encode(&point[32..])})
}

/// An envelope, signed with a key.
pub(super) fn sealed(key: &Key, header: &Value, payload: &[u8]) -> Value {
    let (protected, payload) = (encode(header.to_string()), encode(payload));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8().expose());
    let pair = pair.unwrap();
    assert_eq!(pair.public_key().as_ref().len(), 65);
    let input = format!("{protected}.{payload}");
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    json!({"protected": protected, "payload": payload, "signature": encode(signature.as_ref())})
}

impl Client {
    pub(super) fn new() -> Self {
        Self { key: house::key(), account: String::new() }
    }

    /// Sends a request with any header; `nonce` and `url` are filled in unless they are there.
    pub(super) async fn send(
        key: &Key,
        house: &House,
        url: &str,
        (mut header, payload): (Value, &[u8]),
    ) -> Answer {
        header["alg"] = json!("ES256");
        if header.get("nonce").is_none() {
            header["nonce"] = json!(house.nonce().await);
        }
        if header.get("url").is_none() {
            header["url"] = json!(url);
        }
        house.post(url, sealed(key, &header, payload).to_string()).await
    }

    /// Signed by the account; without a payload, POST-as-GET.
    pub(super) async fn ask(&self, house: &House, url: &str, payload: Option<&Value>) -> Answer {
        let payload = payload.map(ToString::to_string).unwrap_or_default();
        let header = json!({"kid": self.account});
        Self::send(&self.key, house, url, (header, payload.as_bytes())).await
    }

    pub(super) async fn post(&self, house: &House, path: &str, payload: &Value) -> Answer {
        self.ask(house, &house.url(path), Some(payload)).await
    }

    pub(super) async fn post_raw(&self, house: &House, path: &str, payload: &Value) -> Answer {
        self.post(house, path, payload).await
    }

    /// Signed with a key, not by an account.
    pub(super) async fn by_key(house: &House, key: &Key, path: &str, payload: &Value) -> Answer {
        let header = json!({"jwk": jwk(key)});
        Self::send(key, house, &house.url(path), (header, payload.to_string().as_bytes())).await
    }

    pub(super) async fn register(&mut self, house: &House, payload: &Value) -> Answer {
        let answer = Self::by_key(house, &self.key, "/new-account", payload).await;
        if answer.status.is_success() {
            self.account = answer.header("location");
        }
        answer
    }

    /// An external account binding.
    pub(super) fn binding(&self, house: &House, id: &str, secret: &[u8]) -> Value {
        let header = json!({"alg": "HS256", "kid": id, "url": house.url("/new-account")});
        let (protected, payload) = (encode(header.to_string()), encode(jwk(&self.key).to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encode(tag.as_ref())})
    }

    /// The inner envelope of a change to another key.
    pub(super) fn key_change(&self, house: &House, new: &Self) -> Value {
        let header = json!({"alg": "ES256", "jwk": jwk(&new.key), "url": house.url("/key-change")});
        let payload = json!({"account": self.account, "oldKey": jwk(&self.key)});
        sealed(&new.key, &header, payload.to_string().as_bytes())
    }

    pub(super) async fn order(&self, house: &House, names: &[(&str, &str)]) -> (Value, String) {
        let ordered = self.order_replacing(house, names, None).await;
        ordered.unwrap_or_else(|refused| panic!("{} {}", refused.status, refused.text))
    }

    /// The order and its address.
    pub(super) async fn order_replacing(
        &self,
        house: &House,
        names: &[(&str, &str)],
        replaces: Option<&str>,
    ) -> Result<(Value, String), Answer> {
        let identifier = |(kind, value): &(&str, &str)| json!({"type": kind, "value": value});
        let identifiers: Vec<_> = names.iter().map(identifier).collect();
        let mut payload = json!({"identifiers": identifiers});
        if let Some(replaces) = replaces {
            payload["replaces"] = json!(replaces);
        }
        let answer = self.post(house, "/new-order", &payload).await;
        if answer.status.is_success() {
            Ok((answer.json(), answer.header("location")))
        } else {
            Err(answer)
        }
    }

    /// The address of a challenge of the first authorization.
    pub(super) async fn challenge(&self, house: &House, order: &Value, kind: &str) -> String {
        let url = order["authorizations"][0].as_str().unwrap();
        let authorization = self.ask(house, url, None).await.json();
        let found = authorization["challenges"].as_array().unwrap().iter();
        let mut found = found.filter(|it| it["type"] == kind);
        found.next().unwrap_or_else(|| panic!("{authorization}"))["url"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Meets every challenge of an order by HTTP.
    pub(super) async fn prove(&self, house: &House, order: &Value) {
        for url in order["authorizations"].as_array().unwrap() {
            let authorization = self.ask(house, url.as_str().unwrap(), None).await.json();
            let challenges = authorization["challenges"].as_array().unwrap();
            let challenge = challenges.iter().find(|it| it["type"] == "http-01").unwrap();
            let token = challenge["token"].as_str().unwrap().parse().unwrap();
            let key = AccountKey::from_json(&jwk(&self.key)).unwrap();
            house.devices_say(KeyAuthorization::new(&token, &key).as_str());
            let url = challenge["url"].as_str().unwrap();
            let answered = self.ask(house, url, Some(&json!({}))).await.json();
            assert_eq!(answered["status"], "valid", "{answered}");
        }
    }

    pub(super) async fn finalize(&self, house: &House, order: &Value, csr: &[u8]) -> Answer {
        let url = order["finalize"].as_str().unwrap();
        self.ask(house, url, Some(&json!({"csr": encode(csr)}))).await
    }

    /// A certificate in DER for a device that answers at an address.
    pub(super) async fn certificate(&self, house: &House, address: &str, key: &Key) -> Vec<u8> {
        let (order, at) = self.order(house, &[("ip", address)]).await;
        self.prove(house, &order).await;
        let order = self.ask(house, &at, None).await.json();
        let issued = self.finalize(house, &order, &house::csr(key, &[address])).await;
        let issued = issued.json();
        assert_eq!(issued["status"], "valid", "{issued}");
        let pem = self.ask(house, issued["certificate"].as_str().unwrap(), None).await;
        house::certificates(&pem.text).remove(0)
    }
}
