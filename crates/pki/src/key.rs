//! Keys. Our own, and those of phones and workstations, are P-256 (FIPS 186-5): the one kind that all their hardware can
//! keep. Devices bring what they have: P-256, P-384, Ed25519 (RFC 8410), RSA.
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use imp_identity::Secret;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use rustls_pki_types::PrivatePkcs8KeyDer;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The shortest modulus of an RSA key, in bits (SP 800-57 part 1 rev. 5, table 2: 112 bits of security).
pub const RSA_SHORTEST: usize = 2048;
/// The longest modulus of an RSA key, in bits: longer ones cost whoever verifies.
pub const RSA_LONGEST: usize = 8192;

/// A private key of an authority or of a server. Printed as `[redacted]`, wiped on drop.
#[derive(Clone, Debug)]
pub struct Key {
    pkcs8: Secret<Vec<u8>>,
    public: PublicKey,
}

/// A public key: a `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1), in its one canonical form, so that equal keys are equal
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>, KeyKind);

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256 (RFC 5480).
    P256,
    /// ECDSA on P-384 (RFC 5480).
    P384,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// RSA (RFC 8017) of 2048 to 8192 bits.
    Rsa,
}

/// The text is not a kind of key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of key: p256, p384, ed25519 or rsa is expected")]
pub struct InvalidKeyKind;

/// The bytes are not a key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("not a P-256 private key in PKCS#8")]
    Private,
    /// Not a public key, or one of another kind.
    #[error("not a P-256 public key")]
    Public,
    /// Not a public key that a device may have.
    #[error(
        "not a public key that a device may have: P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits"
    )]
    Device,
    /// The generator failed.
    #[error("no key could be generated")]
    Generate,
}

impl Key {
    /// A new key from the cryptographic library's own generator.
    pub fn generate() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        Self::from_pkcs8(pkcs8.map_err(|_| KeyError::Generate)?.as_ref().to_vec())
    }

    /// Reads PKCS#8 in DER (RFC 5958).
    pub fn from_pkcs8(der: Vec<u8>) -> Result<Self, KeyError> {
        let pkcs8 = Secret::new(der);
        let pair = pair(&pkcs8)?;
        let public = PublicKey::from_spki(&pair.subject_public_key_info())?;
        Ok(Self { pkcs8, public })
    }

    /// PKCS#8 in DER.
    pub fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, KeyError> {
        pair(&self.pkcs8)
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`; only an uncompressed P-256 point is accepted.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let key = Self::of_device(der).map_err(|_| KeyError::Public)?;
        if key.1 == KeyKind::P256 { Ok(key) } else { Err(KeyError::Public) }
    }

    /// Reads a `SubjectPublicKeyInfo` of any kind that a device may have.
    pub fn of_device(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Device)?;
        let kind = kind(&info).filter(|_| rest.is_empty()).ok_or(KeyError::Device)?;
        let canonical = rcgen::SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Device)?;
        if canonical.subject_public_key_info() != der {
            return Err(KeyError::Device);
        }
        Ok(Self(der.to_vec(), kind))
    }

    /// What kind of key it is.
    pub const fn kind(&self) -> KeyKind {
        self.1
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn as_spki(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn subject(&self) -> Result<rcgen::SubjectPublicKeyInfo, KeyError> {
        rcgen::SubjectPublicKeyInfo::from_der(&self.0).map_err(|_| KeyError::Public)
    }
}

/// The kind of a key that is well formed and strong enough.
fn kind(info: &SubjectPublicKeyInfo<'_>) -> Option<KeyKind> {
    let point = info.subject_public_key.as_ref();
    let uncompressed = |length| point.len() == length && point.first() == Some(&4);
    let algorithm = &info.algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok())?;
        return match curve {
            curve if curve == OID_EC_P256 && uncompressed(65) => Some(KeyKind::P256),
            curve if curve == OID_NIST_EC_P384 && uncompressed(97) => Some(KeyKind::P384),
            _ => None,
        };
    }
    if *algorithm == OID_SIG_ED25519 {
        return (point.len() == 32).then_some(KeyKind::Ed25519);
    }
    if *algorithm != OID_PKCS1_RSAENCRYPTION {
        return None;
    }
    let Ok(Parsed::RSA(rsa)) = info.parsed() else { return None };
    let exponent = rsa.try_exponent().ok()?;
    let fits = (RSA_SHORTEST..=RSA_LONGEST).contains(&rsa.key_size());
    // FIPS 186-5 §5.1: odd, and at least 65,537.
    (fits && exponent % 2 == 1 && exponent >= 65_537).then_some(KeyKind::Rsa)
}

impl KeyKind {
    /// The word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for KeyKind {
    type Err = InvalidKeyKind;

    fn from_str(text: &str) -> Result<Self, InvalidKeyKind> {
        let kinds = [Self::P256, Self::P384, Self::Ed25519, Self::Rsa];
        kinds.into_iter().find(|kind| kind.code() == text).ok_or(InvalidKeyKind)
    }
}

fn pair(pkcs8: &Secret<Vec<u8>>) -> Result<KeyPair, KeyError> {
    let der = PrivatePkcs8KeyDer::from(pkcs8.expose().as_slice());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
        .map_err(|_| KeyError::Private)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::tlv;

    #[test]
    fn a_key_survives_its_stored_form() {
        let key = Key::generate().unwrap();
        let again = Key::from_pkcs8(key.pkcs8().expose().clone()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert!(format!("{key:?}").contains("pkcs8: [redacted]"));
    }

    #[test]
    fn only_p256_keys_are_read() {
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(PublicKey::from_spki(&other.subject_public_key_info()), Err(KeyError::Public));
        assert!(matches!(Key::from_pkcs8(other.serialize_der()), Err(KeyError::Private)));
        let mut trailing = Key::generate().unwrap().public_key().as_spki().to_vec();
        trailing.push(0);
        for wrong in [&trailing[..], &trailing[..90], &[]] {
            assert_eq!(PublicKey::from_spki(wrong), Err(KeyError::Public));
        }
    }

    #[test]
    fn devices_may_have_other_keys_but_no_weak_ones() {
        for (algorithm, kind) in [
            (&PKCS_ECDSA_P256_SHA256, KeyKind::P256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, KeyKind::P384),
            (&rcgen::PKCS_ED25519, KeyKind::Ed25519),
        ] {
            let spki = KeyPair::generate_for(algorithm).unwrap().subject_public_key_info();
            assert_eq!(PublicKey::of_device(&spki).unwrap().kind(), kind);
            assert_eq!(kind.code().parse(), Ok(kind));
        }
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let refused = PublicKey::of_device(&other.subject_public_key_info());
        assert_eq!(refused, Err(KeyError::Device));
        assert_eq!(PublicKey::of_device(&rsa(2048, 65_537)).unwrap().kind(), KeyKind::Rsa);
        for weak in [rsa(1024, 65_537), rsa(2047, 65_537), rsa(2048, 3), rsa(2048, 65_538)] {
            assert_eq!(PublicKey::of_device(&weak), Err(KeyError::Device));
        }
    }

    /// A `SubjectPublicKeyInfo` of RSA with a modulus of `bits` bits that are all set.
    fn rsa(bits: usize, exponent: u64) -> Vec<u8> {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] >>= (8 - bits % 8) % 8;
        if bits.is_multiple_of(8) {
            modulus.insert(0, 0);
        }
        let bytes = exponent.to_be_bytes();
        let first = bytes.iter().position(|b| *b != 0).unwrap();
        let numbers = [tlv(0x02, &modulus), tlv(0x02, &bytes[first..])].concat();
        let key = [vec![0], tlv(0x30, &numbers)].concat();
        let algorithm = [tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), tlv(5, &[])];
        tlv(0x30, &[tlv(0x30, &algorithm.concat()), tlv(0x03, &key)].concat())
    }
}
