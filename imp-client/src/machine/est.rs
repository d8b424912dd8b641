//! Enrolment over Secure Transport (EST, RFC 7030 with the corrections of RFC 8951), as its client: the authorities, the first certificate, the
//! next one. What is read is bounded in size and time.
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use data_encoding::BASE64;
use hyper_util::rt::TokioIo;
use imp_authenticator::tls::peer_of;
use imp_identity::Digest;
use imp_identity::invitation::Code;
use imp_identity::spiffe::Machine;
use jiff::{SignedDuration, Timestamp};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use imp_api::device::DeviceEnrolled;

mod certs_only;

use certs_only::certificates;

/// The longest answer that is read, in bytes: some dozen authorities.
const LONGEST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest line of text that is shown of a refusal, in characters.
const LONGEST_WORD: usize = 200;
/// As many issuers as a chain has at most.
const LONGEST_CHAIN: usize = 4;

/// A server that speaks EST.
pub struct EstClient {
    address: Url,
    host: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

/// What is asked for (RFC 7030 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A first certificate.
    SimpleEnroll,
    /// The next one.
    SimpleReenroll,
}

/// By what it is shown who asks.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// By HTTP Basic authentication (RFC 7617).
    Code {
        /// The device's identifier or serial number.
        name: &'a str,
        /// The technician's one-time code.
        code: &'a Code,
    },
    /// By the certificate that the connection shows.
    Tls,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A certificate, in DER.
    Issued(Vec<u8>),
    /// Somebody has to approve it: ask again later (RFC 7030 §4.2.3).
    Later,
}

/// EST did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EstError {
    /// The address is not one.
    #[error("`{0}` is not an https:// address")]
    Address(String),
    /// No connection, or not with a server that is trusted.
    #[error("the EST server cannot be reached, or is not the one that is trusted")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server said no.
    #[error("the EST server answered {status}: {said}")]
    Refused {
        /// HTTP's status.
        status: StatusCode,
        /// The line of text that came with it.
        said: String,
    },
    /// What it said cannot be read.
    #[error("the EST server's answer cannot be understood")]
    Answer,
    /// No way leads from the certificate to the root.
    #[error("the EST server did not name the authorities of the certificate")]
    Chain,
}

impl EstError {
    /// Whether it may go better in a while, without anybody doing something here.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Address(_) | Self::Answer | Self::Chain => false,
        }
    }
}

impl EstClient {
    /// Talks to the server at `address` (`https://host:port`), trusting and authenticating as `tls` says.
    pub fn new(address: &str, tls: ClientConfig) -> Result<Self, EstError> {
        let wrong = || EstError::Address(address.to_owned());
        let url: Url = address.parse().map_err(|_| wrong())?;
        let host = match url.host().filter(|_| url.scheme() == "https").ok_or_else(wrong)? {
            Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_| wrong())?,
            Host::Ipv4(address) => std::net::IpAddr::from(address).into(),
            Host::Ipv6(address) => std::net::IpAddr::from(address).into(),
        };
        Ok(Self { address: url, host, tls: Arc::new(tls) })
    }

    /// The authorities: roots, issuing ones, and what lies between (RFC 7030 §4.1), in DER.
    pub async fn authorities(&self) -> Result<Vec<Vec<u8>>, EstError> {
        let (_, body) = self.ask(Method::GET, "cacerts", None, String::new()).await?;
        list(&body)
    }

    /// Has `request` (PKCS#10 in DER) certified.
    pub async fn enrol(
        &self,
        operation: Operation,
        proof: Proof<'_>,
        request: &[u8],
    ) -> Result<Answer, EstError> {
        let operation = match operation {
            Operation::SimpleEnroll => "simpleenroll",
            Operation::SimpleReenroll => "simplereenroll",
        };
        let authorization = match proof {
            Proof::Tls => None,
            Proof::Code { name, code } => {
                let shown = format!("{name}:{}", code.expose());
                Some(format!("Basic {}", BASE64.encode(shown.as_bytes())))
            }
        };
        let body = BASE64.encode(request);
        let (status, body) = self.ask(Method::POST, operation, authorization, body).await?;
        if status == StatusCode::ACCEPTED {
            return Ok(Answer::Later);
        }
        // One certificate was asked for; a server may send its issuers along (RFC 7030 §4.2.3), the certificate first.
        let first = list(&body)?.into_iter().next();
        first.map(Answer::Issued).ok_or(EstError::Answer)
    }

    async fn ask(
        &self,
        method: Method,
        operation: &str,
        authorization: Option<String>,
        body: String,
    ) -> Result<(StatusCode, Vec<u8>), EstError> {
        let asked = timeout(PATIENCE, self.exchange(method, operation, authorization, body)).await;
        let (status, body) = asked.map_err(|error| EstError::Unreachable(error.into()))??;
        if status.is_success() {
            return Ok((status, body));
        }
        let text = String::from_utf8_lossy(&body);
        let line = text.lines().next().unwrap_or_default();
        let shown = line.chars().filter(|letter| !letter.is_control()).take(LONGEST_WORD);
        Err(EstError::Refused { status, said: shown.collect() })
    }

    async fn exchange(
        &self,
        method: Method,
        operation: &str,
        authorization: Option<String>,
        body: String,
    ) -> Result<(StatusCode, Vec<u8>), EstError> {
        fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EstError {
            EstError::Unreachable(error.into())
        }
        let port = self.address.port_or_known_default().unwrap_or(443);
        let host = self.address.host_str().unwrap_or_default();
        let tcp = TcpStream::connect(format!("{host}:{port}")).await.map_err(failed)?;
        let connector = TlsConnector::from(self.tls.clone());
        let tls = connector.connect(self.host.clone(), tcp).await.map_err(failed)?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await;
        let (mut sender, connection) = handshake.map_err(failed)?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/.well-known/est/{operation}"))
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONNECTION, "close");
        if !body.is_empty() {
            request = request
                .header(header::CONTENT_TYPE, "application/pkcs10")
                .header("content-transfer-encoding", "base64");
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Body::from(body)).map_err(failed)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(failed)?;
            let status = response.status();
            let body = to_bytes(Body::new(response.into_body()), LONGEST).await.map_err(failed)?;
            Ok((status, body.to_vec()))
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answer = exchange.as_mut() => answer,
            _ended = connection => exchange.await,
        }
    }
}

/// What a device keeps of a certificate that EST gave it: the way to the root with the digest `ca`, and when to renew, after two thirds of its
/// time. Statement keys do not come over EST.
pub fn credentials(
    certificate: &[u8],
    authorities: &[Vec<u8>],
    ca: Digest,
) -> Result<DeviceEnrolled, EstError> {
    let peer = peer_of(&[CertificateDer::from_slice(certificate)]).ok_or(EstError::Answer)?;
    let Machine::Device(device) = peer.spiffe_id.machine else { return Err(EstError::Answer) };
    let (_, read) = X509Certificate::from_der(certificate).map_err(|_| EstError::Answer)?;
    let time = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|_| EstError::Answer)
    };
    let (from, expires_at) = (time(read.validity().not_before)?, time(read.validity().not_after)?);
    let third: SignedDuration = expires_at.duration_since(from) / 3;
    let renew_after = expires_at.saturating_sub(third).map_err(|_| EstError::Answer)?;
    let root = authorities.iter().find(|der| Digest::of(&[der]) == ca).ok_or(EstError::Chain)?;
    let chain = chain(certificate, authorities, root)?;
    Ok(DeviceEnrolled {
        device,
        spiffe_id: peer.spiffe_id,
        certificate_chain: chain.into_iter().map(Into::into).collect(),
        trust_anchors: vec![root.clone().into()],
        statement_keys: vec![],
        renew_after,
        expires_at,
    })
}

/// The certificate and its issuers, up to but without the root.
fn chain(
    certificate: &[u8],
    authorities: &[Vec<u8>],
    root: &[u8],
) -> Result<Vec<Vec<u8>>, EstError> {
    let mut chain = vec![certificate.to_vec()];
    while let Some(last) = chain.last().filter(|_| chain.len() <= LONGEST_CHAIN) {
        if is_issued_by(last, root) {
            return Ok(chain);
        }
        // Of an authority that is certified by several roots, the certificate by ours.
        let issuers = authorities.iter().filter(|der| is_issued_by(last, der));
        let (by_root, other): (Vec<_>, Vec<_>) = issuers.partition(|der| is_issued_by(der, root));
        let next = by_root.into_iter().chain(other).find(|der| !chain.contains(der));
        let next = next.ok_or(EstError::Chain)?.clone();
        chain.push(next);
    }
    Err(EstError::Chain)
}

fn is_issued_by(certificate: &[u8], issuer: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    X509Certificate::from_der(issuer).is_ok_and(|(_, issuer)| {
        certificate.issuer().as_raw() == issuer.subject().as_raw()
            && certificate.verify_signature(Some(issuer.public_key())).is_ok()
    })
}

/// The certificates of a body: Base64, whatever its `Content-Transfer-Encoding` says (RFC 8951 §3.1).
fn list(body: &[u8]) -> Result<Vec<Vec<u8>>, EstError> {
    let dense: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = BASE64.decode(&dense).map_err(|_| EstError::Answer)?;
    certificates(&der).ok_or(EstError::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::testing::{Hospital, now};

    #[test]
    fn credentials_lead_to_the_root_of_the_fingerprint_and_to_no_other() {
        let (hospital, foreign) = (Hospital::new(), Hospital::new());
        let (device, other) = (hospital.device(1), foreign.device(1));
        let certificate = device.identity.chain[0].clone();
        let root = device.anchors.roots[0].clone();
        let authorities = [other.anchors.roots[0].clone(), root.clone()];
        let ca = Digest::of(&[&root]);
        let enrolled = credentials(&certificate, &authorities, ca).unwrap();
        assert_eq!(enrolled.spiffe_id, device.identity.spiffe_id);
        assert_eq!(enrolled.trust_anchors, [root.into()]);
        assert_eq!(enrolled.certificate_chain.len(), 1);
        assert!(enrolled.renew_after < enrolled.expires_at && now() < enrolled.expires_at);
        let wrong = Digest::of(&[&authorities[0]]);
        let refused = credentials(&certificate, &authorities, wrong);
        assert!(matches!(refused, Err(EstError::Chain)), "another's root");
        let refused = credentials(&certificate, &authorities[..1], ca);
        assert!(matches!(refused, Err(EstError::Chain)), "its root is not among them");
        assert!(matches!(credentials(&[1], &authorities, ca), Err(EstError::Answer)));
    }

    #[tokio::test]
    async fn an_address_that_is_none_and_a_server_that_is_away_are_told_apart() {
        let device = Hospital::new().device(1);
        let clock = Arc::new(imp_identity::clock::SystemClock);
        let tls = |()| {
            let identity = Some(&device.identity);
            imp_authenticator::tls::machine_to_server(identity, &device.anchors, clock.clone())
        };
        for address in ["http://est.example", "est.example", "https://"] {
            let made = EstClient::new(address, tls(()).unwrap());
            assert!(matches!(made, Err(EstError::Address(_))), "{address}");
        }
        let client = EstClient::new("https://127.0.0.1:1", tls(()).unwrap()).unwrap();
        let error = client.authorities().await.unwrap_err();
        assert!(error.is_passing() && matches!(error, EstError::Unreachable(_)), "{error}");
    }
}
