//! Requests (RFC 8555 §6.2): a signature over everything that a client says, in the flattened serialization (RFC 7515 §7.2.2).
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::key::{AccountKey, Algorithm, InvalidKey};
use super::{ProblemType, Refused};

/// The largest request that is read, in bytes: a certificate request or an attestation, and what goes with it.
pub const LARGEST: usize = 64 * 1024;

/// A signed envelope: the protected header and the payload, unverified.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub(crate) header: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
    /// What was signed: `BASE64URL(header).BASE64URL(payload)`.
    pub(crate) input: String,
    /// In base64url.
    pub(crate) signature: String,
}

/// Who says that it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// Whoever has this key (`jwk`): the request makes an account, or revokes by a certificate's key.
    Key(AccountKey),
    /// The account at this address (`kid`).
    Account(String),
}

/// A request, unverified.
#[derive(Clone, Debug)]
pub struct Request {
    envelope: Envelope,
    algorithm: Algorithm,
    signer: Signer,
    url: String,
    nonce: String,
}

/// What a verified request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payload; empty for POST-as-GET (§6.3).
    pub payload: Vec<u8>,
    /// The nonce, which nobody has taken yet.
    pub nonce: String,
}

/// The request does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not a flattened JWS.
    #[error("the body is not a JSON Web Signature in flattened serialization")]
    Malformed,
    /// It has a header that is not signed, or several signatures.
    #[error("a request has one signature, and no header that is not signed")]
    Unprotected,
    /// Extensions that must be understood are not.
    #[error("the signature has critical extensions, which are not supported")]
    Critical,
    /// `alg` is not accepted.
    #[error("the algorithm of the signature is not one of ES256, ES384, EdDSA and RS256")]
    Algorithm,
    /// `url` is missing.
    #[error("the signed header has no `url`")]
    NoUrl,
    /// `nonce` is missing.
    #[error("the signed header has no `nonce`")]
    NoNonce,
    /// Not exactly one of `jwk` and `kid`.
    #[error("the signed header needs exactly one of `jwk` and `kid`")]
    Signer,
    /// The key is not accepted.
    #[error("the key of the request is not accepted")]
    Key(#[from] InvalidKey),
    /// The signature is not by this key.
    #[error("the signature is not by the key that it names")]
    Signature,
    /// It was signed for another address.
    #[error("the request was signed for another address than it was sent to")]
    Url,
}

impl Refused for JwsError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Algorithm => ProblemType::BadSignatureAlgorithm,
            Self::Key(_) => ProblemType::BadPublicKey,
            // §6.4: the address is part of the authorization.
            Self::Url => ProblemType::Unauthorized,
            Self::NoNonce => ProblemType::BadNonce,
            Self::Malformed
            | Self::Unprotected
            | Self::Critical
            | Self::NoUrl
            | Self::Signer
            | Self::Signature => ProblemType::Malformed,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Unprotected | Self::Critical | Self::NoUrl | Self::Signer => {
                "request-malformed"
            }
            Self::NoNonce => "nonce-missing",
            Self::Algorithm => "signature-algorithm",
            Self::Key(_) => "account-key-refused",
            Self::Signature => "signature-wrong",
            Self::Url => "url-wrong",
        }
    }
}

impl Envelope {
    /// Reads an envelope.
    pub fn parse(body: &[u8]) -> Result<Self, JwsError> {
        if body.len() > LARGEST {
            return Err(JwsError::Malformed);
        }
        Self::from_json(&serde_json::from_slice(body).map_err(|_| JwsError::Malformed)?)
    }

    /// Reads an envelope that stands inside another.
    pub fn from_json(value: &Value) -> Result<Self, JwsError> {
        let members = value.as_object().ok_or(JwsError::Malformed)?;
        if members.contains_key("header") || members.contains_key("signatures") {
            return Err(JwsError::Unprotected);
        }
        let text = |name| members.get(name).and_then(Value::as_str).ok_or(JwsError::Malformed);
        let (protected, payload, signature) =
            (text("protected")?, text("payload")?, text("signature")?);
        let decode =
            |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JwsError::Malformed);
        decode(signature)?;
        let header: Map<String, Value> =
            serde_json::from_slice(&decode(protected)?).map_err(|_| JwsError::Malformed)?;
        // `b64` (RFC 7797) must be declared critical, so that it is refused here too.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        Ok(Self {
            header,
            payload: decode(payload)?,
            input: format!("{protected}.{payload}"),
            signature: signature.to_owned(),
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    pub(crate) fn algorithm(&self) -> Result<Algorithm, JwsError> {
        self.text("alg").and_then(Algorithm::from_code).ok_or(JwsError::Algorithm)
    }

    pub(crate) fn key(&self) -> Result<AccountKey, JwsError> {
        Ok(AccountKey::from_json(self.header.get("jwk").ok_or(JwsError::Signer)?)?)
    }

    pub(crate) fn is_signed_by(&self, key: &AccountKey, algorithm: Algorithm) -> bool {
        key.verifies(algorithm, self.input.as_bytes(), &self.signature)
    }
}

impl Request {
    /// Reads a request. Nothing is verified here.
    pub fn parse(body: &[u8]) -> Result<Self, JwsError> {
        let envelope = Envelope::parse(body)?;
        let algorithm = envelope.algorithm()?;
        let url = envelope.text("url").ok_or(JwsError::NoUrl)?.to_owned();
        let signer = match (envelope.header.contains_key("jwk"), envelope.header.get("kid")) {
            (true, None) => Signer::Key(envelope.key()?),
            (false, Some(Value::String(kid))) => Signer::Account(kid.clone()),
            _ => return Err(JwsError::Signer),
        };
        let nonce = envelope.text("nonce").ok_or(JwsError::NoNonce)?.to_owned();
        Ok(Self { envelope, algorithm, signer, url, nonce })
    }

    /// Who says that it signed.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Verifies that `key` signed it, for the address `url`. Whether the nonce counts is the caller's to ask, afterwards: then a
    /// request that is sent again is known to be its client's.
    pub fn verify(self, key: &AccountKey, url: &str) -> Result<Verified, JwsError> {
        if !self.envelope.is_signed_by(key, self.algorithm) {
            return Err(JwsError::Signature);
        }
        if self.url != url {
            return Err(JwsError::Url);
        }
        Ok(Verified { payload: self.envelope.payload, nonce: self.nonce })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{self, URL, sealed};
    use super::*;

    fn header() -> Value {
        json!({"nonce": "n", "url": URL, "kid": "https://ca.example/acme/account/1"})
    }

    #[test]
    fn requests_of_each_kind_of_key_are_verified() {
        for key in [testing::p256(), testing::p384(), testing::ed25519(), testing::rsa()] {
            let body = key.request(header(), b"{}");
            let request = Request::parse(&body).unwrap();
            assert!(matches!(request.signer(), Signer::Account(_)));
            let verified = request.verify(key.public(), URL).unwrap();
            assert_eq!((verified.payload.as_slice(), verified.nonce.as_str()), (&b"{}"[..], "n"));
        }
    }

    #[test]
    fn another_key_and_another_address_are_refused() {
        let (key, other) = (testing::p256(), testing::p256());
        let request = Request::parse(&key.request(header(), b"")).unwrap();
        assert_eq!(request.clone().verify(other.public(), URL), Err(JwsError::Signature));
        let other_kind = testing::ed25519();
        assert_eq!(request.clone().verify(other_kind.public(), URL), Err(JwsError::Signature));
        let elsewhere = "https://ca.example/acme/new-account";
        assert_eq!(request.verify(key.public(), elsewhere), Err(JwsError::Url));
    }

    #[test]
    fn headers_that_a_client_may_not_send_are_refused() {
        let key = testing::p256();
        let jwk = key.public().to_json();
        let with = |member: &str, value: Value| {
            let mut header = header();
            header[member] = value;
            header
        };
        let without = |member: &str| {
            let mut header = header();
            header.as_object_mut().unwrap().remove(member);
            header
        };
        for (header, why) in [
            (with("jwk", jwk.clone()), JwsError::Signer),
            (without("kid"), JwsError::Signer),
            (without("nonce"), JwsError::NoNonce),
            (without("url"), JwsError::NoUrl),
            (with("alg", json!("none")), JwsError::Algorithm),
            (with("alg", json!("HS256")), JwsError::Algorithm),
            (with("crit", json!(["b64"])), JwsError::Critical),
            (with("kid", json!(7)), JwsError::Signer),
        ] {
            let refused = Request::parse(&sealed(&header, b"{}", "AA")).unwrap_err();
            let expected = if header.get("alg").is_none() && why != JwsError::Critical {
                // Signed properly, so that nothing but the header is wrong.
                let refused = Request::parse(&key.request(header.clone(), b"{}")).unwrap_err();
                assert_eq!(refused, why, "{header}");
                continue;
            } else {
                why
            };
            assert_eq!(refused, expected, "{header}");
        }
        let private = json!({"kty": "oct", "k": "AA"});
        let mut header = without("kid");
        header["jwk"] = private;
        let refused = Request::parse(&key.request(header, b"{}")).unwrap_err();
        assert_eq!(refused, JwsError::Key(InvalidKey::Private));
    }

    #[test]
    fn envelopes_that_are_none_are_refused() {
        for (body, why) in [
            (&b"{}"[..], JwsError::Malformed),
            (b"[]", JwsError::Malformed),
            (b"a.b.c", JwsError::Malformed),
            (br#"{"protected":"","payload":"","signature":"","header":{}}"#, JwsError::Unprotected),
            (br#"{"payload":"","signatures":[]}"#, JwsError::Unprotected),
            (br#"{"protected":"!","payload":"","signature":""}"#, JwsError::Malformed),
        ] {
            assert_eq!(Request::parse(body).unwrap_err(), why, "{body:?}");
        }
        assert_eq!(Request::parse(&vec![b' '; LARGEST + 1]).unwrap_err(), JwsError::Malformed);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let _read_or_refused = Request::parse(&body);
        }
    }
}
