//! A client for what is signed in itself: logs and witnesses. It shows and checks no certificates, because whoever answers
//! can only hand out what the right key signed; TLS, if it is spoken, keeps others from reading along.
use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Asks logs and witnesses.
#[derive(Clone, Debug)]
pub(crate) struct Outside(reqwest::Client);

/// What came back, of at most the size that was allowed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Nothing usable came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutsideError {
    /// No connection, or it broke off.
    #[error("no answer from {host}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Longer than anything that was asked for.
    #[error("{host} answers with more than {most} bytes")]
    TooLong {
        /// Who was asked.
        host: String,
        /// The most that was expected, in bytes.
        most: usize,
    },
}

impl Outside {
    /// A client, for all of them.
    pub(crate) fn new() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("imp-server/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }

    /// Gets `url`; `most` bytes of answer at most.
    pub(crate) async fn get(&self, url: Url, most: usize) -> Result<Answer, OutsideError> {
        self.answer(self.0.get(url.clone()), &url, most).await
    }

    /// Posts text to `url`; `most` bytes of answer at most.
    pub(crate) async fn post(
        &self,
        url: Url,
        body: String,
        most: usize,
    ) -> Result<Answer, OutsideError> {
        self.answer(self.0.post(url.clone()).body(body), &url, most).await
    }

    async fn answer(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        most: usize,
    ) -> Result<Answer, OutsideError> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        let failed = |source: reqwest::Error| OutsideError::Unreachable {
            host: host(),
            source: source.without_url(),
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > most - body.len() {
                return Err(OutsideError::TooLong { host: host(), most });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }
}

/// Takes every certificate whose key the other side has.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
