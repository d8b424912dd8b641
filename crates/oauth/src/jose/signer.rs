//! Keys that sign tokens.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Secret;
use serde::Serialize;

use super::{Algorithm, Jwk, jws};

/// A private key. Its `kid` is the thumbprint of its public half.
#[derive(Debug)]
pub struct SigningKey {
    pair: Pair,
    public: Jwk,
    id: String,
}

#[derive(Debug)]
enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key could not be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The library made none.
    #[error("could not make a signing key")]
    Generate,
    /// The server does not sign with this algorithm.
    #[error("the server signs with ES256 and EdDSA only")]
    Algorithm,
    /// The PKCS#8 document holds no key of the algorithm.
    #[error("the stored signing key is malformed")]
    Malformed,
    /// The signature was not made.
    #[error("could not sign")]
    Sign,
}

#[derive(Serialize)]
struct OwnHeader<'a> {
    alg: &'static str,
    typ: &'a str,
    kid: &'a str,
}

impl SigningKey {
    /// A fresh key as a PKCS#8 document, made by aws-lc-rs with its own generator, as keys are.
    pub fn generate(algorithm: Algorithm) -> Result<Secret<Vec<u8>>, SigningKeyError> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            Algorithm::Es384
            | Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Ps256
            | Algorithm::Ps384 => {
                return Err(SigningKeyError::Algorithm);
            }
        };
        document
            .map(|document| Secret::new(document.as_ref().to_vec()))
            .map_err(|_| SigningKeyError::Generate)
    }

    /// Reads a PKCS#8 document.
    pub fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, SigningKeyError> {
        let malformed = |_| SigningKeyError::Malformed;
        let (pair, mut public) = match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document)
                    .map_err(malformed)?;
                let point = pair
                    .public_key()
                    .as_ref()
                    .try_into()
                    .map_err(|_| SigningKeyError::Malformed)?;
                (Pair::P256(pair), Jwk::p256(point))
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(document).map_err(malformed)?;
                let key = pair
                    .public_key()
                    .as_ref()
                    .try_into()
                    .map_err(|_| SigningKeyError::Malformed)?;
                (Pair::Ed25519(pair), Jwk::ed25519(key))
            }
            Algorithm::Es384
            | Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Ps256
            | Algorithm::Ps384 => {
                return Err(SigningKeyError::Algorithm);
            }
        };
        let id = public.thumbprint().to_string();
        public.id = Some(id.clone());
        Ok(Self { pair, public, id })
    }

    /// `kid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// With which it signs.
    pub const fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::P256(_) => Algorithm::Es256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The public half.
    pub const fn public(&self) -> &Jwk {
        &self.public
    }

    /// A signed token of a type: `at+jwt`, `JWT`, `logout+jwt`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SigningKeyError> {
        let header = OwnHeader { alg: self.algorithm().code(), typ, kid: &self.id };
        self.sign_parts(&header, claims)
    }

    /// A signed token with any header: what clients do (proofs of RFC 9449, assertions of RFC 7523).
    pub fn sign_parts(
        &self,
        header: &impl Serialize,
        claims: &impl Serialize,
    ) -> Result<String, SigningKeyError> {
        let mut token = jws::signing_input(header, claims).map_err(|_| SigningKeyError::Sign)?;
        let signature = match &self.pair {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), token.as_bytes())
                .map_err(|_| SigningKeyError::Sign)?,
            Pair::Ed25519(pair) => pair.sign(token.as_bytes()),
        };
        token.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::{Compact, JwkSet, JwsError};

    #[test]
    fn what_is_signed_is_verified_here_and_by_another_library() {
        for algorithm in Algorithm::SIGNING.iter().copied() {
            let document = SigningKey::generate(algorithm).unwrap();
            let key = SigningKey::from_pkcs8(algorithm, document.expose()).unwrap();
            let token = key.sign("at+jwt", &json!({"sub": "alice"})).unwrap();
            let claims: Value = Compact::parse(&token).unwrap().verify(key.public()).unwrap();
            assert_eq!(claims["sub"], "alice");

            let theirs: jsonwebtoken::jwk::Jwk =
                serde_json::from_value(key.public().to_json()).unwrap();
            let mut validation = jsonwebtoken::Validation::new(algorithm.code().parse().unwrap());
            validation.required_spec_claims.clear();
            let decoding = jsonwebtoken::DecodingKey::from_jwk(&theirs).unwrap();
            let decoded = jsonwebtoken::decode::<Value>(&token, &decoding, &validation).unwrap();
            assert_eq!(decoded.claims["sub"], "alice");
            assert_eq!(decoded.header.kid.as_deref(), Some(key.id()));
            assert_eq!(
                theirs.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(),
                key.id()
            );
        }
    }

    #[test]
    fn another_key_verifies_nothing() {
        let make = |algorithm| {
            let document = SigningKey::generate(algorithm).unwrap();
            SigningKey::from_pkcs8(algorithm, document.expose()).unwrap()
        };
        let (one, two, other) =
            (make(Algorithm::Es256), make(Algorithm::Es256), make(Algorithm::EdDsa));
        let token = one.sign("JWT", &json!({})).unwrap();
        let token = Compact::parse(&token).unwrap();
        assert_eq!(token.verify::<Value>(two.public()), Err(JwsError::Signature));
        assert_eq!(token.verify::<Value>(other.public()), Err(JwsError::Signature));
        let both = JwkSet(vec![two.public().clone(), one.public().clone()]);
        assert_eq!(token.verify_with::<Value>(&both), Ok(json!({})));
    }
}
