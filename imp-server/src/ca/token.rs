//! The root's key in a token, by PKCS#11 (OASIS PKCS #11 2.40): it signs there and cannot be taken out.
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use cryptoki::context::{CInitializeArgs, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use imp_identity::{Digest, Secret};
use imp_pki::{ExternalKey, ExternalKeyError, Key, PublicKey};

/// `prime256v1` (RFC 5480 §2.1.1.1), in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// How the key is called in the token.
const LABEL: &[u8] = b"imp root";
/// The last bytes of a P-256 `SubjectPublicKeyInfo` are its point.
const POINT: usize = 65;

/// Which token.
pub(crate) struct TokenAddress {
    /// Its PKCS#11 module.
    pub(crate) module: PathBuf,
    /// Its label.
    pub(crate) label: String,
    /// The user's PIN.
    pub(crate) pin: Secret<String>,
}

/// A key in a token, ready to sign.
pub(crate) struct Token {
    session: Mutex<Session>,
    key: ObjectHandle,
    public_key: PublicKey,
}

/// The token cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// There is no such token.
    #[error("no token is called `{0}`")]
    NoToken(String),
    /// The token has another key, or none.
    #[error("the token does not have the root's key")]
    NoKey,
    /// The token has a key of that name.
    #[error("the token has the root's key already")]
    Known,
    /// The key cannot be written into a token.
    #[error("the key cannot be moved to a token")]
    Key,
    /// What the token signed does not verify.
    #[error("what the token signed does not verify: the key stays where it is")]
    Signature,
    /// See the source.
    #[error("the token failed")]
    Token(#[from] cryptoki::error::Error),
}

impl Token {
    /// Opens the token that has the key with a public half.
    pub(crate) fn open(address: &TokenAddress, key: &PublicKey) -> Result<Self, TokenError> {
        let session = session(address)?;
        let found = session.find_objects(&template(key))?;
        let key_handle = *found.first().ok_or(TokenError::NoKey)?;
        Ok(Self { session: Mutex::new(session), key: key_handle, public_key: key.clone() })
    }

    /// Writes a key into the token, where it stays, and makes sure that it signs.
    pub(crate) fn store(address: &TokenAddress, key: &Key) -> Result<(), TokenError> {
        let pkcs8 = key.pkcs8().expose();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        let pair = pair.map_err(|_| TokenError::Key)?;
        let scalar: EcPrivateKeyBin<'_> =
            pair.private_key().as_be_bytes().map_err(|_| TokenError::Key)?;
        let session = session(address)?;
        let mut whole = template(key.public_key());
        if !session.find_objects(&whole)?.is_empty() {
            return Err(TokenError::Known);
        }
        whole.extend([
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Label(LABEL.to_vec()),
            Attribute::EcParams(P256.to_vec()),
            Attribute::Value(scalar.as_ref().to_vec()),
        ]);
        let handle = session.create_object(&whole)?;
        let public_key = key.public_key().clone();
        let token = Self { session: Mutex::new(session), key: handle, public_key };
        let message = b"imp: does the token sign?";
        let signature = token.sign(message).map_err(|_| TokenError::Signature)?;
        let spki = token.public_key.as_spki();
        let point = spki.len().checked_sub(POINT).and_then(|at| spki.get(at..));
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point.unwrap_or_default());
        verifier.verify(message, &signature).map_err(|_| TokenError::Signature)
    }
}

impl ExternalKey for Token {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalKeyError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = digest(&SHA256, message);
        let signature = session
            .sign(&Mechanism::Ecdsa, self.key, hash.as_ref())
            .map_err(|error| ExternalKeyError(error.to_string()))?;
        asn1(&signature).ok_or_else(|| ExternalKeyError("a signature of another length".to_owned()))
    }
}

/// A session of the user with the token.
fn session(address: &TokenAddress) -> Result<Session, TokenError> {
    let module = Pkcs11::new(&address.module)?;
    module.initialize(CInitializeArgs::OsThreads)?;
    for slot in module.get_slots_with_token()? {
        if module.get_token_info(slot)?.label() == address.label {
            let session = module.open_rw_session(slot)?;
            let pin = AuthPin::new(address.pin.expose().clone());
            session.login(UserType::User, Some(&pin))?;
            return Ok(session);
        }
    }
    Err(TokenError::NoToken(address.label.clone()))
}

/// What finds the key: its identifier is the beginning of the digest of its public half.
fn template(key: &PublicKey) -> Vec<Attribute> {
    let digest = Digest::of(&[key.as_spki()]);
    let id = digest.as_bytes().get(..20).unwrap_or_default().to_vec();
    vec![
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::EC),
        Attribute::Id(id),
    ]
}

/// r and s, one after the other, as `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
fn asn1(signature: &[u8]) -> Option<Vec<u8>> {
    if signature.len() != 64 {
        return None;
    }
    let mut numbers = vec![];
    for number in signature.chunks(32) {
        let first = number.iter().position(|byte| *byte != 0)?;
        let digits = number.get(first..)?;
        let sign = digits.first().is_some_and(|byte| byte & 0x80 != 0);
        numbers.extend([0x02, u8::try_from(digits.len()).ok()? + u8::from(sign)]);
        numbers.extend(sign.then_some(0));
        numbers.extend_from_slice(digits);
    }
    let mut out = vec![0x30, u8::try_from(numbers.len()).ok()?];
    out.extend(numbers);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_take_their_shortest_form() {
        let mut raw = [0; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let mut expected = vec![0x30, 3 + 35, 0x02, 1, 1, 0x02, 33, 0, 0x80];
        expected.extend([0; 31]);
        assert_eq!(asn1(&raw).unwrap(), expected);
        assert_eq!(asn1(&raw[1..]), None);
        assert_eq!(asn1(&[0; 64]), None, "zero is no signature");
    }
}
