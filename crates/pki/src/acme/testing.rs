//! Keys, requests and orders of tests.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use jiff::{Timestamp, ToSpan as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AccountKey, Authorization, AuthorizationState, Identifier, Order, OrderState, Token};

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
pub(crate) const URL: &str = "https://ca.example/acme/new-order";

/// A generator that gives others each time it is asked for.
pub(crate) fn rng() -> StdRng {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(1);
    StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed))
}

/// An account's key, with its private half.
pub(crate) struct TestKey {
    pkcs8: Vec<u8>,
    public: AccountKey,
    algorithm: &'static str,
}

pub(crate) fn p256() -> TestKey {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = pair.der_bytes();
    let jwk = json!({"kty": "EC", "crv": "P-256",
        "x": BASE64URL_NOPAD.encode(&point[1..33]), "y": BASE64URL_NOPAD.encode(&point[33..])});
    TestKey::new(&pair, &jwk, "ES256")
}

pub(crate) fn p384() -> TestKey {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let point = pair.der_bytes();
    let jwk = json!({"kty": "EC", "crv": "P-384",
        "x": BASE64URL_NOPAD.encode(&point[1..49]), "y": BASE64URL_NOPAD.encode(&point[49..])});
    TestKey::new(&pair, &jwk, "ES384")
}

pub(crate) fn ed25519() -> TestKey {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let x = BASE64URL_NOPAD.encode(pair.der_bytes());
    TestKey::new(&pair, &json!({"kty": "OKP", "crv": "Ed25519", "x": x}), "EdDSA")
}

pub(crate) fn rsa() -> TestKey {
    let pair = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let theirs = RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap();
    let public = theirs.public_key();
    let jwk = json!({"kty": "RSA",
        "n": BASE64URL_NOPAD.encode(public.modulus().big_endian_without_leading_zero()),
        "e": BASE64URL_NOPAD.encode(public.exponent().big_endian_without_leading_zero())});
    TestKey::new(&pair, &jwk, "RS256")
}

impl TestKey {
    fn new(pair: &KeyPair, jwk: &Value, algorithm: &'static str) -> Self {
        let public = AccountKey::from_json(jwk).unwrap();
        Self { pkcs8: pair.serialize_der(), public, algorithm }
    }

    pub(crate) fn public(&self) -> &AccountKey {
        &self.public
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A body with this header, to which the algorithm is added unless it is there.
    pub(crate) fn request(&self, mut header: Value, payload: &[u8]) -> Vec<u8> {
        if header.get("alg").is_none() {
            header["alg"] = json!(self.algorithm);
        }
        let signature = self.sign(input(&header, payload).as_bytes());
        sealed(&header, payload, &BASE64URL_NOPAD.encode(&signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let ecdsa = |algorithm| {
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8).unwrap();
            pair.sign(&random, message).unwrap().as_ref().to_vec()
        };
        match self.algorithm {
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => {
                let pair = Ed25519KeyPair::from_pkcs8(&self.pkcs8).unwrap();
                pair.sign(message).as_ref().to_vec()
            }
            _ => {
                let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// What is signed.
pub(crate) fn input(header: &Value, payload: &[u8]) -> String {
    let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
    format!("{header}.{}", BASE64URL_NOPAD.encode(payload))
}

/// An envelope.
pub(crate) fn sealed(header: &Value, payload: &[u8], signature: &str) -> Vec<u8> {
    let body = json!({
        "protected": BASE64URL_NOPAD.encode(header.to_string().as_bytes()),
        "payload": BASE64URL_NOPAD.encode(payload),
        "signature": signature,
    });
    body.to_string().into_bytes()
}

/// An authorization that nobody has begun with; it counts for an hour.
pub(crate) fn authorization(kind: &str, value: &str) -> Authorization {
    Authorization {
        id: Uuid::from_u128(1).into(),
        order: Uuid::from_u128(2).into(),
        identifier: Identifier::parse(kind, value).unwrap(),
        token: Token::generate(&mut rng()),
        expires_at: NOW + 1.hour(),
        state: AuthorizationState::Pending,
    }
}

/// An order of which nothing is proven; it counts for an hour.
pub(crate) fn order(names: &[&str]) -> Order {
    Order {
        id: Uuid::from_u128(2).into(),
        account: Uuid::from_u128(3).into(),
        device: Uuid::from_u128(4).into(),
        identifiers: names.iter().map(|it| Identifier::parse("dns", it).unwrap()).collect(),
        replaces: None,
        expires_at: NOW + 1.hour(),
        state: OrderState::Pending,
    }
}
