use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use tempfile::TempDir;

use super::*;

/// Whether the signature is good under the SPKI that the signer shows.
pub(super) fn verifies(signer: &dyn Signer, message: &[u8]) -> bool {
    let signature = signer.sign(message).unwrap();
    let spki = signer.public_key();
    assert_eq!(spki.len(), 91);
    let point = &spki[26..];
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &signature).is_ok()
}

/// What every keystore must do.
pub(super) fn behaves_as_a_keystore(open: &dyn Fn() -> Arc<dyn Keystore>) {
    let keystore = open();
    assert!(keystore.load("workstation").unwrap().is_none());
    let signer = keystore.create("workstation").unwrap();
    assert!(verifies(signer.as_ref(), b"hello"));
    let exists = keystore.create("workstation").err().unwrap();
    assert!(matches!(exists, KeystoreError::Exists(_)), "{exists:?}");
    let other = keystore.create("other").unwrap();
    assert_ne!(other.public_key(), signer.public_key());
    assert!(verifies(signer.as_ref(), b"again"));

    let sealed = keystore.seal("workstation", b"for alice", b"template").unwrap();
    assert!(!sealed.windows(8).any(|window| window == b"template"));
    assert_ne!(sealed, keystore.seal("workstation", b"for alice", b"template").unwrap());

    // The same machine after a restart.
    let public_key = signer.public_key().to_vec();
    drop((signer, other, keystore));
    let keystore = open();
    let again = keystore.load("workstation").unwrap().unwrap();
    assert_eq!(again.public_key(), public_key);
    assert!(verifies(again.as_ref(), b"hello"));
    let opened = keystore.unseal("workstation", b"for alice", &sealed).unwrap();
    assert_eq!(opened.expose(), b"template");
    keystore.seal("other", b"for alice", b"").unwrap();
    refuses_what_does_not_fit(keystore.as_ref(), &sealed);

    keystore.delete("workstation").unwrap();
    keystore.delete("workstation").unwrap();
    assert!(keystore.load("workstation").unwrap().is_none());
    let gone = keystore.unseal("workstation", b"for alice", &sealed).unwrap_err();
    assert!(matches!(gone, KeystoreError::Missing(_)), "{gone:?}");
    keystore.seal("workstation", b"", b"a new key").unwrap();
    let dead = keystore.unseal("workstation", b"for alice", &sealed).unwrap_err();
    assert!(matches!(dead, KeystoreError::Unsealing), "{dead:?}");
}

fn refuses_what_does_not_fit(keystore: &dyn Keystore, sealed: &[u8]) {
    let mut damaged = sealed.to_vec();
    damaged[20] ^= 1;
    let cases: [(&str, &[u8], &[u8]); 6] = [
        ("workstation", b"for bob", sealed),
        ("other", b"for alice", sealed),
        ("workstation", b"for alice", &damaged),
        ("workstation", b"for alice", &sealed[..sealed.len() - 1]),
        ("workstation", b"for alice", &sealed[..5]),
        ("workstation", b"for alice", b""),
    ];
    for (label, associated_data, sealed) in cases {
        let error = keystore.unseal(label, associated_data, sealed).unwrap_err();
        assert!(matches!(error, KeystoreError::Unsealing), "{label} {sealed:?}: {error:?}");
    }
    for label in ["", "../etc", "A", "a.key", &"a".repeat(65)] {
        assert!(matches!(keystore.create(label), Err(KeystoreError::Label(_))), "{label}");
        assert!(matches!(keystore.load(label), Err(KeystoreError::Label(_))), "{label}");
        assert!(matches!(keystore.seal(label, b"", b""), Err(KeystoreError::Label(_))), "{label}");
        assert!(matches!(keystore.delete(label), Err(KeystoreError::Label(_))), "{label}");
    }
    let huge = vec![0; PLAINTEXT_MAX + 1];
    assert!(matches!(keystore.seal("other", b"", &huge), Err(KeystoreError::TooLarge(_))));
}

fn folder() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("keys");
    (temporary, path)
}

fn error_of<T>(result: Result<T, KeystoreError>) -> KeystoreError {
    result.err().unwrap()
}

#[test]
fn software_keys_sign_and_seal() {
    let (_temporary, path) = folder();
    behaves_as_a_keystore(&|| KeystoreConfig::software(&path).open().unwrap());
}

#[test]
fn only_the_owner_can_read_what_is_written() {
    let (_temporary, path) = folder();
    let keystore = KeystoreConfig::software(&path).open().unwrap();
    keystore.create("phone").unwrap();
    keystore.seal("phone", b"", b"x").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "a secret, a key, a sealing key, nothing temporary: {files:?}");
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (_temporary, path) = folder();
    let keystore = KeystoreConfig::software(&path).open().unwrap();
    keystore.create("phone").unwrap();
    fs::set_permissions(path.join("phone.key"), Permissions::from_mode(0o640)).unwrap();
    let error = error_of(keystore.load("phone"));
    assert!(matches!(error, KeystoreError::TooOpen { mode: 0o640, .. }), "{error:?}");
    assert!(error.to_string().contains("mode 640"), "{error}");

    fs::set_permissions(path.join("machine-secret"), Permissions::from_mode(0o604)).unwrap();
    let error = error_of(KeystoreConfig::software(&path).open());
    assert!(matches!(error, KeystoreError::TooOpen { mode: 0o604, .. }), "{error:?}");

    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let error = error_of(KeystoreConfig::software(&path).open());
    assert!(matches!(error, KeystoreError::TooOpen { mode: 0o755, .. }), "{error:?}");
}

#[test]
fn a_key_file_that_was_tampered_with_is_refused() {
    let (_temporary, path) = folder();
    let keystore = KeystoreConfig::software(&path).open().unwrap();
    keystore.create("phone").unwrap();
    keystore.create("other").unwrap();
    let file = path.join("phone.key");
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    flipped[40] ^= 0x80;
    let of_another_label = fs::read(path.join("other.key")).unwrap();
    let far_too_long = vec![1; 70_000];
    for bytes in [&flipped[..], &good[..good.len() / 2], b"", &of_another_label, &far_too_long] {
        fs::write(&file, bytes).unwrap();
        let error = error_of(keystore.load("phone"));
        assert!(matches!(error, KeystoreError::Damaged(_)), "{error:?}");
    }
    fs::write(&file, &good).unwrap();
    assert!(keystore.load("phone").unwrap().is_some());
}

#[test]
fn a_stolen_folder_is_useless_without_the_secret() {
    let (temporary, path) = folder();
    let secret = temporary.path().join("credential");
    let config = KeystoreConfig::Software { directory: path.clone(), secret: Some(secret.clone()) };
    config.open().unwrap().create("phone").unwrap();
    assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
    assert!(!path.join("machine-secret").exists());

    let thief = KeystoreConfig::software(&path).open().unwrap();
    let error = error_of(thief.load("phone"));
    assert!(matches!(error, KeystoreError::Damaged(_)), "{error:?}");
}

#[test]
fn a_secret_that_is_too_short_is_refused() {
    let (temporary, path) = folder();
    let secret = temporary.path().join("credential");
    fs::write(&secret, [1; 31]).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o400)).unwrap();
    let config = KeystoreConfig::Software { directory: path, secret: Some(secret) };
    assert!(matches!(error_of(config.open()), KeystoreError::Damaged(_)));
}

#[test]
fn a_link_or_a_pipe_in_the_place_of_a_key_is_refused() {
    let (_temporary, path) = folder();
    let keystore = KeystoreConfig::software(&path).open().unwrap();
    keystore.create("phone").unwrap();
    fs::rename(path.join("phone.key"), path.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(path.join("elsewhere"), path.join("phone.key")).unwrap();
    assert!(matches!(error_of(keystore.load("phone")), KeystoreError::Io { .. }));
}

#[test]
fn keystores_are_configured_in_toml() {
    let parse = |text| toml::from_str::<KeystoreConfig>(text);
    let tpm = parse("kind = 'tpm'\ndirectory = '/k'").unwrap();
    let tcti = "device:/dev/tpmrm0".to_owned();
    assert_eq!(tpm, KeystoreConfig::Tpm { directory: "/k".into(), tcti });
    assert_eq!(
        parse("kind = 'software'\ndirectory = '/k'").unwrap(),
        KeystoreConfig::software("/k")
    );
    assert!(parse("kind = 'software'\ndirectory = '/k'\npin = 1").is_err());
}
