use super::*;
use imp_identity::spiffe::SpiffeId;
use jiff::ToSpan as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::path::Path;
use std::process::Command;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

#[test]
fn a_certificate_renews_after_two_thirds_and_never_outlives_its_issuer() {
    let mut rng = StdRng::seed_from_u64(1);
    let authorities = authorities(&mut rng);
    let key = Key::generate().unwrap();
    let profile = Profile::Machine(phone());
    let issue = |at: Timestamp, rng: &mut StdRng| {
        authorities.issuing.issue(&profile, key.public_key(), WEEK, at, rng)
    };
    let certificate = issue(now(), &mut rng).unwrap();
    assert_eq!(certificate.not_before(), now() - 5.minutes());
    assert_eq!(certificate.expires_at(), now() + 168.hours());
    assert!(certificate.renew_after() > now() + 111.hours());
    assert!(certificate.renew_after() < now() + 113.hours());
    assert_eq!(certificate.public_key(), key.public_key());
    let end = authorities.issuing.certificate().expires_at();
    assert_eq!(issue(end - 1.hour(), &mut rng).unwrap().expires_at(), end);
    assert!(matches!(issue(end, &mut rng), Err(IssueError::Expired)));
    assert!(matches!(issue(now() - 1.hour(), &mut rng), Err(IssueError::Expired)));
}

#[test]
fn serial_numbers_are_random_and_positive() {
    let mut rng = StdRng::seed_from_u64(1);
    let authorities = authorities(&mut rng);
    let key = Key::generate().unwrap();
    let mut serials: Vec<_> = (0..100)
        .map(|_| {
            let profile = Profile::Machine(phone());
            let issued =
                authorities.issuing.issue(&profile, key.public_key(), WEEK, now(), &mut rng);
            issued.unwrap().serial().to_owned()
        })
        .collect();
    assert!(serials.iter().all(|serial| serial.len() == 32));
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 100);
}

#[test]
fn an_authority_needs_its_own_key_and_the_right_to_sign() {
    let mut rng = StdRng::seed_from_u64(1);
    let authorities = authorities(&mut rng);
    let key = Key::generate().unwrap();
    let root = authorities.root.certificate().der().to_vec();
    assert!(matches!(Issuer::open(root, &key), Err(IssueError::NotAnAuthority)));
    let profile = Profile::Machine(phone());
    let leaf = authorities.issuing.issue(&profile, key.public_key(), WEEK, now(), &mut rng);
    let leaf = leaf.unwrap().into_der();
    assert!(matches!(Issuer::open(leaf, &key), Err(IssueError::NotAnAuthority)));
    assert!(matches!(Issuer::open(vec![1, 2, 3], &key), Err(IssueError::Certificate(_))));
}

/// An independent implementation agrees that chains verify, for what they are for and for nothing else.
#[test]
fn openssl_accepts_each_profile_for_its_purpose_only() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: the openssl program is not installed");
        return;
    }
    let mut rng = StdRng::seed_from_u64(1);
    let authorities = authorities(&mut rng);
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, der: &[u8]| {
        std::fs::write(folder.path().join("der"), der).unwrap();
        let converted = ["x509", "-inform", "der", "-in", "der", "-out", name];
        assert!(openssl(folder.path(), &converted).0);
    };
    put("root", authorities.root.certificate().der());
    put("issuing", authorities.issuing.certificate().der());
    let server = Profile::Server(vec![
        "imp.hospital.example".parse().unwrap(),
        "127.0.0.1".parse().unwrap(),
    ]);
    let workstation = "spiffe://hospital.example/workstation/01890a5d-ac96-774b-bcce-b302099a8057";
    for (profile, as_server, as_client, name) in [
        (server, true, false, "DNS:imp.hospital.example, IP Address:127.0.0.1".to_owned()),
        (Profile::Machine(workstation.parse().unwrap()), false, true, format!("URI:{workstation}")),
        (Profile::Machine(phone()), true, true, format!("URI:{}", phone())),
    ] {
        let key = Key::generate().unwrap();
        let leaf = authorities.issuing.issue(&profile, key.public_key(), WEEK, now(), &mut rng);
        put("leaf", leaf.unwrap().der());
        assert_eq!(verifies(folder.path(), "sslserver"), as_server, "{name}");
        assert_eq!(verifies(folder.path(), "sslclient"), as_client, "{name}");
        let text = openssl(folder.path(), &["x509", "-in", "leaf", "-noout", "-text"]).1;
        assert!(text.contains(&name), "{text}");
        assert!(text.contains("X509v3 Subject Alternative Name: critical"), "{text}");
        assert!(text.contains("CA:FALSE") && text.contains("Subject: \n"), "{text}");
        assert!(text.contains("NIST CURVE: P-256"), "{text}");
    }
    let text = openssl(folder.path(), &["x509", "-in", "issuing", "-noout", "-text"]).1;
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
}

fn verifies(folder: &Path, purpose: &str) -> bool {
    let at = (now() + 1.hour()).as_second().to_string();
    let chain = ["-CAfile", "root", "-untrusted", "issuing", "leaf"];
    let arguments = ["verify", "-x509_strict", "-attime", &at, "-purpose", purpose];
    openssl(folder, &[&arguments[..], &chain[..]].concat()).0
}

fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) struct Authorities {
    pub(crate) root: Issuer,
    pub(crate) issuing: Issuer,
}

pub(crate) fn authorities(rng: &mut StdRng) -> Authorities {
    let root = Issuer::root(&Key::generate().unwrap(), now(), rng).unwrap();
    let issuing = root.issuing(&Key::generate().unwrap(), now(), rng).unwrap();
    Authorities { root, issuing }
}

fn phone() -> SpiffeId {
    "spiffe://hospital.example/phone/01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap()
}

pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}
