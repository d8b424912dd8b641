//! A client that does no more than it must.
use std::sync::Mutex;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use reqwest::Response;
use serde_json::{Value, json};

use super::Failure;
use super::installation::Installation;

/// A client of one device.
pub(super) struct Client {
    http: reqwest::Client,
    pair: EcdsaKeyPair,
    jwk: Value,
    name: String,
    account: String,
    nonce: Mutex<String>,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, Failure> {
    value[member].as_str().ok_or_else(|| format!("no {member} in {value}").into())
}

impl Client {
    /// Makes an account with a key that an administrator gave.
    pub(super) async fn register(
        http: reqwest::Client,
        base: &str,
        name: String,
        (id, secret): (&str, &[u8]),
    ) -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let jwk = json!({"crv": "P-256", "kty": "EC", "x": x, "y": y});
        let first = http.head(format!("{base}/new-nonce")).send().await?;
        let nonce = Mutex::new(header(&first, "replay-nonce")?);
        let mut client = Self { http, pair, jwk, name, account: String::new(), nonce };
        let url = format!("{base}/new-account");
        let protected = encode(json!({"alg": "HS256", "kid": id, "url": url}).to_string());
        let payload = encode(client.jwk.to_string());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        let signature = encode(tag.as_ref());
        let binding = json!({"protected": protected, "payload": payload, "signature": signature});
        let payload = json!({"externalAccountBinding": binding}).to_string();
        let answer = client.send(&url, &payload).await?;
        client.account = header(&answer, "location")?;
        Ok(client)
    }

    /// Orders a certificate, proves the name, and takes it.
    pub(super) async fn certificate(&self, installation: &Installation) -> Result<(), Failure> {
        let identifiers = json!({"identifiers": [{"type": "ip", "value": self.name}]}).to_string();
        let url = format!("{}/new-order", installation.base);
        let answer = self.send(&url, &identifiers).await?;
        let order: Value = serde_json::from_str(&answer.text().await?)?;
        let authorization = order["authorizations"][0].as_str().ok_or("no authorization")?;
        let authorization: Value =
            serde_json::from_str(&self.send(authorization, "").await?.text().await?)?;
        let challenges = authorization["challenges"].as_array().ok_or("no challenges")?;
        let challenge = challenges.iter().find(|it| it["type"] == "http-01").ok_or("no http-01")?;
        let token = text(challenge, "token")?;
        let thumbprint = encode(Digest::of(&[self.jwk.to_string().as_bytes()]).as_bytes());
        installation.say(token, format!("{token}.{thumbprint}"));
        let answered = self.send(text(challenge, "url")?, "{}").await?.text().await?;
        installation.forget(token);
        let answered: Value = serde_json::from_str(&answered)?;
        if answered["status"] != "valid" {
            return Err(answered.to_string().into());
        }
        let request = json!({"csr": encode(Installation::request(&self.name)?)}).to_string();
        let issued = self.send(text(&order, "finalize")?, &request).await?.text().await?;
        let issued: Value = serde_json::from_str(&issued)?;
        let chain = self.send(text(&issued, "certificate")?, "").await?.text().await?;
        if chain.contains("BEGIN CERTIFICATE") { Ok(()) } else { Err(chain.into()) }
    }

    async fn send(&self, url: &str, payload: &str) -> Result<Response, Failure> {
        let nonce = std::mem::take(&mut *self.nonce.lock().map_err(|_| "poisoned")?);
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        if self.account.is_empty() {
            header["jwk"] = self.jwk.clone();
        } else {
            header["kid"] = json!(self.account);
        }
        let (protected, payload) = (encode(header.to_string()), encode(payload));
        let input = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes())?;
        let signature = encode(signature.as_ref());
        let body = json!({"protected": protected, "payload": payload, "signature": signature});
        let request = self.http.post(url).header("content-type", "application/jose+json");
        let answer = request.body(body.to_string()).send().await?;
        *self.nonce.lock().map_err(|_| "poisoned")? = self::header(&answer, "replay-nonce")?;
        if answer.status().is_success() { Ok(answer) } else { Err(answer.text().await?.into()) }
    }
}

fn header(answer: &Response, name: &str) -> Result<String, Failure> {
    let value = answer.headers().get(name).ok_or_else(|| format!("no {name}"))?;
    Ok(value.to_str()?.to_owned())
}
