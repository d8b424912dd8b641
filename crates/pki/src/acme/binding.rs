//! External account binding (RFC 8555 §7.3.4): that whoever makes an account was given a key for it by an administrator.
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Secret;
use serde_json::Value;

use super::{AccountKey, Envelope, JwsError, ProblemType, Refused};

/// The shortest key, in bytes.
pub const SHORTEST: usize = 32;

/// A binding, unverified.
#[derive(Clone, Debug)]
pub struct Binding {
    envelope: Envelope,
    algorithm: hmac::Algorithm,
    /// The identifier of the key, as the administrator gave it.
    pub key_id: String,
}

/// The binding does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// There is none, and one is required.
    #[error(
        "this server makes accounts only with an external account binding: ask its administrator for a key"
    )]
    Missing,
    /// It is no envelope.
    #[error("the external account binding is malformed")]
    Malformed(#[from] JwsError),
    /// Its header is not as it should be.
    #[error(
        "the header of the binding has an algorithm of HS256, HS384 or HS512, a `kid`, the `url` of the request, and no nonce"
    )]
    Header,
    /// Nobody knows the key, or it does not count any more.
    #[error("the key of the external account binding is not known here, or has expired")]
    Unknown,
    /// The key made an account already.
    #[error("the key of the external account binding has made an account already")]
    Used,
    /// It is not signed with that key.
    #[error("the external account binding is not signed with the key that it names")]
    Signature,
    /// It is about another account's key.
    #[error("the external account binding is about another account's key")]
    OtherKey,
}

impl Refused for BindingError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Missing => ProblemType::ExternalAccountRequired,
            Self::Malformed(_) | Self::Header | Self::OtherKey => ProblemType::Malformed,
            Self::Unknown | Self::Used | Self::Signature => ProblemType::Unauthorized,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Missing => "binding-missing",
            Self::Malformed(_) | Self::Header => "binding-malformed",
            Self::Unknown => "binding-unknown",
            Self::Used => "binding-used",
            Self::Signature => "binding-signature",
            Self::OtherKey => "binding-other-key",
        }
    }
}

impl Binding {
    /// Reads a binding in a request to `url`.
    pub fn parse(value: &Value, url: &str) -> Result<Self, BindingError> {
        let envelope = Envelope::from_json(value)?;
        let algorithm = match envelope.text("alg") {
            Some("HS256") => hmac::HMAC_SHA256,
            Some("HS384") => hmac::HMAC_SHA384,
            Some("HS512") => hmac::HMAC_SHA512,
            _ => return Err(BindingError::Header),
        };
        let key_id = envelope.text("kid").filter(|id| id.len() <= 256).map(str::to_owned);
        let is_for_here = envelope.text("url") == Some(url);
        match key_id {
            Some(key_id) if is_for_here && !envelope.header.contains_key("nonce") => {
                Ok(Self { envelope, algorithm, key_id })
            }
            _ => Err(BindingError::Header),
        }
    }

    /// Verifies that it is signed with the key that the administrator gave, and is about the account's key.
    pub fn verify(
        &self,
        secret: &Secret<Vec<u8>>,
        account: &AccountKey,
    ) -> Result<(), BindingError> {
        let key = hmac::Key::new(self.algorithm, secret.expose());
        let signature = BASE64URL_NOPAD.decode(self.envelope.signature.as_bytes());
        let signature = signature.map_err(|_| BindingError::Signature)?;
        hmac::verify(&key, self.envelope.input.as_bytes(), &signature)
            .map_err(|_| BindingError::Signature)?;
        let bound = serde_json::from_slice(&self.envelope.payload)
            .ok()
            .and_then(|value| AccountKey::from_json(&value).ok());
        if bound.as_ref() == Some(account) { Ok(()) } else { Err(BindingError::OtherKey) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{self, URL, sealed};
    use super::*;

    fn bound(
        algorithm: &str,
        secret: &[u8],
        change: impl FnOnce(&mut Value),
        payload: &Value,
    ) -> Value {
        let mut header = json!({"alg": algorithm, "kid": "key-1", "url": URL});
        change(&mut header);
        let mac = match algorithm {
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let payload = payload.to_string();
        let input = testing::input(&header, payload.as_bytes());
        let tag = hmac::sign(&hmac::Key::new(mac, secret), input.as_bytes());
        let tag = BASE64URL_NOPAD.encode(tag.as_ref());
        serde_json::from_slice(&sealed(&header, payload.as_bytes(), &tag)).unwrap()
    }

    #[test]
    fn a_binding_counts_with_each_algorithm_and_only_with_its_key() {
        let (account, other) = (testing::p256(), testing::p256());
        let secret = Secret::new(vec![7; 32]);
        for algorithm in ["HS256", "HS384", "HS512"] {
            let value = bound(algorithm, secret.expose(), |_| (), &account.public().to_json());
            let binding = Binding::parse(&value, URL).unwrap();
            assert_eq!(binding.key_id, "key-1");
            assert_eq!(binding.verify(&secret, account.public()), Ok(()));
            assert_eq!(binding.verify(&secret, other.public()), Err(BindingError::OtherKey));
            let guess = Secret::new(vec![8; 32]);
            assert_eq!(binding.verify(&guess, account.public()), Err(BindingError::Signature));
        }
    }

    #[test]
    fn bindings_with_wrong_headers_are_refused() {
        let jwk = testing::p256().public().to_json();
        let refused = |algorithm: &str, change: fn(&mut Value)| {
            let value = bound(algorithm, &[7; 32], change, &jwk);
            Binding::parse(&value, URL).map(|_| ()).unwrap_err()
        };
        assert_eq!(refused("ES256", |_| ()), BindingError::Header);
        assert_eq!(refused("none", |_| ()), BindingError::Header);
        assert_eq!(refused("HS256", |it| it["nonce"] = json!("n")), BindingError::Header);
        assert_eq!(refused("HS256", |it| it["url"] = json!("https://x")), BindingError::Header);
        assert_eq!(refused("HS256", |it| it["kid"] = json!(1)), BindingError::Header);
        let malformed = Binding::parse(&json!("x"), URL).map(|_| ()).unwrap_err();
        assert_eq!(malformed, BindingError::Malformed(JwsError::Malformed));
    }
}
