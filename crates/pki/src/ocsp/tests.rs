use std::path::Path;
use std::process::Command;

use der::asn1::OctetString;
use der::{Decode as _, Encode as _};
use imp_identity::device::CertificateRevocation;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, SerialNumber};
use tempfile::TempDir;

use super::*;
use crate::certificate::Certificate;
use crate::key::Key;

/// An authority, its signer of answers, and three certificates of it with the serial numbers 0x41, 0x42 and 0x43.
struct House {
    folder: TempDir,
    authority: Certificate,
    signer: ResponseSigner,
}

fn pair(key: &Key) -> KeyPair {
    let der = KeyPair::try_from(key.pkcs8().expose().as_slice());
    der.unwrap()
}

fn now() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

fn params(name: &str, serial: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(&[serial]));
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

impl House {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (Key::generate().unwrap(), Key::generate().unwrap());
        let mut root = params("authority", 1);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = root.self_signed(&pair(&ours)).unwrap();
        let issuer = rcgen::Issuer::from_ca_cert_der(root.der(), pair(&ours)).unwrap();
        let mut delegate = params("signer of answers", 2);
        delegate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        delegate.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        let delegate = delegate.signed_by(&pair(&theirs), &issuer).unwrap();
        std::fs::write(folder.path().join("issuer.pem"), root.pem()).unwrap();
        for serial in [0x41, 0x42, 0x43] {
            let key = Key::generate().unwrap();
            let leaf = params("leaf", serial).signed_by(&pair(&key), &issuer).unwrap();
            std::fs::write(folder.path().join(format!("{serial:x}.pem")), leaf.pem()).unwrap();
        }
        let delegate = Certificate::parse(delegate.der().to_vec()).unwrap();
        let signer = ResponseSigner::new(&delegate, &theirs).unwrap();
        let authority = Certificate::parse(root.der().to_vec()).unwrap();
        Self { folder, authority, signer }
    }

    /// What `openssl ocsp` asks about `serials`.
    fn asked(&self, words: &[&str], serials: &[&str]) -> Option<Vec<u8>> {
        let mut arguments = vec!["ocsp", "-issuer", "issuer.pem", "-reqout", "request.der"];
        arguments.extend(words);
        let files: Vec<_> = serials.iter().map(|serial| format!("{serial}.pem")).collect();
        arguments.extend(files.iter().flat_map(|file| ["-cert", file]));
        let (succeeded, said) = openssl(self.folder.path(), &arguments)?;
        assert!(succeeded, "{said}");
        Some(std::fs::read(self.folder.path().join("request.der")).unwrap())
    }

    /// What `openssl ocsp` makes of an answer to its last request.
    fn judged(&self, answer: &[u8]) -> (bool, String) {
        std::fs::write(self.folder.path().join("answer.der"), answer).unwrap();
        let mut arguments = vec!["ocsp", "-reqin", "request.der", "-respin", "answer.der"];
        let at = now().as_second().to_string();
        arguments.extend(["-CAfile", "issuer.pem", "-issuer", "issuer.pem"]);
        arguments.extend(["-attime", &at, "-resp_text"]);
        openssl(self.folder.path(), &arguments).unwrap()
    }

    fn answer(&self, request: &OcspRequest, with_nonce: bool) -> Vec<u8> {
        let held = CertificateRevocation::KeyCompromise;
        let standings: Vec<_> = request
            .ids()
            .iter()
            .map(|id| match id.serial().as_deref() {
                Some("41") => (id, Standing::Good),
                Some("42") => (id, Standing::Revoked { at: now() - 1.hour(), reason: held }),
                _ => (id, Standing::Unknown),
            })
            .collect();
        let validity = Validity { this_update: now(), next_update: now() + 1.hour() };
        self.signer.answer(&standings, validity, with_nonce.then_some(request)).unwrap()
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let Ok(output) = Command::new("openssl").current_dir(folder).args(arguments).output() else {
        println!("skipped: the openssl program is not installed");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn openssl_understands_each_answer_and_misses_its_nonce() {
    let house = House::build();
    let issuer = IssuerId::of(&house.authority).unwrap();
    for hash in ["-sha1", "-sha256"] {
        let Some(asked) = house.asked(&[hash], &["41", "42", "43"]) else { return };
        let request = OcspRequest::parse(&asked).unwrap();
        assert!(request.has_nonce());
        assert!(request.ids().iter().all(|id| issuer.is_of(id)), "{hash}");
        let expected = issuer.question("41").unwrap();
        assert_eq!(request.ids()[0].key() == expected.key(), hash == "-sha1");
        let (verified, said) = house.judged(&house.answer(&request, true));
        assert!(verified && said.contains("Response verify OK"), "{said}");
        for words in ["Cert Status: good", "Cert Status: revoked", "Cert Status: unknown"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(said.contains("keyCompromise"), "{said}");
        assert!(!said.contains("no nonce in response"), "{said}");
        let (_, said) = house.judged(&house.answer(&request, false));
        assert!(said.contains("no nonce in response"), "{said}");
    }
    let other = House::build();
    let asked = house.asked(&["-no_nonce"], &["41"]).unwrap();
    let request = OcspRequest::parse(&asked).unwrap();
    assert!(!request.has_nonce());
    assert!(!IssuerId::of(&other.authority).unwrap().is_of(&request.ids()[0]));
    let (_, said) = house.judged(&other.answer(&request, false));
    assert!(said.contains("Response Verify Failure"), "another authority's signer: {said}");
}

#[test]
fn openssl_rejects_an_answer_that_was_changed() {
    let house = House::build();
    let Some(asked) = house.asked(&[], &["42"]) else { return };
    let mut answer = house.answer(&OcspRequest::parse(&asked).unwrap(), true);
    let signed = answer.windows(4).position(|bytes| bytes == b"2026").unwrap();
    answer[signed + 3] = b'5';
    let (verified, said) = house.judged(&answer);
    assert!(!verified || said.contains("Response Verify Failure"), "{said}");
}

#[test]
fn openssl_reads_why_there_is_no_answer() {
    let house = House::build();
    if house.asked(&[], &["41"]).is_none() {
        return;
    }
    for (refusal, words) in [
        (OcspRefusal::MalformedRequest, "malformedrequest (1)"),
        (OcspRefusal::InternalError, "internalerror (2)"),
        (OcspRefusal::TryLater, "trylater (3)"),
        (OcspRefusal::Unauthorized, "unauthorized (6)"),
    ] {
        let (_, said) = house.judged(&refusal.der());
        assert!(said.contains(words), "{said}");
    }
}

fn request(ids: usize, nonce: Option<usize>) -> Vec<u8> {
    let hash = x509_cert::spki::AlgorithmIdentifierOwned {
        oid: der::asn1::ObjectIdentifier::new_unwrap("1.3.14.3.2.26"),
        parameters: None,
    };
    let id = x509_ocsp::CertId {
        hash_algorithm: hash,
        issuer_name_hash: OctetString::new([1; 20]).unwrap(),
        issuer_key_hash: OctetString::new([2; 20]).unwrap(),
        serial_number: x509_cert::serial_number::SerialNumber::new(&[0x0a, 0xbc]).unwrap(),
    };
    let one = x509_ocsp::Request { req_cert: id, single_request_extensions: None };
    let extensions = nonce.map(|length| {
        let nonce = OctetString::new(vec![7; length]).unwrap().to_der().unwrap();
        let extn_value = OctetString::new(nonce).unwrap();
        vec![x509_cert::ext::Extension { extn_id: request::NONCE, critical: false, extn_value }]
    });
    let asked = x509_ocsp::TbsRequest {
        request_list: vec![one; ids],
        request_extensions: extensions,
        ..x509_ocsp::TbsRequest::default()
    };
    let whole = x509_ocsp::OcspRequest { tbs_request: asked, optional_signature: None };
    whole.to_der().unwrap()
}

#[test]
fn requests_are_bounded() {
    for (ids, nonce, expected) in [
        (1, None, Ok(1)),
        (MOST_CERTIFICATES, Some(32), Ok(MOST_CERTIFICATES)),
        (MOST_CERTIFICATES + 1, None, Err(RequestProblem::Count)),
        (0, None, Err(RequestProblem::Count)),
        (1, Some(0), Err(RequestProblem::Nonce)),
        (1, Some(1), Ok(1)),
        (1, Some(128), Ok(1)),
        (1, Some(129), Err(RequestProblem::Nonce)),
        (100, None, Err(RequestProblem::TooLarge)),
    ] {
        let found = OcspRequest::parse(&request(ids, nonce)).map(|request| request.ids().len());
        assert_eq!(found, expected, "{ids} certificates, nonce of {nonce:?}");
    }
}

#[test]
fn serial_numbers_are_written_as_certificates_write_them() {
    let parsed = OcspRequest::parse(&request(1, None)).unwrap();
    assert_eq!(parsed.ids()[0].serial().as_deref(), Some("abc"));
    let mut negative = parsed.ids()[0].clone();
    negative.0.serial_number =
        x509_cert::serial_number::SerialNumber::from_der(&[0x02, 0x01, 0xff]).unwrap();
    assert_eq!(negative.serial(), None);
    let issuer = IssuerId::of(&House::build().authority).unwrap();
    assert_eq!(issuer.question("abc").unwrap().serial().as_deref(), Some("abc"));
    assert_eq!(issuer.question("xyz"), None);
    for nonce in [None, Some(&[7; 16][..])] {
        let whole = issuer.question("abc").unwrap().request(nonce).unwrap();
        let read = OcspRequest::parse(&whole).unwrap();
        assert_eq!((read.ids().len(), read.has_nonce()), (1, nonce.is_some()));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = OcspRequest::parse(&bytes);
    }

    #[test]
    fn a_changed_request_is_read_or_refused(at in 0_usize..100, to in any::<u8>()) {
        let mut bytes = request(2, Some(16));
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(request) = OcspRequest::parse(&bytes) {
            prop_assert!((1..=MOST_CERTIFICATES).contains(&request.ids().len()));
        }
    }
}
