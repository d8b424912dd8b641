//! Renewal information (RFC 9773): when a client should renew a certificate, and which one an order replaces.
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

/// The longest part of an identifier, in bytes: RFC 5280 §4.1.2.2 allows a serial number 20.
const LONGEST: usize = 64;

/// A certificate by its authority's key and its serial number (§4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateId {
    /// The key identifier of the authority.
    authority: Vec<u8>,
    /// The serial number, as its DER has it.
    serial: Vec<u8>,
}

/// The text is not the identifier of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the identifier of a certificate: two parts in base64url with a dot between them are expected"
)]
pub struct InvalidCertificateId;

impl CertificateId {
    /// The identifier of a certificate in DER; none if it does not name its authority's key.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) =
            x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
        let authority = certificate.extensions().iter().find_map(|it| {
            let ParsedExtension::AuthorityKeyIdentifier(id) = it.parsed_extension() else {
                return None;
            };
            id.key_identifier.as_ref()
        })?;
        Some(Self { authority: authority.0.to_vec(), serial: certificate.raw_serial().to_vec() })
    }

    /// The serial number in hexadecimal digits without leading zeros, as certificates are kept by.
    pub fn serial(&self) -> String {
        let text = data_encoding::HEXLOWER.encode(&self.serial);
        text.trim_start_matches('0').to_owned()
    }
}

impl FromStr for CertificateId {
    type Err = InvalidCertificateId;

    fn from_str(text: &str) -> Result<Self, InvalidCertificateId> {
        let (authority, serial) = text.split_once('.').ok_or(InvalidCertificateId)?;
        let decode = |part: &str| {
            let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok();
            let bytes = bytes.filter(|bytes| (1..=LONGEST).contains(&bytes.len()));
            bytes.ok_or(InvalidCertificateId)
        };
        Ok(Self { authority: decode(authority)?, serial: decode(serial)? })
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |part: &[u8]| BASE64URL_NOPAD.encode(part);
        write!(f, "{}.{}", encode(&self.authority), encode(&self.serial))
    }
}

/// When a certificate should be renewed: some time between its two instants, which a client chooses by chance, so that ten
/// thousand that were issued together are not renewed together. A revoked one: at once.
pub fn suggested_window(
    not_before: Timestamp,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
) -> (Timestamp, Timestamp) {
    if let Some(at) = revoked_at {
        return (at - SignedDuration::from_secs(1), at);
    }
    let seconds = expires_at.duration_since(not_before).as_secs().max(6);
    let start = not_before + SignedDuration::from_secs(seconds / 3 * 2);
    (start, start + SignedDuration::from_secs(seconds / 6))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::super::testing::NOW;
    use super::*;
    use crate::issuer::Issuer;
    use crate::key::Key;
    use crate::profile::Profile;

    #[test]
    fn the_example_of_rfc_9773_is_read() {
        let id: CertificateId = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap();
        assert_eq!(id.serial(), "87654321");
        assert_eq!(id.to_string(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        for wrong in ["", ".", "AA", "AA.", ".AA", "A.A", "AA.AA.AA", &"A".repeat(200)] {
            assert_eq!(wrong.parse::<CertificateId>(), Err(InvalidCertificateId), "{wrong}");
        }
    }

    #[test]
    fn our_certificates_have_identifiers_by_which_they_are_found() {
        let rng = &mut super::super::testing::rng();
        let (root, key) = (Key::generate().unwrap(), Key::generate().unwrap());
        let root = Issuer::root(&root, NOW, rng).unwrap();
        let profile = Profile::Server(vec!["a.example".parse().unwrap()]);
        let day = SignedDuration::from_hours(24);
        let certificate = root.issue(&profile, key.public_key(), day, NOW, rng).unwrap();
        let id = CertificateId::of(certificate.der()).unwrap();
        assert_eq!(id.serial(), certificate.serial());
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn certificates_are_renewed_in_their_last_third_and_revoked_ones_at_once() {
        let end = NOW + 6.hours();
        let (from, until) = suggested_window(NOW, end, None);
        assert_eq!((from, until), (NOW + 4.hours(), NOW + 5.hours()));
        let (from, until) = suggested_window(NOW, end, Some(NOW + 1.hour()));
        assert!(from < until && until <= NOW + 1.hour());
    }
}
