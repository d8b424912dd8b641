//! Public keys of accounts as JSON Web Keys (RFC 7517), their thumbprints (RFC 7638) and signatures (RFC 7515, RFC 7518 §3.1,
//! RFC 8037). The cryptography is that of `jsonwebtoken`; here each key has one form, so that one key has one thumbprint.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The shortest RSA modulus, in bytes.
const RSA_SHORTEST: usize = 256;
/// The longest RSA modulus, in bytes: longer ones cost whoever verifies.
const RSA_LONGEST: usize = 512;

/// Algorithms of signatures. There is no `none`, and no MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Every algorithm that is accepted, as problems list them (RFC 8555 §6.2).
    pub const CODES: [&'static str; 4] = ["ES256", "ES384", "EdDSA", "RS256"];

    /// The algorithm with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            "RS256" => Self::Rs256,
            _ => return None,
        })
    }

    const fn theirs(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// The public key of an account. Its numbers are kept as bytes of the one length or form that they may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// x and y.
    P256([u8; 32], [u8; 32]),
    /// x and y.
    P384([u8; 48], [u8; 48]),
    Ed25519([u8; 32]),
    /// Modulus and exponent, without leading zeros.
    Rsa(Vec<u8>, Vec<u8>),
}

/// Why a key was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No object, or a member has the wrong form.
    #[error("the key is malformed")]
    Malformed,
    /// A type or curve that signatures are not checked with.
    #[error("the key has a type or curve that is not supported")]
    Unsupported,
    /// It has private members: whoever sent it has given it away.
    #[error("the key is a private one")]
    Private,
    /// RSA below 2048 or above 4096 bits.
    #[error("the RSA key is shorter than 2048 or longer than 4096 bits")]
    Length,
}

impl AccountKey {
    /// Reads a key. Whether a point lies on its curve shows when it checks a signature.
    pub fn from_json(value: &Value) -> Result<Self, InvalidKey> {
        let members = value.as_object().ok_or(InvalidKey::Malformed)?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"];
        if private.iter().any(|name| members.contains_key(*name)) {
            return Err(InvalidKey::Private);
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        match (text("kty").ok_or(InvalidKey::Malformed)?, text("crv")) {
            ("EC", Some("P-256")) => Ok(Self(Kind::P256(sized(text("x"))?, sized(text("y"))?))),
            ("EC", Some("P-384")) => Ok(Self(Kind::P384(sized(text("x"))?, sized(text("y"))?))),
            ("OKP", Some("Ed25519")) => Ok(Self(Kind::Ed25519(sized(text("x"))?))),
            ("RSA", None) => rsa(bytes(text("n"))?, bytes(text("e"))?),
            _ => Err(InvalidKey::Unsupported),
        }
    }

    /// The key as JSON: the members that RFC 7638 §3.2 requires, in lexicographic order.
    pub fn to_json(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match &self.0 {
            Kind::P256(x, y) => {
                json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)})
            }
            Kind::P384(x, y) => {
                json!({"crv": "P-384", "kty": "EC", "x": encode(x), "y": encode(y)})
            }
            Kind::Ed25519(x) => json!({"crv": "Ed25519", "kty": "OKP", "x": encode(x)}),
            Kind::Rsa(n, e) => json!({"e": encode(e), "kty": "RSA", "n": encode(n)}),
        }
    }

    /// The SHA-256 thumbprint (RFC 7638 §3).
    pub fn thumbprint(&self) -> Digest {
        // Written by hand, as the order of members and the absence of blanks are what is digested.
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let ec = |curve, x: &[u8], y: &[u8]| {
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
        };
        let text = match &self.0 {
            Kind::P256(x, y) => ec("P-256", x, y),
            Kind::P384(x, y) => ec("P-384", x, y),
            Kind::Ed25519(x) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x))
            }
            Kind::Rsa(n, e) => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n))
            }
        };
        Digest::of(&[text.as_bytes()])
    }

    /// Whether `signature` (base64url) was made over `message` with this key and algorithm.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        let fits = matches!(
            (&self.0, algorithm),
            (Kind::P256(..), Algorithm::Es256)
                | (Kind::P384(..), Algorithm::Es384)
                | (Kind::Ed25519(_), Algorithm::EdDsa)
                | (Kind::Rsa(..), Algorithm::Rs256)
        );
        let key = match &self.0 {
            Kind::P256(x, y) => DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat()),
            Kind::P384(x, y) => DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat()),
            Kind::Ed25519(x) => DecodingKey::from_ed_der(x),
            Kind::Rsa(n, e) => DecodingKey::from_rsa_raw_components(n, e),
        };
        fits && jsonwebtoken::crypto::verify(signature, message, &key, algorithm.theirs())
            .unwrap_or(false)
    }

    /// Whether it is the key of this `SubjectPublicKeyInfo` in DER.
    pub fn is(&self, spki: &[u8]) -> bool {
        let Ok((_, info)) = SubjectPublicKeyInfo::from_der(spki) else { return false };
        let raw = info.subject_public_key.as_ref();
        match &self.0 {
            Kind::P256(x, y) => raw == [&[4], x.as_slice(), y].concat(),
            Kind::P384(x, y) => raw == [&[4], x.as_slice(), y].concat(),
            Kind::Ed25519(x) => raw == x,
            Kind::Rsa(n, e) => match info.parsed() {
                Ok(Parsed::RSA(key)) => {
                    trimmed(key.modulus) == n.as_slice() && trimmed(key.exponent) == e.as_slice()
                }
                _ => false,
            },
        }
    }
}

fn bytes(text: Option<&str>) -> Result<Vec<u8>, InvalidKey> {
    let text = text.ok_or(InvalidKey::Malformed)?;
    if text.len() > 2 * RSA_LONGEST {
        return Err(InvalidKey::Length);
    }
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidKey::Malformed)
}

fn sized<const N: usize>(text: Option<&str>) -> Result<[u8; N], InvalidKey> {
    bytes(text)?.try_into().map_err(|_| InvalidKey::Malformed)
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<AccountKey, InvalidKey> {
    // Without leading zeros (RFC 7518 §2, Base64urlUInt), so that one key has one thumbprint.
    if n.first() == Some(&0) || e.first().is_none_or(|first| *first == 0) || e.len() > 8 {
        return Err(InvalidKey::Malformed);
    }
    if (RSA_SHORTEST..=RSA_LONGEST).contains(&n.len()) {
        Ok(AccountKey(Kind::Rsa(n, e)))
    } else {
        Err(InvalidKey::Length)
    }
}

fn trimmed(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_7638_holds() {
        let key = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        let key = AccountKey::from_json(&key).unwrap();
        let thumbprint = BASE64URL_NOPAD.encode(key.thumbprint().as_bytes());
        assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn thumbprints_are_those_of_the_library() {
        for key in [testing::p256(), testing::ed25519()] {
            let theirs: jsonwebtoken::jwk::Jwk =
                serde_json::from_value(key.public().to_json()).unwrap();
            let theirs = theirs.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
            assert_eq!(BASE64URL_NOPAD.encode(key.public().thumbprint().as_bytes()), theirs);
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for (key, why) in [
            (json!("key"), InvalidKey::Malformed),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}), InvalidKey::Private),
            (json!({"kty": "oct", "k": x}), InvalidKey::Private),
            (json!({"kty": "OKP", "crv": "X25519", "x": x}), InvalidKey::Unsupported),
            (json!({"kty": "EC", "crv": "P-521", "x": x, "y": x}), InvalidKey::Unsupported),
            (json!({"kty": "EC", "crv": "P-256", "x": x}), InvalidKey::Malformed),
            (json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": x}), InvalidKey::Malformed),
            (json!({"kty": "RSA", "n": x, "e": "AQAB"}), InvalidKey::Length),
            (json!({"kty": "RSA", "n": format!("AA{x}"), "e": "AQAB"}), InvalidKey::Malformed),
        ] {
            assert_eq!(AccountKey::from_json(&key), Err(why), "{key}");
        }
    }
}
