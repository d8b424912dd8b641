//! PEM (RFC 7468), so that operators can look at the files with the tools they know.
use data_encoding::BASE64;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

const LINE: usize = 64;

/// Writes `der` as PEM. The text is wiped on drop.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / LINE + 80));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// Reads a certificate.
pub(crate) fn certificate(text: &[u8]) -> Option<Vec<u8>> {
    CertificateDer::from_pem_slice(text).ok().map(|der| der.to_vec())
}

/// Reads a private key in PKCS#8.
pub(crate) fn private_key(text: &[u8]) -> Option<Vec<u8>> {
    PrivatePkcs8KeyDer::from_pem_slice(text).ok().map(|der| der.secret_pkcs8_der().to_vec())
}

/// Reads the first part with a label, in DER.
pub(crate) fn decode(label: &str, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (base64, _) = after.split_once(&format!("-----END {label}-----"))?;
    let base64: Zeroizing<String> =
        Zeroizing::new(base64.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    BASE64.decode(base64.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [1, 47, 48, 49, 500] {
            let der = vec![7; length];
            assert_eq!(certificate(encode("CERTIFICATE", &der).as_bytes()), Some(der.clone()));
            assert_eq!(private_key(encode("PRIVATE KEY", &der).as_bytes()), Some(der));
        }
        assert_eq!(certificate(b"nonsense"), None);
        let text = encode("ENCRYPTED PRIVATE KEY", &[1, 2, 3]);
        let decoded = decode("ENCRYPTED PRIVATE KEY", text.as_bytes()).unwrap();
        assert_eq!(decoded.as_slice(), [1, 2, 3]);
        assert_eq!(decode("PRIVATE KEY", text.as_bytes()), None);
    }
}
