//! Certificate revocation lists (RFC 5280 §5), whole or a part of what an authority issued.
use imp_identity::device::CertificateRevocation;
use jiff::Timestamp;
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope,
    KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};

use crate::issuer::{IssueError, Issuer, second};

/// A certificate that no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedSerial {
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: CertificateRevocation,
}

/// What a list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlOrder<'a> {
    /// Greater than in every list of this scope before (RFC 5280 §5.2.3).
    pub number: u64,
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is there at the latest.
    pub next_update: Timestamp,
    /// With partitions: where this one is found, as in the certificates that it is about (RFC 5280 §5.2.5).
    pub partition_url: Option<&'a str>,
    /// What no longer counts.
    pub revoked: &'a [RevokedSerial],
}

impl Issuer {
    /// Signs a list of what this authority issued and no longer counts, in DER.
    pub fn crl(&self, order: &CrlOrder<'_>) -> Result<Vec<u8>, IssueError> {
        let revoked_certs = order.revoked.iter().map(entry).collect::<Result<_, _>>()?;
        let partition = order.partition_url.map(|url| CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec![url.to_owned()] },
            scope: Some(CrlScope::UserCertsOnly),
        });
        let params = CertificateRevocationListParams {
            this_update: second!(order.this_update),
            next_update: second!(order.next_update),
            crl_number: SerialNumber::from(order.number),
            issuing_distribution_point: partition,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(self.signing()).map_err(IssueError::Sign)?;
        Ok(list.der().to_vec())
    }
}

fn entry(revoked: &RevokedSerial) -> Result<RevokedCertParams, IssueError> {
    let digits = revoked.serial.as_str();
    let padded =
        if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = padded.as_bytes().chunks(2).map(byte).collect();
    let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or(IssueError::Serial)?;
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(&bytes),
        revocation_time: second!(revoked.at),
        reason_code: Some(reason(revoked.reason)),
        invalidity_date: None,
    })
}

/// RFC 5280 §5.3.1; rcgen leaves `unspecified` out, as it should be.
const fn reason(reason: CertificateRevocation) -> RevocationReason {
    match reason {
        CertificateRevocation::Unspecified => RevocationReason::Unspecified,
        CertificateRevocation::KeyCompromise => RevocationReason::KeyCompromise,
        CertificateRevocation::AffiliationChanged => RevocationReason::AffiliationChanged,
        CertificateRevocation::Superseded => RevocationReason::Superseded,
        CertificateRevocation::CessationOfOperation => RevocationReason::CessationOfOperation,
        CertificateRevocation::CertificateHold => RevocationReason::CertificateHold,
        CertificateRevocation::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::tests::{Authorities, authorities, now, rng};
    use jiff::ToSpan as _;
    use x509_parser::prelude::FromDer as _;
    use x509_parser::revocation_list::CertificateRevocationList;

    #[test]
    fn a_list_names_what_no_longer_counts_and_is_signed_by_the_issuer() {
        let Authorities { issuing, .. } = authorities(&mut rng());
        let revoked = [
            RevokedSerial {
                serial: "41ff00".to_owned(),
                at: now(),
                reason: CertificateRevocation::KeyCompromise,
            },
            RevokedSerial {
                serial: "7f1".to_owned(),
                at: now(),
                reason: CertificateRevocation::CertificateHold,
            },
        ];
        let order = CrlOrder {
            number: 7,
            this_update: now(),
            next_update: now() + 24.hours(),
            partition_url: Some("http://pki.example/crl/aa/0.crl"),
            revoked: &revoked,
        };
        let der = issuing.crl(&order).unwrap();
        let (rest, list) = CertificateRevocationList::from_der(&der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(list.crl_number().unwrap().to_string(), "7");
        let serials: Vec<_> =
            list.iter_revoked_certificates().map(|entry| entry.serial().to_str_radix(16)).collect();
        assert_eq!(serials, ["41ff00", "7f1"]);
        let reasons: Vec<_> = list
            .iter_revoked_certificates()
            .map(|entry| entry.reason_code().unwrap().1.0)
            .collect();
        assert_eq!(reasons, [1, 6]);
        let issuer = issuing.certificate().der().to_vec();
        let (_, issuer) = x509_parser::parse_x509_certificate(&issuer).unwrap();
        list.verify_signature(issuer.public_key()).unwrap();
        assert_eq!(list.issuer(), issuer.subject());
    }

    #[test]
    fn what_is_no_serial_number_is_not_listed() {
        let Authorities { issuing, .. } = authorities(&mut rng());
        for serial in ["", "xyz", "ä"] {
            let revoked = [RevokedSerial {
                serial: serial.to_owned(),
                at: now(),
                reason: CertificateRevocation::Unspecified,
            }];
            let order = CrlOrder {
                number: 1,
                this_update: now(),
                next_update: now() + 1.hour(),
                partition_url: None,
                revoked: &revoked,
            };
            assert!(matches!(issuing.crl(&order), Err(IssueError::Serial)), "{serial:?}");
        }
    }
}
