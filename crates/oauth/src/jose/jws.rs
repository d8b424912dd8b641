//! Signed tokens in compact form (RFC 7515 §7.1).
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;

use super::{Algorithm, Jwk, JwkSet};

/// How many bytes of a token are read.
pub const MAX_LEN: usize = 16 * 1024;

/// What a token says of its signature. Members that are not named here are not acted on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// `alg`, unread: it may be one that is not supported.
    pub alg: String,
    /// `typ`.
    #[serde(default)]
    pub typ: Option<String>,
    /// `kid`.
    #[serde(default)]
    pub kid: Option<String>,
    /// `jwk`: a key that the sender names.
    #[serde(default)]
    pub jwk: Option<Value>,
    /// `crit`: none of what can stand there is understood (RFC 7515 §4.1.11).
    #[serde(default)]
    pub crit: Option<Value>,
}

/// A token that was read and is not believed yet.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    /// Its header.
    pub header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three parts of base64url with a JSON header, or too long.
    #[error("the token is malformed")]
    Malformed,
    /// `alg` is none of [`Algorithm::ALL`].
    #[error("the token's algorithm is not supported")]
    Algorithm,
    /// `crit` names something.
    #[error("the token has critical extensions that are not understood")]
    Critical,
    /// No key made the signature.
    #[error("the token's signature does not match")]
    Signature,
    /// The payload is no JSON object of the expected form.
    #[error("the token's claims are malformed")]
    Claims,
}

impl<'a> Compact<'a> {
    /// Reads a token.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_LEN {
            return Err(JwsError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        let decode =
            |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwsError::Malformed);
        let header: Header = json::object(&decode(header)?).map_err(|_| JwsError::Malformed)?;
        if header.crit.is_some() {
            return Err(JwsError::Critical);
        }
        Ok(Self { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The algorithm that it names.
    pub fn algorithm(&self) -> Result<Algorithm, JwsError> {
        Algorithm::from_code(&self.header.alg).ok_or(JwsError::Algorithm)
    }

    /// The claims, once `key` is known to have signed them.
    pub fn verify<C: DeserializeOwned>(&self, key: &Jwk) -> Result<C, JwsError> {
        if !key.verifies(self.algorithm()?, self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::Signature);
        }
        self.unverified()
    }

    /// The claims, once one of `keys` is known to have signed them. At most four keys are tried.
    pub fn verify_with<C: DeserializeOwned>(&self, keys: &JwkSet) -> Result<C, JwsError> {
        let algorithm = self.algorithm()?;
        let mut candidates = keys.candidates(self.header.kid.as_deref(), algorithm).take(4);
        let signed = |key: &Jwk| key.verifies(algorithm, self.signed.as_bytes(), &self.signature);
        if candidates.any(signed) { self.unverified() } else { Err(JwsError::Signature) }
    }

    /// The claims as anybody could have written them: to find out whose key to check with, and for nothing else.
    pub fn unverified<C: DeserializeOwned>(&self) -> Result<C, JwsError> {
        json::object(&self.payload).map_err(|_| JwsError::Claims)
    }
}

/// `header.claims` in base64url: what is signed.
pub(super) fn signing_input(
    header: &impl Serialize,
    claims: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let mut text = BASE64URL_NOPAD.encode(&serde_json::to_vec(header)?);
    text.push('.');
    BASE64URL_NOPAD.encode_append(&serde_json::to_vec(claims)?, &mut text);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // RFC 8037 appendix A.4: signed with the key of A.1.
    const EXAMPLE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    #[test]
    fn the_signature_of_rfc_8037_holds() {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let key = Jwk::from_json(&key).unwrap();
        let token = Compact::parse(EXAMPLE).unwrap();
        // It is no JSON, so that being believed ends here.
        assert_eq!(token.verify::<Value>(&key), Err(JwsError::Claims));
        let changed = EXAMPLE.replace("RXh", "RXg");
        assert_eq!(
            Compact::parse(&changed).unwrap().verify::<Value>(&key),
            Err(JwsError::Signature)
        );
    }

    #[test]
    fn tokens_without_signature_or_with_extensions_are_refused() {
        let none = format!("{}.e30.", BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#));
        assert_eq!(Compact::parse(&none).unwrap().algorithm(), Err(JwsError::Algorithm));
        let mac = format!("{}.e30.AA", BASE64URL_NOPAD.encode(br#"{"alg":"HS256"}"#));
        assert_eq!(Compact::parse(&mac).unwrap().algorithm(), Err(JwsError::Algorithm));
        let critical =
            format!("{}.e30.AA", BASE64URL_NOPAD.encode(br#"{"alg":"ES256","crit":["b64"]}"#));
        assert_eq!(Compact::parse(&critical).unwrap_err(), JwsError::Critical);
        for bad in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.e30"] {
            assert_eq!(Compact::parse(bad).unwrap_err(), JwsError::Malformed, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _read_or_refused = Compact::parse(&text);
        }

        #[test]
        fn any_parts_are_read_or_refused(header: Vec<u8>, payload: Vec<u8>) {
            let token = format!("{}.{}.AA", BASE64URL_NOPAD.encode(&header), BASE64URL_NOPAD.encode(&payload));
            if let Ok(token) = Compact::parse(&token) {
                let _read_or_refused = token.unverified::<Value>();
            }
        }
    }
}
