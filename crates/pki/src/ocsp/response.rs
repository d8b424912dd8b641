//! What is answered.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use der::asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use imp_identity::device::CertificateRevocation;
use jiff::{SignedDuration, Timestamp};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspResponse, ResponderId, ResponseData,
    RevokedInfo, SingleResponse,
};

use super::request::{CertificateId, IssuerId, NONCE, OcspRequest};
use crate::certificate::Certificate;
use crate::key::Key;

/// ecdsa-with-SHA256
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was issued here and counts.
    Good,
    /// It counts no longer, or is held.
    Revoked {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: CertificateRevocation,
    },
    /// It was never issued here, or ended so long ago that it was forgotten.
    Unknown,
}

/// When an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The instant at which it was so.
    pub this_update: Timestamp,
    /// When there will be a newer answer.
    pub next_update: Timestamp,
}

/// Why there is no answer (RFC 6960 §4.2.1). Nobody signs these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspRefusal {
    /// The request cannot be read.
    MalformedRequest,
    /// Something went wrong here.
    InternalError,
    /// Too much is asked at this moment.
    TryLater,
    /// The certificates are not of an authority that is answered for here (RFC 5019 §2.2.3).
    Unauthorized,
}

/// Who signs answers: a certificate of the authority itself that is for nothing else (RFC 6960 §4.2.2.2).
pub struct ResponseSigner {
    pair: EcdsaKeyPair,
    id: OctetString,
    certificate: x509_cert::Certificate,
}

/// An answer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OcspError {
    /// The signer's certificate or key cannot be used.
    #[error("the signer's certificate or key cannot be used")]
    Signer,
    /// It cannot be written in DER.
    #[error("the answer cannot be encoded")]
    Encode(#[from] der::Error),
    /// The signature failed.
    #[error("the answer could not be signed")]
    Sign,
}

impl OcspRefusal {
    /// The whole answer: `OCSPResponse` with a status and nothing else.
    pub fn der(self) -> [u8; 5] {
        let status = match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        [0x30, 0x03, 0x0a, 0x01, status]
    }
}

impl ResponseSigner {
    /// Signs with `key`, whose `certificate` the authority has issued for it.
    pub fn new(certificate: &Certificate, key: &Key) -> Result<Self, OcspError> {
        let pkcs8 = key.pkcs8().expose();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
            .map_err(|_| OcspError::Signer)?;
        let id = IssuerId::of(certificate).map_err(|_| OcspError::Signer)?;
        let id = OctetString::new(id.key_hash())?;
        let certificate = x509_cert::Certificate::from_der(certificate.der())?;
        Ok(Self { pair, id, certificate })
    }

    /// Answers each question of one authority. With `request`, its nonce is in the answer; without, the answer may be kept
    /// and given to anybody.
    pub fn answer(
        &self,
        standings: &[(&CertificateId, Standing)],
        validity: Validity,
        request: Option<&OcspRequest>,
    ) -> Result<Vec<u8>, OcspError> {
        let this_update = time(validity.this_update)?;
        let next_update = Some(time(validity.next_update)?);
        let single = |(id, standing): &(&CertificateId, Standing)| {
            Ok(SingleResponse {
                cert_id: id.0.clone(),
                cert_status: status(*standing)?,
                this_update,
                next_update,
                single_extensions: None,
            })
        };
        let data = ResponseData {
            version: x509_ocsp::Version::V1,
            responder_id: ResponderId::ByKey(self.id.clone()),
            produced_at: this_update,
            responses: standings.iter().map(single).collect::<Result<_, OcspError>>()?,
            response_extensions: request.and_then(OcspRequest::nonce).map(nonce).transpose()?,
        };
        let signature =
            self.pair.sign(&SystemRandom::new(), &data.to_der()?).map_err(|_| OcspError::Sign)?;
        let basic = BasicOcspResponse {
            tbs_response_data: data,
            signature_algorithm: AlgorithmIdentifierOwned { oid: ECDSA_SHA_256, parameters: None },
            signature: BitString::from_bytes(signature.as_ref())?,
            certs: Some(vec![self.certificate.clone()]),
        };
        Ok(OcspResponse::successful(basic)?.to_der()?)
    }
}

fn nonce(nonce: &OctetString) -> Result<Vec<Extension>, der::Error> {
    let extn_value = OctetString::new(nonce.to_der()?)?;
    Ok(vec![Extension { extn_id: NONCE, critical: false, extn_value }])
}

fn status(standing: Standing) -> Result<CertStatus, OcspError> {
    Ok(match standing {
        Standing::Good => CertStatus::good(),
        Standing::Unknown => CertStatus::unknown(),
        Standing::Revoked { at, reason } => CertStatus::Revoked(RevokedInfo {
            revocation_time: time(at)?,
            revocation_reason: code(reason),
        }),
    })
}

/// RFC 5280 §5.3.1, which wants `unspecified` left out.
const fn code(reason: CertificateRevocation) -> Option<CrlReason> {
    Some(match reason {
        CertificateRevocation::Unspecified => return None,
        CertificateRevocation::KeyCompromise => CrlReason::KeyCompromise,
        CertificateRevocation::AffiliationChanged => CrlReason::AffiliationChanged,
        CertificateRevocation::Superseded => CrlReason::Superseded,
        CertificateRevocation::CessationOfOperation => CrlReason::CessationOfOperation,
        CertificateRevocation::CertificateHold => CrlReason::CertificateHold,
        CertificateRevocation::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    })
}

/// Whole seconds: RFC 6960 §4.2.2.1 knows no others.
fn time(at: Timestamp) -> Result<OcspGeneralizedTime, der::Error> {
    let since = at.duration_since(Timestamp::UNIX_EPOCH).max(SignedDuration::ZERO);
    let seconds = u64::try_from(since.as_secs()).unwrap_or_default();
    let time = GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
    Ok(OcspGeneralizedTime(time))
}

impl std::fmt::Debug for ResponseSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseSigner").field("id", &self.id).finish_non_exhaustive()
    }
}
