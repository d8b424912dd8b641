//! The certificate of tls-alpn-01 (RFC 8737).
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use imp_pki::acme::{Identifier, KeyAuthorization, tls_alpn};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::validate::ValidationError;

/// Speaks TLS 1.3 with whoever has a key for the certificate that it shows; what the certificate says is looked at afterwards.
pub(super) fn connector() -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyProof(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![tls_alpn::PROTOCOL.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Looks whether the certificate at `address` proves `identifier`.
pub(super) async fn check(
    connector: &TlsConnector,
    address: SocketAddr,
    identifier: &Identifier,
    expected: &KeyAuthorization,
) -> Result<(), ValidationError> {
    let name = ServerName::try_from(asked(identifier)).map_err(|_| ValidationError::Kind)?;
    let stream = TcpStream::connect(address).await.map_err(ValidationError::Connect)?;
    let stream = connector.connect(name, stream).await.map_err(ValidationError::Tls)?;
    let (_, connection) = stream.get_ref();
    if connection.alpn_protocol() != Some(tls_alpn::PROTOCOL) {
        return Err(ValidationError::Protocol);
    }
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or(ValidationError::Protocol)?;
    Ok(tls_alpn::check(shown, identifier, &expected.digest())?)
}

/// Takes every certificate whose key the other side has. Such a certificate has an extension that libraries refuse to know.
#[derive(Debug)]
struct AnyProof(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyProof {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = tls_alpn::key(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(key);
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The name that is asked for: an address by its reverse name (RFC 8738 §6).
fn asked(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Ip(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Identifier::Ip(IpAddr::V6(address)) => {
            let digits = format!("{:032x}", address.to_bits());
            let digits: Vec<_> = digits.chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
        Identifier::Dns { .. }
        | Identifier::Permanent { .. }
        | Identifier::HardwareModule { .. } => identifier.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_by_their_reverse_names() {
        let asked = |kind, value| asked(&Identifier::parse(kind, value).unwrap());
        assert_eq!(asked("ip", "192.0.2.1"), "1.2.0.192.in-addr.arpa");
        let six = asked("ip", "2001:db8::567:89ab");
        assert!(six.starts_with("b.a.9.8.7.6.5.0.") && six.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"));
        assert_eq!(asked("dns", "pump.example"), "pump.example");
    }
}
