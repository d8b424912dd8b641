//! Public keys (RFC 7517, 7518 §6, 8037 §2).
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Algorithm;

/// The SHA-256 thumbprint of a key (RFC 7638). As text: base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbprint(Digest);

/// A public key, and how its owner names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    key: Key,
    /// `kid`.
    pub id: Option<String>,
    algorithm: Option<Algorithm>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    P256([u8; 65]),
    P384([u8; 97]),
    Ed25519([u8; 32]),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// Keys (RFC 7517 §5). Those of unknown types and uses are left out, as §5 wants; 100 are read at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet(pub Vec<Jwk>);

/// Why a key was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwk {
    /// No object, or a member has the wrong form.
    #[error("the key is malformed")]
    Malformed,
    /// A type, curve or algorithm that signatures are not checked with.
    #[error("the key has a type, curve or algorithm that is not supported")]
    Unsupported,
    /// It has private members: whoever sent it has given it away.
    #[error("the key is a private one")]
    Private,
    /// `use` or `key_ops` says that it checks no signatures.
    #[error("the key is not for signatures")]
    Use,
    /// RSA below 2048 or above 8192 bits.
    #[error("the RSA key is shorter than 2048 or longer than 8192 bits")]
    Length,
}

impl Jwk {
    /// Reads a key. Whether a point lies on its curve shows when it checks a signature.
    pub fn from_json(value: &Value) -> Result<Self, InvalidJwk> {
        let members = value.as_object().ok_or(InvalidJwk::Malformed)?;
        if ["d", "p", "q", "dp", "dq", "qi", "k", "oth"]
            .iter()
            .any(|name| members.contains_key(*name))
        {
            return Err(InvalidJwk::Private);
        }
        if members.get("use").is_some_and(|r#use| r#use != "sig") {
            return Err(InvalidJwk::Use);
        }
        if let Some(operations) = members.get("key_ops") {
            let operations = operations.as_array().ok_or(InvalidJwk::Malformed)?;
            if !operations.iter().any(|operation| operation == "verify") {
                return Err(InvalidJwk::Use);
            }
        }
        let key = Key::from_members(members)?;
        let algorithm = match text(members, "alg") {
            Ok(code) => Some(Algorithm::from_code(code).ok_or(InvalidJwk::Unsupported)?),
            Err(_) => None,
        };
        if algorithm.is_some_and(|algorithm| !key.fits(algorithm)) {
            return Err(InvalidJwk::Unsupported);
        }
        let id = text(members, "kid").ok().filter(|id| id.len() <= 256).map(str::to_owned);
        Ok(Self { key, id, algorithm })
    }

    /// The public half of a P-256 key, as an uncompressed point.
    pub(super) const fn p256(point: [u8; 65]) -> Self {
        Self { key: Key::P256(point), id: None, algorithm: Some(Algorithm::Es256) }
    }

    /// The public half of an Ed25519 key.
    pub(super) const fn ed25519(key: [u8; 32]) -> Self {
        Self { key: Key::Ed25519(key), id: None, algorithm: Some(Algorithm::EdDsa) }
    }

    /// The key as JSON, with `use`, and with `kid` and `alg` where they are known.
    pub fn to_json(&self) -> Value {
        let mut members = self.key.required();
        members.insert("use".to_owned(), json!("sig"));
        if let Some(id) = &self.id {
            members.insert("kid".to_owned(), json!(id));
        }
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), json!(algorithm.code()));
        }
        Value::Object(members)
    }

    /// The thumbprint: SHA-256 over the required members in lexicographic order (RFC 7638 §3).
    pub fn thumbprint(&self) -> Thumbprint {
        // The members stand in that order, and base64url needs no escapes.
        Thumbprint(Digest::of(&[Value::Object(self.key.required()).to_string().as_bytes()]))
    }

    /// Whether the key may check signatures of this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.key.fits(algorithm)
    }

    /// Whether `signature` was made over `message` with this algorithm and key.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.key {
            Key::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Key::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Key::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
            Key::Rsa { n, e } => super::rsa::verify(algorithm, n, e, message, signature),
        }
    }
}

impl Key {
    fn from_members(members: &Map<String, Value>) -> Result<Self, InvalidJwk> {
        match (text(members, "kty")?, text(members, "crv").ok()) {
            ("EC", Some("P-256")) => Ok(Self::P256(point(members)?)),
            ("EC", Some("P-384")) => Ok(Self::P384(point(members)?)),
            ("OKP", Some("Ed25519")) => bytes(members, "x")?
                .try_into()
                .map(Self::Ed25519)
                .map_err(|_| InvalidJwk::Malformed),
            ("RSA", None) => {
                let (n, e) = (bytes(members, "n")?, bytes(members, "e")?);
                // Without leading zeros (RFC 7518 §2, Base64urlUInt), so that one key has one thumbprint.
                if n.first() == Some(&0) || e.first().is_none_or(|first| *first == 0) || e.len() > 8
                {
                    return Err(InvalidJwk::Malformed);
                }
                if (256..=1024).contains(&n.len()) {
                    Ok(Self::Rsa { n, e })
                } else {
                    Err(InvalidJwk::Length)
                }
            }
            _ => Err(InvalidJwk::Unsupported),
        }
    }

    const fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Rs256, Rs384};
        matches!(
            (self, algorithm),
            (Self::P256(_), Es256)
                | (Self::P384(_), Es384)
                | (Self::Ed25519(_), EdDsa)
                | (Self::Rsa { .. }, Rs256 | Rs384 | Ps256 | Ps384)
        )
    }

    /// The members that RFC 7638 §3.2 digests.
    fn required(&self) -> Map<String, Value> {
        let encode = |bytes: &[u8]| json!(BASE64URL_NOPAD.encode(bytes));
        let members: Vec<(&str, Value)> = match self {
            Self::P256(point) => vec![
                ("crv", json!("P-256")),
                ("kty", json!("EC")),
                ("x", encode(&point[1..33])),
                ("y", encode(&point[33..])),
            ],
            Self::P384(point) => vec![
                ("crv", json!("P-384")),
                ("kty", json!("EC")),
                ("x", encode(&point[1..49])),
                ("y", encode(&point[49..])),
            ],
            Self::Ed25519(key) => {
                vec![("crv", json!("Ed25519")), ("kty", json!("OKP")), ("x", encode(key))]
            }
            Self::Rsa { n, e } => vec![("e", encode(e)), ("kty", json!("RSA")), ("n", encode(n))],
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, InvalidJwk> {
    members.get(name).and_then(Value::as_str).ok_or(InvalidJwk::Malformed)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, InvalidJwk> {
    BASE64URL_NOPAD.decode(text(members, name)?.as_bytes()).map_err(|_| InvalidJwk::Malformed)
}

/// An uncompressed point of `N` bytes: 4, x, y.
fn point<const N: usize>(members: &Map<String, Value>) -> Result<[u8; N], InvalidJwk> {
    let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
    if x.len() != N / 2 || y.len() != N / 2 {
        return Err(InvalidJwk::Malformed);
    }
    [&[4], x.as_slice(), y.as_slice()].concat().try_into().map_err(|_| InvalidJwk::Malformed)
}

impl JwkSet {
    /// Reads a set. A set with a private key in it is refused whole.
    pub fn from_json(value: &Value) -> Result<Self, InvalidJwk> {
        let keys = value.get("keys").and_then(Value::as_array).ok_or(InvalidJwk::Malformed)?;
        if keys.len() > 100 {
            return Err(InvalidJwk::Malformed);
        }
        let read = keys.iter().map(Jwk::from_json).filter(|key| {
            !matches!(key, Err(InvalidJwk::Unsupported | InvalidJwk::Use | InvalidJwk::Length))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// The set as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.0.iter().map(Jwk::to_json).collect::<Vec<_>>() })
    }

    /// The keys that may have signed what says `id` and `algorithm` of itself.
    pub fn candidates<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Jwk> {
        self.0.iter().filter(move |key| {
            id.is_none_or(|id| key.id.as_deref().is_none_or(|own| own == id)) && key.fits(algorithm)
        })
    }
}

impl Thumbprint {
    /// A thumbprint that was stored.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(self) -> Digest {
        self.0
    }
}

impl std::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(self.0.as_bytes()))
    }
}

impl std::str::FromStr for Thumbprint {
    type Err = InvalidJwk;

    fn from_str(text: &str) -> Result<Self, InvalidJwk> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidJwk::Malformed)?;
        Digest::try_from(bytes.as_slice()).map(Self).map_err(|_| InvalidJwk::Malformed)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for JwkSet {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(to)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_7638_holds() {
        let key = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        let key = Jwk::from_json(&key).unwrap();
        assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(key.thumbprint().to_string().parse::<Thumbprint>(), Ok(key.thumbprint()));
    }

    #[test]
    fn the_thumbprint_of_rfc_8037_holds() {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let key = Jwk::from_json(&key).unwrap();
        assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for (key, why) in [
            (json!([]), InvalidJwk::Malformed),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}), InvalidJwk::Private),
            (json!({"kty": "oct", "k": x}), InvalidJwk::Private),
            (json!({"kty": "OKP", "crv": "X25519", "x": x}), InvalidJwk::Unsupported),
            (
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "ES256"}),
                InvalidJwk::Unsupported,
            ),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}), InvalidJwk::Use),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "key_ops": ["sign"]}), InvalidJwk::Use),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), InvalidJwk::Malformed),
            (json!({"kty": "EC", "crv": "P-256", "x": x, "y": "AA"}), InvalidJwk::Malformed),
            (json!({"kty": "RSA", "n": x, "e": "AQAB"}), InvalidJwk::Length),
        ] {
            assert_eq!(Jwk::from_json(&key), Err(why), "{key}");
        }
    }

    #[test]
    fn sets_leave_unknown_keys_out_and_private_ones_do_not_pass() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1"});
        let strange = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": x});
        let set = JwkSet::from_json(&json!({"keys": [good, strange]})).unwrap();
        assert_eq!(set.0.len(), 1);
        assert_eq!(set.candidates(Some("1"), Algorithm::EdDsa).count(), 1);
        assert_eq!(set.candidates(Some("2"), Algorithm::EdDsa).count(), 0);
        assert_eq!(set.candidates(None, Algorithm::Es256).count(), 0);
        let private = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x});
        assert_eq!(JwkSet::from_json(&json!({"keys": [good, private]})), Err(InvalidJwk::Private));
    }
}
