use super::*;
use crate::issuer::Issuer;
use crate::key::Key;
use jiff::Timestamp;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::process::Command;

fn root(seed: u64) -> Vec<u8> {
    let now: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let root = Issuer::root(&Key::generate().unwrap(), now, &mut rng).unwrap();
    root.certificate().der().to_vec()
}

fn openssl(arguments: &[&str], der: &[u8]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), der).unwrap();
    let path = file.path().to_str().unwrap();
    let Ok(output) = Command::new("openssl").args(arguments).args(["-in", path]).output() else {
        println!("skipped: the openssl program is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn openssl_reads_every_certificate_of_a_list() {
    let (first, second) = (root(1), root(2));
    let list = certs_only([first.as_slice(), &second, &first]);
    let read = ["pkcs7", "-inform", "der", "-print_certs"];
    if let Some(text) = openssl(&read, &list) {
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{text}");
    }
    assert_eq!(certs_only([first.as_slice(), &second]), certs_only([second.as_slice(), &first]));
    if let Some(text) = openssl(&read, &certs_only([])) {
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 0, "{text}");
    }
}

#[test]
fn openssl_reads_what_a_request_should_hold() {
    let names = ["pump-7.hospital.example", "192.0.2.7", "2001:db8::7"];
    let names: Vec<ServerName> = names.iter().map(|name| name.parse().unwrap()).collect();
    for (names, wanted) in [
        (&[][..], &["ecdsa-with-SHA256", "id-ecPublicKey", "prime256v1"][..]),
        (&names[..], &["Extension Request", "X509v3 Subject Alternative Name"]),
    ] {
        let read = ["asn1parse", "-inform", "der", "-i"];
        let Some(text) = openssl(&read, &csr_attributes(names)) else { return };
        for word in wanted {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn bodies_are_base64_of_a_bounded_size() {
    assert_eq!(decode(b"aGVs\r\nbG8=\n"), Ok(b"hello".to_vec()));
    assert_eq!(encode(b"hello"), "aGVsbG8=");
    assert_eq!(decode(b" \r\n"), Err(BodyError::Empty));
    assert_eq!(decode(b"-----BEGIN CERTIFICATE REQUEST-----"), Err(BodyError::Encoding));
    assert_eq!(decode(b"aGVsbG8"), Err(BodyError::Encoding));
    assert_eq!(decode(&vec![b'A'; LARGEST + 1]), Err(BodyError::TooLarge));
}

#[test]
fn the_names_of_a_certificate_are_read_again() {
    let names = ["pump-7.hospital.example", "192.0.2.7", "2001:db8::7"];
    let params = rcgen::CertificateParams::new(names.map(str::to_owned)).unwrap();
    let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec();
    let found: Vec<String> = names_of(&der).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, names);
    assert_eq!(names_of(&root(1)), Some(vec![]));
    assert_eq!(names_of(b"nonsense"), None);
}

#[test]
fn operations_are_found_by_the_end_of_their_address() {
    for operation in Operation::ALL {
        assert_eq!(operation.path().parse(), Ok(operation));
    }
    assert_eq!("simpleEnroll".parse::<Operation>(), Err(UnknownOperation));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(der) = decode(&body) {
            prop_assert_eq!(decode(encode(&der).as_bytes()), Ok(der));
        }
    }
}
