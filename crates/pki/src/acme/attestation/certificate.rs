//! The certificate of the key that attests (TCG EK and AK credential profiles; WebAuthn Level 3 §8.3.1).
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::asn1_rs::{FromDer as _, Oid, Sequence};

use super::AttestationError;
use super::tpm::Signature;
use crate::acme::Identifier;

/// tcg-kp-AIKCertificate, 2.23.133.8.3: what the certificate must be for.
const AIK: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x03];
const AIK_TEXT: &str = "2.23.133.8.3";
/// id-on-permanentIdentifier (RFC 4043).
const PERMANENT: &str = "1.3.6.1.5.5.7.8.3";
/// id-on-hardwareModuleName (RFC 4108 §5).
const HARDWARE: &str = "1.3.6.1.5.5.7.8.4";

/// A certified attestation key.
pub(super) struct AttestationKey {
    /// The bits of its public key.
    key: Vec<u8>,
    /// What the certificate calls the device.
    pub(super) identifiers: Vec<Identifier>,
}

/// Verifies a chain up to a root, and reads the key.
pub(super) fn verify(
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    now: Timestamp,
) -> Result<AttestationKey, AttestationError> {
    verify_path(chain, roots, now, AIK)?;
    read(chain.first().ok_or(AttestationError::Malformed)?)
}

/// Verifies the path of a chain, the leaf first, up to one of the roots (RFC 5280 §6), for `purpose`, an extended key usage (an
/// object identifier in DER, without tag and length). No name is looked at.
pub fn verify_path(
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    now: Timestamp,
    purpose: &'static [u8],
) -> Result<(), AttestationError> {
    if roots.is_empty() {
        return Err(AttestationError::NoRoots);
    }
    let untrusted = |_: webpki::Error| AttestationError::Certificate;
    let (leaf, above) = chain.split_first().ok_or(AttestationError::Malformed)?;
    let roots: Vec<_> = roots.iter().map(|root| CertificateDer::from(root.as_slice())).collect();
    let anchors: Result<Vec<_>, _> = roots.iter().map(anchor_from_trusted_cert).collect();
    let above: Vec<_> = above.iter().map(|it| CertificateDer::from(it.as_slice())).collect();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let der = CertificateDer::from(leaf.as_slice());
    EndEntityCert::try_from(&der)
        .map_err(untrusted)?
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors.map_err(untrusted)?,
            &above,
            time,
            KeyUsage::required_if_present(purpose),
            None,
            None,
        )
        .map(drop)
        .map_err(untrusted)
}

fn read(leaf: &[u8]) -> Result<AttestationKey, AttestationError> {
    let (_, certificate) =
        X509Certificate::from_der(leaf).map_err(|_| AttestationError::Certificate)?;
    let usages = certificate.extended_key_usage().ok().flatten();
    let is_for_attestation = usages
        .is_some_and(|usages| usages.value.other.iter().any(|it| it.to_id_string() == AIK_TEXT));
    if !is_for_attestation || certificate.is_ca() {
        return Err(AttestationError::Certificate);
    }
    let names = certificate.extensions().iter().find_map(|it| {
        let ParsedExtension::SubjectAlternativeName(names) = it.parsed_extension() else {
            return None;
        };
        Some(&names.general_names)
    });
    let identifiers = names.into_iter().flatten().filter_map(|name| {
        let GeneralName::OtherName(kind, value) = name else { return None };
        identifier(&kind.to_id_string(), value)
    });
    let key = certificate.public_key().subject_public_key.as_ref().to_vec();
    Ok(AttestationKey { key, identifiers: identifiers.collect() })
}

/// The identifier of an other name; `value` is `[0] EXPLICIT`.
fn identifier(kind: &str, value: &[u8]) -> Option<Identifier> {
    let inner = explicit(value)?;
    let (_, sequence) = Sequence::from_der(inner).ok()?;
    let (mut text, mut oid) = (None, None);
    let mut rest: &[u8] = sequence.content.as_ref();
    while !rest.is_empty() {
        let (after, any) = x509_parser::asn1_rs::Any::from_der(rest).ok()?;
        match any.tag().0 {
            // UTF8String, OCTET STRING
            12 | 4 => text = std::str::from_utf8(any.data).ok(),
            6 => oid = Oid::from_der(rest).ok().map(|(_, oid)| oid.to_id_string()),
            _ => return None,
        }
        rest = after;
    }
    let text = match (text?, oid) {
        (text, Some(oid)) => format!("{text}/{oid}"),
        (text, None) => text.to_owned(),
    };
    match kind {
        PERMANENT => Identifier::parse("permanent-identifier", &text).ok(),
        HARDWARE => Identifier::parse("hardware-module", &text).ok(),
        _ => None,
    }
}

/// The content of `[0] EXPLICIT` with a definite length.
fn explicit(value: &[u8]) -> Option<&[u8]> {
    let (_, any) = x509_parser::asn1_rs::Any::from_der(value).ok()?;
    (any.tag().0 == 0).then_some(any.data)
}

impl AttestationKey {
    /// Whether the key signed a statement.
    pub(super) fn check(&self, statement: &[u8], signature: &[u8]) -> Result<(), AttestationError> {
        let verified = match Signature::parse(signature)? {
            Signature::Ecdsa(signature) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key)
                    .verify(statement, &signature)
            }
            Signature::Rsassa(signature) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key)
                    .verify(statement, signature)
            }
        };
        verified.map_err(|_| AttestationError::Signature)
    }
}
