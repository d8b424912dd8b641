//! The certificate that proves a name by tls-alpn-01 (RFC 8737 §3; addresses: RFC 8738 §6).
use std::net::IpAddr;

use imp_identity::Digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use super::Identifier;

/// What the connection is to agree on (ALPN).
pub const PROTOCOL: &[u8] = b"acme-tls/1";
/// The extension with the digest of the key authorization: id-pe-acmeIdentifier.
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// The certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a certificate.
    #[error("the certificate cannot be read")]
    Malformed,
    /// It is for something else, or for more.
    #[error("the certificate's only name is not the one that is to be proven")]
    Name,
    /// It does not have the extension, or not as a critical one.
    #[error("the certificate has no critical acmeIdentifier extension")]
    Extension,
    /// It is another account's answer, or one to another challenge.
    #[error("the certificate holds another key authorization")]
    Digest,
}

/// The key of a certificate, a `SubjectPublicKeyInfo` in DER: libraries of TLS do not read certificates with a critical extension
/// that they do not know.
pub fn key(certificate: &[u8]) -> Result<Vec<u8>, ProofError> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| ProofError::Malformed)?;
    Ok(certificate.public_key().raw.to_vec())
}

/// Checks the certificate that a device showed for `identifier`.
pub fn check(
    certificate: &[u8],
    identifier: &Identifier,
    digest: &Digest,
) -> Result<(), ProofError> {
    let (rest, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| ProofError::Malformed)?;
    if !rest.is_empty() {
        return Err(ProofError::Malformed);
    }
    let names = certificate.extensions().iter().find_map(|it| {
        let ParsedExtension::SubjectAlternativeName(names) = it.parsed_extension() else {
            return None;
        };
        Some(&names.general_names)
    });
    let is_it = |name: &GeneralName<'_>| match (name, identifier) {
        (GeneralName::DNSName(text), Identifier::Dns { name, wildcard: false }) => {
            text.eq_ignore_ascii_case(name)
        }
        (GeneralName::IPAddress(bytes), Identifier::Ip(IpAddr::V4(address))) => {
            *bytes == address.octets()
        }
        (GeneralName::IPAddress(bytes), Identifier::Ip(IpAddr::V6(address))) => {
            *bytes == address.octets()
        }
        _ => false,
    };
    if !names.is_some_and(|names| names.len() == 1 && names.iter().all(is_it)) {
        return Err(ProofError::Name);
    }
    let proof = certificate.extensions().iter().find(|it| it.oid.to_id_string() == ACME_IDENTIFIER);
    let proof = proof.filter(|it| it.critical).ok_or(ProofError::Extension)?;
    // An OCTET STRING of 32 bytes.
    match proof.value.split_first_chunk::<2>() {
        Some((&[0x04, 0x20], value)) if Digest::try_from(value).is_ok_and(|it| it == *digest) => {
            Ok(())
        }
        Some((&[0x04, 0x20], _)) => Err(ProofError::Digest),
        _ => Err(ProofError::Extension),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, KeyPair};

    use super::*;

    fn proof(names: &[&str], digest: &Digest, critical: bool) -> Vec<u8> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let mut extension = CustomExtension::new_acme_identifier(digest.as_bytes());
        extension.set_criticality(critical);
        params.custom_extensions = vec![extension];
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_name_is_proven_by_a_certificate_for_it_alone() {
        let (digest, other) = (Digest::of(&[b"mine"]), Digest::of(&[b"yours"]));
        let name = Identifier::parse("dns", "a.example").unwrap();
        let address = Identifier::parse("ip", "192.0.2.1").unwrap();
        assert_eq!(check(&proof(&["a.example"], &digest, true), &name, &digest), Ok(()));
        assert!(key(&proof(&["a.example"], &digest, true)).is_ok());
        assert_eq!(key(b"x"), Err(ProofError::Malformed));
        assert_eq!(check(&proof(&["192.0.2.1"], &digest, true), &address, &digest), Ok(()));
        for (certificate, why) in [
            (proof(&["b.example"], &digest, true), ProofError::Name),
            (proof(&["a.example", "b.example"], &digest, true), ProofError::Name),
            (proof(&[], &digest, true), ProofError::Name),
            (proof(&["a.example"], &digest, false), ProofError::Extension),
            (proof(&["a.example"], &other, true), ProofError::Digest),
            (vec![], ProofError::Malformed),
        ] {
            assert_eq!(check(&certificate, &name, &digest), Err(why));
        }
    }
}
