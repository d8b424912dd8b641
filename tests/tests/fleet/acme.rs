//! An ACME client (RFC 8555) that asks for renewal information (RFC 9773), and the little web server by which a device proves
//! its address.
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use imp_pki::Certificate;
use imp_pki::acme::CertificateId;
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::{Failure, Held, Key, Site};

/// How often it is asked how an order stands.
const POLLS: u32 = 1600;

/// An account of a device.
pub(crate) struct Account {
    site: Site,
    http: reqwest::Client,
    pair: EcdsaKeyPair,
    jwk: Value,
    url: String,
}

/// A key with which an account is made, as `imp-server acme key add --json` prints it.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// Answers for a device at its address: whatever is asked, with the key authorization of its account.
pub(crate) struct Responder {
    thumbprint: Arc<Mutex<String>>,
}

/// What an order came to.
pub(crate) struct Ordered {
    pub(crate) url: String,
    pub(crate) order: Value,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

impl Responder {
    /// Listens at a device's address, in a thread that ends with the test.
    pub(crate) fn listen(address: IpAddr, port: u16) -> Self {
        let socket = TcpListener::bind((address, port)).unwrap();
        let thumbprint = Arc::new(Mutex::new(String::new()));
        let said = thumbprint.clone();
        std::thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                // All of the request: who closes before everything is read resets the connection.
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let path = head.first().and_then(|line| line.split_whitespace().nth(1));
                let token = path.and_then(|path| path.rsplit('/').next());
                let body = format!("{}.{}", token.unwrap_or_default(), said.lock().unwrap());
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                // Who asked may have gone.
                let _gone = (&stream).write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { thumbprint }
    }

    /// Answers for this account from now on.
    pub(crate) fn answers_for(&self, account: &Account) {
        *self.thumbprint.lock().unwrap() = account.thumbprint();
    }
}

impl Account {
    /// Makes an account with a binding.
    pub(crate) async fn register(site: &Site, binding: &Binding) -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let jwk = json!({"crv": "P-256", "kty": "EC", "x": x, "y": y});
        let (site, http) = (site.clone(), site.stranger());
        let mut account = Self { site, http, pair, jwk, url: String::new() };
        let url = account.address("/new-account");
        let protected = encode(json!({"alg": "HS256", "kid": binding.id, "url": url}).to_string());
        let payload = encode(account.jwk.to_string());
        let secret = BASE64URL_NOPAD.decode(binding.key.as_bytes())?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        let signature = encode(tag.as_ref());
        let binding = json!({"protected": protected, "payload": payload, "signature": signature});
        let payload = json!({"externalAccountBinding": binding});
        account.url = account.send(&url, Some(&payload)).await?.0;
        Ok(account)
    }

    fn address(&self, path: &str) -> String {
        format!("{}/acme{path}", self.site.issuer)
    }

    fn thumbprint(&self) -> String {
        encode(Digest::of(&[self.jwk.to_string().as_bytes()]).as_bytes())
    }

    /// A signed request; without a payload, POST-as-GET. The location and the body of the answer.
    async fn send(&self, url: &str, payload: Option<&Value>) -> Result<(String, String), Failure> {
        let nonce = self.http.head(self.address("/new-nonce")).send().await?;
        let nonce = nonce.headers().get("replay-nonce").ok_or("no nonce")?.to_str()?.to_owned();
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        if self.url.is_empty() {
            header["jwk"] = self.jwk.clone();
        } else {
            header["kid"] = json!(self.url);
        }
        let payload = payload.map(ToString::to_string).unwrap_or_default();
        let (protected, payload) = (encode(header.to_string()), encode(payload));
        let input = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes())?;
        let signature = encode(signature.as_ref());
        let body = json!({"protected": protected, "payload": payload, "signature": signature});
        let request = self.http.post(url).header("content-type", "application/jose+json");
        let answer = request.body(body.to_string()).send().await?;
        let location = answer.headers().get("location").map(|it| it.to_str().map(str::to_owned));
        let (location, status) = (location.transpose()?.unwrap_or_default(), answer.status());
        let text = answer.text().await?;
        if status.is_success() { Ok((location, text)) } else { Err(text.into()) }
    }

    async fn ask(&self, url: &str, payload: Option<&Value>) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.send(url, payload).await?.1)?)
    }

    /// Between which instants the server would have a certificate renewed (RFC 9773 §4.2).
    pub(crate) async fn window(&self, held: &Held) -> Result<(Timestamp, Timestamp), Failure> {
        let id = CertificateId::of(held.certificate.der()).ok_or("no identifier")?;
        let url = self.address(&format!("/renewal-info/{id}"));
        let text = self.http.get(url).send().await?.error_for_status()?.text().await?;
        let said: Value = serde_json::from_str(&text)?;
        let at = |name: &str| {
            said["suggestedWindow"][name].as_str().unwrap_or_default().parse::<Timestamp>()
        };
        Ok((at("start")?, at("end")?))
    }

    /// Orders a certificate for an address, in the place of another one.
    pub(crate) async fn order(
        &self,
        address: IpAddr,
        replaces: Option<&Held>,
    ) -> Result<Ordered, Failure> {
        let mut wanted = json!({"identifiers": [{"type": "ip", "value": address.to_string()}]});
        let predecessor = replaces.and_then(|held| CertificateId::of(held.certificate.der()));
        if let Some(id) = predecessor {
            wanted["replaces"] = json!(id.to_string());
        }
        let (url, text) = self.send(&self.address("/new-order"), Some(&wanted)).await?;
        Ok(Ordered { url, order: serde_json::from_str(&text)? })
    }

    /// Proves the address, where that is still to be done.
    pub(crate) async fn prove(&self, ordered: &Ordered) -> Result<(), Failure> {
        let url = ordered.order["authorizations"][0].as_str().ok_or("no authorization")?;
        let authorization = self.ask(url, None).await?;
        if authorization["status"] != "pending" {
            return Ok(());
        }
        let challenges = authorization["challenges"].as_array().ok_or("no challenges")?;
        let http = challenges.iter().find(|it| it["type"] == "http-01").ok_or("no http-01")?;
        let url = http["url"].as_str().ok_or("no address")?;
        self.ask(url, Some(&json!({}))).await.map(drop)
    }

    /// How an order stands, as soon as it is something else than `waits`.
    pub(crate) async fn after(&self, ordered: &Ordered, waits: &str) -> Result<Value, Failure> {
        for _ in 0..POLLS {
            let order = self.ask(&ordered.url, None).await?;
            if order["status"] != waits {
                return Ok(order);
            }
            tokio::time::sleep(imp_tests::process::POLL).await;
        }
        Err(format!("the order stays {waits}").into())
    }

    /// Asks for the certificate of an order that is ready.
    pub(crate) async fn finalize(
        &self,
        ordered: &Ordered,
        (address, key): (IpAddr, &Arc<Key>),
    ) -> Result<Value, Failure> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        let csr = encode(params.serialize_request(&key.pair)?.der());
        let url = ordered.order["finalize"].as_str().ok_or("no finalize")?;
        self.ask(url, Some(&json!({"csr": csr}))).await
    }

    /// Fetches the certificate of an order that is valid.
    pub(crate) async fn fetch(&self, order: &Value, key: &Arc<Key>) -> Result<Held, Failure> {
        let url = order["certificate"].as_str().ok_or_else(|| order.to_string())?;
        let pem = self.send(url, None).await?.1;
        let all: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(|it| it.map(|der| der.to_vec()))
            .collect::<Result<_, _>>()?;
        let (leaf, issuers) = all.split_first().ok_or("no certificate")?;
        let certificate = Certificate::parse(leaf.clone())?;
        Ok(Held { key: key.clone(), certificate, issuers: issuers.to_vec() })
    }

    /// All of it: the certificate for an address, in the place of another one.
    pub(crate) async fn obtain(
        &self,
        address: IpAddr,
        replaces: Option<&Held>,
    ) -> Result<Held, Failure> {
        let (ordered, key) = (self.order(address, replaces).await?, Key::new());
        self.prove(&ordered).await?;
        self.after(&ordered, "pending").await?;
        self.finalize(&ordered, (address, &key)).await?;
        let order = self.after(&ordered, "processing").await?;
        self.fetch(&order, &key).await
    }
}
