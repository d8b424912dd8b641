//! Our verifiers, each as far as a path goes: what is asked beyond it of a machine (a SPIFFE ID of our trust domain, a place in
//! the inventory) no case of the suite could have.
use std::time::Duration;

use imp_authenticator::tls::{self, TrustAnchors};
use imp_identity::Digest;
use imp_pki::acme::attestation;
use imp_webauthn::metadata;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::differences::{self, Difference};
use super::limbo::Case;

/// `id-kp-clientAuth`.
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// Something of ours that decides whether a path is good.
pub(super) struct Verifier {
    pub(super) name: &'static str,
    /// Whether the case is one for it.
    pub(super) is_asked: fn(&Case) -> bool,
    /// How many cases are, and how many of these are good.
    pub(super) asked: (usize, usize),
    pub(super) judge: fn(&Case) -> Result<(), String>,
    /// The cases in which it says something else than the suite, with the reason.
    pub(super) differences: &'static [Difference],
}

pub(super) const VERIFIERS: &[Verifier] = &[
    Verifier {
        name: "a machine that looks at the server",
        is_asked: is_of_a_server,
        asked: (184, 50),
        judge: by_machine,
        differences: differences::MACHINE,
    },
    Verifier {
        name: "a machine that knows the root's fingerprint alone",
        is_asked: is_of_a_server,
        asked: (184, 50),
        judge: by_fingerprint,
        differences: differences::FINGERPRINT,
    },
    Verifier {
        name: "the server that looks at a machine",
        is_asked: is_of_a_client,
        asked: (28, 14),
        judge: by_server,
        differences: differences::SERVER,
    },
    Verifier {
        name: "the server that looks at what a manufacturer gave a device",
        is_asked: is_of_a_client,
        asked: (28, 14),
        judge: by_manufacturer,
        differences: differences::MANUFACTURER,
    },
    Verifier {
        name: "the server that looks at the key of a TPM that attests",
        is_asked: is_of_a_client,
        asked: (28, 14),
        judge: by_attestation,
        differences: differences::ATTESTATION,
    },
    Verifier {
        name: "the server that looks at who signed a list of security keys",
        is_asked: is_of_a_server,
        asked: (184, 50),
        judge: by_metadata,
        differences: differences::METADATA,
    },
];

/// Revocation is asked of the server's tables and of OCSP, not on the way of a path; no limit of depth can be set.
fn is_about_a_path(case: &Case) -> bool {
    !case.needs("has-crl") && !case.needs("max-chain-depth")
}

fn is_of_a_server(case: &Case) -> bool {
    is_about_a_path(case) && case.by_server && case.name.is_some()
}

/// Also what a server shows, where a client may: its path is judged, and its name is not.
fn is_of_a_client(case: &Case) -> bool {
    is_about_a_path(case) && (!case.by_server || case.for_clients)
}

fn by_machine(case: &Case) -> Result<(), String> {
    let verifier = tls::server_verifier(&anchors(&case.roots)).map_err(said)?;
    ask(&*verifier, case, &case.issuers)
}

/// One of the roots is enough.
fn by_fingerprint(case: &Case) -> Result<(), String> {
    let mut verdict = Err("no root".to_owned());
    for root in &case.roots {
        let verifier = tls::first_meeting_verifier(Digest::of(&[root]));
        let sent: Vec<_> = case.issuers.iter().chain([root]).cloned().collect();
        verdict = ask(&*verifier, case, &sent);
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

fn by_server(case: &Case) -> Result<(), String> {
    tls::verify_client_path(&case.chain(), &anchors(&case.roots), case.at).map_err(said)
}

fn by_manufacturer(case: &Case) -> Result<(), String> {
    tls::verify_manufacturer_path(&case.chain(), &case.roots, case.at).map_err(said)
}

/// For clients, as the suite's cases are; our own attestation keys have a usage of their own.
fn by_attestation(case: &Case) -> Result<(), String> {
    attestation::verify_path(&case.chain(), &case.roots, case.at, CLIENT_AUTH).map_err(said)
}

/// One of the roots is enough.
fn by_metadata(case: &Case) -> Result<(), String> {
    let (leaf, name) = (CertificateDer::from_slice(&case.leaf), case.name.as_deref());
    let issuers: Vec<_> = case.issuers.iter().map(|it| CertificateDer::from_slice(it)).collect();
    let about = (name.ok_or("no name")?, case.at);
    let mut verdict = Err("no root".to_owned());
    for root in &case.roots {
        let root = CertificateDer::from_slice(root);
        verdict = metadata::verify_path(&leaf, &issuers, &root, about).map_err(said);
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

fn ask(verifier: &dyn ServerCertVerifier, case: &Case, sent: &[Vec<u8>]) -> Result<(), String> {
    let name = case.name.clone().ok_or("no name")?;
    let name = ServerName::try_from(name).map_err(said)?;
    let sent: Vec<_> = sent.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let seconds = u64::try_from(case.at.as_second()).map_err(said)?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let leaf = CertificateDer::from_slice(&case.leaf);
    verifier.verify_server_cert(&leaf, &sent, &name, &[], now).map(drop).map_err(said)
}

fn anchors(roots: &[Vec<u8>]) -> TrustAnchors {
    TrustAnchors {
        trust_domain: "hospital.example".parse().expect("a trust domain"),
        roots: roots.to_vec(),
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
