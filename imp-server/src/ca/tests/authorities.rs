use std::path::Path;
use std::process::Command;

use imp_identity::Secret;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_pki::Usage;

use super::super::devices::DeviceOrder;
use super::super::rollover::RolloverError;
use super::super::root::{RootError, RootSource};
use super::*;

/// A device's certificate, as a chain in PEM without the root.
fn issued(keys: &Keys, at: Timestamp) -> Signed {
    let key = Key::generate().unwrap();
    let machine = Machine::Device(imp_identity::DeviceId::from_bytes([7; 16]));
    let order = DeviceOrder {
        id: SpiffeId { trust_domain: keys.trust_domain().clone(), machine },
        names: vec!["pump.hospital.example".parse().unwrap()],
        usage: Usage::Machine,
        key: key.public_key(),
        lifetime: SignedDuration::from_hours(24),
    };
    keys.issue_to_device(order, at, &mut StdRng::seed_from_u64(3)).unwrap().0
}

/// Whether OpenSSL verifies it with these issuers, trusting `roots` alone.
fn verifies(folder: &Path, roots: &[&Certificate], chain: &[Vec<u8>], leaf: &Certificate) -> bool {
    let put = |name: &str, certificates: &[&[u8]]| {
        let text: String =
            certificates.iter().map(|der| pem::encode("CERTIFICATE", der).to_string()).collect();
        fs::write(folder.join(name), text).unwrap();
    };
    put("root.pem", &roots.iter().map(|root| root.der()).collect::<Vec<_>>());
    put("chain.pem", &chain.iter().map(Vec::as_slice).collect::<Vec<_>>());
    put("leaf.pem", &[leaf.der()]);
    let at = (start() + 1.hour()).as_second().to_string();
    let arguments = ["verify", "-x509_strict", "-attime", &at, "-purpose", "sslclient"];
    let files = ["-CAfile", "root.pem", "-untrusted", "chain.pem", "leaf.pem"];
    let output = Command::new("openssl").current_dir(folder).args(arguments).args(files).output();
    let output = output.unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn without_openssl() -> bool {
    let missing = Command::new("openssl").arg("version").output().is_err();
    if missing {
        println!("skipped: the openssl program is not installed");
    }
    missing
}

#[test]
fn a_new_authority_issues_and_what_the_old_one_issued_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(folder.path());
    let keys = open(&config).unwrap();
    let beside = open(&config).unwrap();
    let old = issued(&keys, start());
    let root = keys.open_root(RootSource::Folder).unwrap();
    let made = keys.new_issuing(&root, start(), &mut StdRng::seed_from_u64(2)).unwrap();
    assert_ne!(keys.issuing().digest, made.certificate.digest(), "not before it is recorded");
    let made = keys.put_in_force(made).unwrap();
    let new = issued(&keys, start());
    assert_eq!(new.issuer.certificate, made);
    assert_ne!(new.issuer.digest, old.issuer.digest);
    assert_eq!(keys.issuers().len(), 2, "the old one still signs lists and responders");
    let mut rng = StdRng::seed_from_u64(5);
    let responder = keys.new_ocsp_signer(&old.issuer.digest, start(), &mut rng).unwrap();
    assert!(keys.ocsp_signer(&old.issuer.digest, start()).is_none(), "it is not appointed yet");
    let serial = keys.appoint(responder).certificate.serial().to_owned();
    let found = keys.ocsp_signer(&old.issuer.digest, start() + (5 * 24).hours()).unwrap();
    assert_eq!(found.certificate.serial(), serial);
    assert!(found.is_due(start() + (5 * 24).hours()) && !found.is_due(start()));
    assert!(beside.refresh().unwrap(), "a server that runs beside learns of it");
    assert_eq!(beside.issuing().digest, made.digest());
    assert!(!beside.refresh().unwrap());
    let again = open(&config).unwrap();
    assert_eq!(again.issuing().digest, made.digest(), "after a restart too");

    let issues = keys.retire_authority(&made.digest());
    assert!(matches!(issues, Err(RolloverError::Issues)));
    keys.retire_authority(&old.issuer.digest).unwrap();
    assert_eq!(open(&config).unwrap().issuers().len(), 1);
    assert!(!folder.path().join("keys/issuing.key").exists());
    assert!(keys.ocsp_signer(&old.issuer.digest, start() + (240).hours()).is_none());
    let gone = keys.new_ocsp_signer(&old.issuer.digest, start() + (240).hours(), &mut rng);
    assert!(matches!(gone, Err(KeysError::NoAuthority)));
    if without_openssl() {
        return;
    }
    for signed in [old, new] {
        let chain = signed.issuer.chain();
        assert!(verifies(folder.path(), &[keys.root()], &chain, &signed.certificate));
    }
}

#[test]
fn another_root_vouches_for_an_authority_and_who_trusts_that_root_verifies() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = open(&Config::at(ours.path())).unwrap();
    let config = Config::at(theirs.path());
    let other = Keys::open(&config, start(), &mut StdRng::seed_from_u64(8)).unwrap();
    let before = issued(&keys, start());
    let root = other.open_root(RootSource::Folder).unwrap();
    let mut rng = StdRng::seed_from_u64(9);
    let cross = root.cross_sign(&keys.issuing().certificate, start(), &mut rng).unwrap();
    assert_eq!(cross.public_key(), keys.issuing().certificate.public_key());
    keys.add_cross(cross.der().to_vec()).unwrap();
    let twice = keys.add_cross(cross.der().to_vec());
    assert!(matches!(twice, Err(RolloverError::Known)));
    let foreign = keys.add_cross(other.issuing().certificate.der().to_vec());
    assert!(matches!(foreign, Err(RolloverError::NotOurs)));
    let leaf = root.cross_sign(&before.certificate, start(), &mut rng);
    assert!(leaf.is_err(), "a device is no authority");
    let after = issued(&keys, start());
    assert_eq!(after.issuer.chain().len(), 2);
    assert_eq!(
        open(&Config::at(ours.path())).unwrap().issuing().crosses,
        std::slice::from_ref(&cross)
    );
    if without_openssl() {
        return;
    }
    let chain = after.issuer.chain();
    for signed in [before, after] {
        let verified = |roots: &[&Certificate], chain: &[Vec<u8>]| {
            verifies(ours.path(), roots, chain, &signed.certificate)
        };
        assert!(verified(&[keys.root()], &chain), "our root, and all that is handed out");
        assert!(verified(&[other.root()], &chain[1..]), "the other root vouches");
        assert!(!verified(&[other.root()], &chain[..1]), "and nobody else does");
        // OpenSSL takes the first issuer that fits and looks for no other, but first of all among what it trusts.
        assert!(verified(&[other.root(), &cross], &chain));
    }
}

#[test]
fn a_sealed_root_is_away_and_comes_back_with_its_passphrase_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(&folder.path().join("data"));
    let keys = open(&config).unwrap();
    let sealed = folder.path().join("root.sealed.pem");
    let secret = |text: &str| Secret::new(text.to_owned());
    let mut rng = StdRng::seed_from_u64(2);
    let short = keys.seal_root(&sealed, &secret("too short"), &mut rng);
    assert!(matches!(short, Err(RootError::Short)));
    let passphrase = "correct horse battery staple";
    keys.seal_root(&sealed, &secret(passphrase), &mut rng).unwrap();
    assert!(!config.data.join("keys/root.key").exists());
    assert!(fs::read_to_string(&sealed).unwrap().contains("BEGIN ENCRYPTED PRIVATE KEY"));
    assert_eq!(fs::metadata(&sealed).unwrap().permissions().mode() & 0o777, 0o600);
    let again = keys.seal_root(&sealed, &secret(passphrase), &mut rng);
    assert!(matches!(again, Err(RootError::SealedBefore)));

    let keys = open(&config).unwrap();
    issued(&keys, start());
    assert!(matches!(keys.open_root(RootSource::Folder), Err(RootError::Away)));
    let from = |passphrase: &str| RootSource::Sealed {
        file: sealed.clone(),
        passphrase: secret(passphrase),
    };
    let wrong = keys.open_root(from("another passphrase"));
    assert!(matches!(wrong, Err(RootError::Passphrase)));
    let root = keys.open_root(from(passphrase)).unwrap();
    let made = keys.new_issuing(&root, start(), &mut rng).unwrap();
    let made = keys.put_in_force(made).unwrap();
    assert_eq!(keys.issuing().certificate, made);

    let other = Config::at(&folder.path().join("other"));
    let other = Keys::open(&other, start(), &mut StdRng::seed_from_u64(6)).unwrap();
    assert!(matches!(other.open_root(from(passphrase)), Err(RootError::OtherKey)));
    if without_openssl() {
        return;
    }
    let word = folder.path().join("passphrase");
    fs::write(&word, passphrase).unwrap();
    let pass = format!("file:{}", word.display());
    let arguments = ["pkey", "-noout", "-text", "-passin", &pass, "-in"];
    let output = Command::new("openssl").args(arguments).arg(&sealed).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("NIST CURVE: P-256"), "{}", String::from_utf8_lossy(&output.stderr));
}
