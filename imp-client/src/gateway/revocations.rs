//! Certificates that no longer count before their time: lists (CRL, RFC 5280 §5) that the server publishes. A gateway that cannot fetch a later
//! list goes on with the one it has: what was revoked stays revoked, and certificates are short-lived. Besides the lists of the configuration
//! those are fetched that the certificates of peers name: while two authorities issue, each has its own.
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use imp_identity::Digest;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;
use x509_parser::prelude::{
    CertificateRevocationList, DistributionPointName, FromDer as _, GeneralName, ParsedExtension,
    X509Certificate,
};

use crate::state::{StateDirectory, StateError};

/// The longest list that is read, in bytes: some hundred thousand certificates.
const LONGEST: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
/// How far the server's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The most lists that certificates may name.
const MOST_NAMED: usize = 64;

/// The lists, by where they come from.
pub(super) struct Revocations {
    state: StateDirectory,
    /// Of the configuration; without any, no list is fetched.
    configured: Vec<String>,
    lists: RwLock<HashMap<String, List>>,
    /// Lists that certificates named which led to our root, with the authority that issued those.
    named: RwLock<HashMap<String, Vec<u8>>>,
}

struct List {
    /// The issuer's name, in DER.
    issuer: Vec<u8>,
    /// When it was made, in seconds since 1970.
    made: i64,
    serials: HashSet<Vec<u8>>,
}

/// There is no later list.
#[derive(Debug, thiserror::Error)]
pub(super) enum RevocationsError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("`{0}` is not an http:// address")]
    Address(String),
    #[error("the list of revoked certificates cannot be fetched")]
    Fetch(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the list of revoked certificates was answered with {0}")]
    Status(StatusCode),
    #[error("this is no list of revoked certificates by an authority of ours")]
    List,
    #[error("the list of revoked certificates is older than the one there is, or of the future")]
    Time,
}

impl Revocations {
    /// Takes up the lists that an earlier run left behind.
    pub(super) fn open(
        state: StateDirectory,
        addresses: &[String],
        authorities: &[Vec<u8>],
    ) -> Self {
        let mut lists = HashMap::new();
        for address in addresses {
            let kept = state.read(&file_of(address)).ok().flatten();
            let list = kept.and_then(|der| List::read(&der, authorities));
            lists.extend(list.map(|list| (address.clone(), list)));
        }
        let configured = addresses.to_vec();
        Self { state, configured, lists: RwLock::new(lists), named: RwLock::default() }
    }

    /// Takes note of the list that the first of `chain` names, which must have been verified: by TLS, or as a signer's. The list's address, if it
    /// is a new one and is to be fetched.
    pub(super) fn learn(&self, chain: &[Vec<u8>]) -> Option<String> {
        if self.configured.is_empty() {
            return None;
        }
        let (certificate, issuer) = (chain.first()?, chain.get(1)?);
        let address = list_of(certificate).filter(|address| !self.configured.contains(address))?;
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        if named.contains_key(&address) || named.len() >= MOST_NAMED {
            return None;
        }
        named.insert(address.clone(), issuer.clone());
        drop(named);
        let kept = self.state.read(&file_of(&address)).ok().flatten();
        if let Some(list) = kept.and_then(|der| List::read(&der, std::slice::from_ref(issuer))) {
            let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
            lists.insert(address.clone(), list);
        }
        Some(address)
    }

    /// Every list that is to be fetched now and then.
    pub(super) fn addresses(&self) -> Vec<String> {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        self.configured.iter().chain(named.keys()).cloned().collect()
    }

    /// Whether a certificate, in DER, was revoked.
    pub(super) fn has(&self, certificate: &[u8]) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
        let (issuer, serial) = (certificate.issuer().as_raw(), certificate.raw_serial());
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        lists.values().any(|list| list.issuer == issuer && list.serials.contains(serial))
    }

    /// Fetches the list at `address`, if it is later than the one there is.
    pub(super) async fn refresh(
        &self,
        address: &str,
        authorities: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<(), RevocationsError> {
        let fetched = timeout(PATIENCE, fetch(address)).await;
        let der = fetched.map_err(|error| RevocationsError::Fetch(error.into()))??;
        self.take(address, &der, authorities, now)
    }

    fn take(
        &self,
        address: &str,
        der: &[u8],
        authorities: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<(), RevocationsError> {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let by_name = named.get(address).cloned();
        drop(named);
        let authorities: Vec<Vec<u8>> = authorities.iter().cloned().chain(by_name).collect();
        let list = List::read(der, &authorities).ok_or(RevocationsError::List)?;
        let latest = now.saturating_add(AHEAD).unwrap_or(now).as_second();
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let known = lists.get(address).map(|known| known.made);
        drop(lists);
        if list.made > latest || known.is_some_and(|known| list.made < known) {
            return Err(RevocationsError::Time);
        }
        if known != Some(list.made) {
            self.state.write(&file_of(address), der)?;
            let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
            lists.insert(address.to_owned(), list);
        }
        Ok(())
    }
}

impl List {
    /// Reads a list that one of `authorities` (certificates in DER) signed.
    fn read(der: &[u8], authorities: &[Vec<u8>]) -> Option<Self> {
        let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
        let signed = authorities.iter().any(|authority| {
            X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
                authority.subject().as_raw() == list.issuer().as_raw()
                    && list.verify_signature(authority.public_key()).is_ok()
            })
        });
        if !signed || !rest.is_empty() {
            return None;
        }
        Some(Self {
            issuer: list.issuer().as_raw().to_vec(),
            made: list.last_update().timestamp(),
            serials: list
                .iter_revoked_certificates()
                .map(|one| one.raw_serial().to_vec())
                .collect(),
        })
    }
}

/// Where a certificate says that the list of revoked ones is (RFC 5280 §4.2.1.13), by plain HTTP.
fn list_of(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else {
            continue;
        };
        for point in points.points.iter().filter_map(|point| point.distribution_point.as_ref()) {
            let DistributionPointName::FullName(names) = point else { continue };
            for name in names {
                if let GeneralName::URI(address) = name
                    && address.starts_with("http://")
                {
                    return Some((*address).to_owned());
                }
            }
        }
    }
    None
}

fn file_of(address: &str) -> String {
    format!("revoked-{}.crl", &Digest::of(&[address.as_bytes()]).to_string()[..16])
}

/// Plain HTTP: the list is signed.
async fn fetch(address: &str) -> Result<Vec<u8>, RevocationsError> {
    let failed = |error| RevocationsError::Fetch(error);
    let wrong = || RevocationsError::Address(address.to_owned());
    let url: Url = address.parse().map_err(|_| wrong())?;
    let (host, port) = (url.host_str().ok_or_else(wrong)?, url.port().unwrap_or(80));
    if url.scheme() != "http" {
        return Err(wrong());
    }
    let tcp = TcpStream::connect(format!("{host}:{port}")).await;
    let tcp = tcp.map_err(|error| failed(error.into()))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await;
    let (mut sender, connection) = handshake.map_err(|error| failed(error.into()))?;
    let request = Request::get(&url[url::Position::BeforePath..])
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .map_err(|error| failed(error.into()))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| failed(error.into()))?;
        if response.status() != StatusCode::OK {
            return Err(RevocationsError::Status(response.status()));
        }
        let body = to_bytes(Body::new(response.into_body()), LONGEST).await;
        Ok(body.map_err(|error| failed(error.into()))?.to_vec())
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = exchange.as_mut() => answer,
        _ended = connection => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::testing::{Hospital, now};

    #[test]
    fn a_list_counts_if_our_authority_signed_it_and_it_is_the_latest() {
        let (hospital, foreign) = (Hospital::new(), Hospital::new());
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let (device, other) = (hospital.device(1), hospital.device(2));
        let certificate = |device: &crate::machine::Device| device.identity.chain[0].clone();
        let authorities = &device.anchors.roots;
        let address = "http://pki.example/crl/aa.crl".to_owned();
        let revocations = Revocations::open(state.clone(), &[], authorities);
        let take = |der: &[u8]| revocations.take(&address, der, authorities, now());
        assert!(!revocations.has(&certificate(&device)));
        let today = hospital.revoked(&[certificate(&device)], 0);
        take(&today).unwrap();
        assert!(revocations.has(&certificate(&device)));
        assert!(!revocations.has(&certificate(&other)));

        let of_another = foreign.revoked(&[certificate(&other)], 0);
        assert!(matches!(take(&of_another), Err(RevocationsError::List)));
        assert!(matches!(take(b"no list"), Err(RevocationsError::List)));
        let yesterday = hospital.revoked(&[], -1);
        assert!(matches!(take(&yesterday), Err(RevocationsError::Time)));
        let tomorrow = hospital.revoked(&[], 1);
        assert!(matches!(take(&tomorrow), Err(RevocationsError::Time)));
        assert!(revocations.has(&certificate(&device)));
        let again = Revocations::open(state, std::slice::from_ref(&address), authorities);
        assert!(again.has(&certificate(&device)), "it survives a restart");
    }

    /// Another authority below the same root: its certificate, and the key that it signs with.
    fn authority() -> (Vec<u8>, rcgen::Issuer<'static, rcgen::KeyPair>) {
        let root = rcgen::Issuer::new(
            rcgen::CertificateParams::default(),
            rcgen::KeyPair::generate().unwrap(),
        );
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Another issuing authority");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        parameters.key_usages =
            vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &root).unwrap();
        (certificate.der().to_vec(), rcgen::Issuer::new(parameters, key))
    }

    #[test]
    fn the_list_that_a_peers_certificate_names_counts_by_the_authority_that_issued_it() {
        let (issuing, issuer) = authority();
        let address = "http://pki.example/crl/bb.crl".to_owned();
        let mut parameters = rcgen::CertificateParams::default();
        let point = rcgen::CrlDistributionPoint { uris: vec![address.clone()] };
        parameters.crl_distribution_points = vec![point];
        parameters.serial_number = Some(rcgen::SerialNumber::from(77));
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = parameters.signed_by(&key, &issuer).unwrap().der().to_vec();
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 1, 1),
            next_update: rcgen::date_time_ymd(2100, 1, 1),
            crl_number: rcgen::SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from(77),
                revocation_time: rcgen::date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap().der().to_vec();

        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let chain = [leaf.clone(), issuing];
        let none = Revocations::open(state.clone(), &[], &[]);
        assert_eq!(none.learn(&chain), None, "who wants no lists asks for none");
        let own = "http://pki.example/crl/aa.crl".to_owned();
        let revocations = Revocations::open(state, std::slice::from_ref(&own), &[]);
        let early = revocations.take(&address, &list, &[], now());
        assert!(matches!(early, Err(RevocationsError::List)), "of nobody that we know");
        assert_eq!(revocations.learn(&chain).as_ref(), Some(&address));
        assert_eq!(revocations.learn(&chain), None, "known");
        assert_eq!(revocations.addresses(), [own, address.clone()]);
        assert!(!revocations.has(&leaf));
        revocations.take(&address, &list, &[], now()).unwrap();
        assert!(revocations.has(&leaf));
    }

    #[tokio::test]
    async fn only_plain_http_is_fetched_and_a_server_that_is_away_is_an_error() {
        for address in ["https://pki.example/a.crl", "file:///a.crl", "crl"] {
            assert!(matches!(fetch(address).await, Err(RevocationsError::Address(_))), "{address}");
        }
        let nobody = fetch("http://127.0.0.1:1/a.crl").await;
        assert!(matches!(nobody, Err(RevocationsError::Fetch(_))));
    }
}
