//! A client for what no packaged client speaks: device attestation.
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use serde_json::{Value, json};

use super::{Binding, Ward};

/// An account.
pub(super) struct Client<'a> {
    ward: &'a Ward,
    pair: EcdsaKeyPair,
    jwk: Value,
    account: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) ok: bool,
    location: String,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

impl<'a> Client<'a> {
    pub(super) async fn register(ward: &'a Ward, binding: &Binding) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let jwk = json!({"crv": "P-256", "kty": "EC", "x": x, "y": y});
        let mut client = Self { ward, pair, jwk, account: String::new() };
        let url = format!("{}/acme/new-account", ward.house.issuer());
        let protected = encode(json!({"alg": "HS256", "kid": binding.id, "url": url}).to_string());
        let payload = encode(client.jwk.to_string());
        let secret = BASE64URL_NOPAD.decode(binding.key.as_bytes()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        let signature = encode(tag.as_ref());
        let binding = json!({"protected": protected, "payload": payload, "signature": signature});
        let payload = json!({"externalAccountBinding": binding});
        let answer = client.send(&url, Some(&payload)).await;
        assert!(answer.ok, "{}", answer.text);
        client.account = answer.location;
        client
    }

    /// Orders for one identifier: the order, and its one challenge.
    pub(super) async fn order(&self, kind: &str, value: &str) -> (Value, Value) {
        let payload = json!({"identifiers": [{"type": kind, "value": value}]});
        let url = format!("{}/acme/new-order", self.ward.house.issuer());
        let order = self.send(&url, Some(&payload)).await;
        assert!(order.ok, "{}", order.text);
        let order = order.json();
        let url = order["authorizations"][0].as_str().unwrap();
        let authorization = self.send(url, None).await.json();
        (order, authorization["challenges"][0].clone())
    }

    /// The digest of the key authorization of a challenge.
    pub(super) fn digest(&self, challenge: &Value) -> Digest {
        let thumbprint = encode(Digest::of(&[self.jwk.to_string().as_bytes()]).as_bytes());
        let token = challenge["token"].as_str().unwrap();
        Digest::of(&[format!("{token}.{thumbprint}").as_bytes()])
    }

    /// A signed request; without a payload, POST-as-GET.
    pub(super) async fn send(&self, url: &str, payload: Option<&Value>) -> Answer {
        let http = &self.ward.house.http;
        let first = format!("{}/acme/new-nonce", self.ward.house.issuer());
        let first = http.head(first).send().await.unwrap();
        let nonce = first.headers()["replay-nonce"].to_str().unwrap();
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        if self.account.is_empty() {
            header["jwk"] = self.jwk.clone();
        } else {
            header["kid"] = json!(self.account);
        }
        let payload = payload.map(ToString::to_string).unwrap_or_default();
        let (protected, payload) = (encode(header.to_string()), encode(payload));
        let input = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        let signature = encode(signature.as_ref());
        let body = json!({"protected": protected, "payload": payload, "signature": signature});
        let request = http.post(url).header("content-type", "application/jose+json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let location = answer.headers().get("location");
        let location = location.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        Answer { ok: answer.status().is_success(), location, text: answer.text().await.unwrap() }
    }
}
