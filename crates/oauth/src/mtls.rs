//! Certificates of clients (RFC 8705).
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;

/// A certificate that the TLS layer verified: what tokens and registrations compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 over its DER form.
    pub digest: Digest,
    /// DNS names in `subjectAltName`.
    pub dns_names: Vec<String>,
    /// URIs in `subjectAltName`: a SPIFFE ID, for instance.
    pub uris: Vec<String>,
}

impl Certificate {
    /// A certificate in DER form, its names still to be filled in.
    pub fn of(der: &[u8]) -> Self {
        Self { digest: Digest::of(&[der]), dns_names: Vec::new(), uris: Vec::new() }
    }

    /// `x5t#S256` (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> String {
        BASE64URL_NOPAD.encode(self.digest.as_bytes())
    }

    /// Whether it is the certificate that a token is bound to. Constant time.
    pub fn is(&self, thumbprint: &str) -> bool {
        let decoded = BASE64URL_NOPAD.decode(thumbprint.as_bytes()).ok();
        decoded.and_then(|bytes| Digest::try_from(bytes.as_slice()).ok()) == Some(self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_known_by_its_thumbprint() {
        let certificate = Certificate::of(b"abc");
        assert_eq!(certificate.thumbprint(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert!(certificate.is("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"));
        assert!(
            !certificate.is("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa1") && !certificate.is("")
        );
    }
}
