use imp_identity::Clock;

use super::*;
use jiff::ToSpan as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

#[test]
fn keys_are_made_once_and_for_this_account_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = open(&Config::at(&data)).unwrap();
    let again = open(&Config::at(&data)).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    assert_eq!(first.statement_key().public_key(), again.statement_key().public_key());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join(DIRECTORY)), 0o700);
    for entry in fs::read_dir(data.join(DIRECTORY)).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn keys_that_others_may_read_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(folder.path());
    open(&config).unwrap();
    for (name, mode) in [("keys/root.key", 0o640), ("keys", 0o750)] {
        let path = folder.path().join(name);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&config).err().unwrap();
        assert!(error.to_string().contains("chmod -R go="), "{error}");
        fs::set_permissions(&path, before).unwrap();
    }
    open(&config).unwrap();
}

#[test]
fn a_first_start_that_was_killed_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("keys.incomplete");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("root.key"), "half a k").unwrap();
    open(&Config::at(folder.path())).unwrap();
    assert!(!half.exists());
}

#[test]
fn an_installation_of_an_earlier_version_is_given_the_keys_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(folder.path());
    let first = open(&config).unwrap();
    let keys = folder.path().join(DIRECTORY);
    for name in ["log.key", "set.key"] {
        fs::remove_file(keys.join(name)).unwrap();
        fs::write(keys.join(format!("{name}.incomplete")), "half a k").unwrap();
        fs::set_permissions(
            keys.join(format!("{name}.incomplete")),
            fs::Permissions::from_mode(0o600),
        )
        .unwrap();
    }
    let second = open(&config).unwrap();
    assert_eq!(second.fingerprint(), first.fingerprint());
    assert_ne!(second.log_key().verifier_key(), first.log_key().verifier_key());
    let third = open(&config).unwrap();
    assert_eq!(third.log_key().verifier_key(), second.log_key().verifier_key());
    assert_eq!(third.set_key().public_key().as_spki(), second.set_key().public_key().as_spki());
    let origin = format!("{}/log", config.trust_domain);
    assert_eq!(third.log_key().verifier_key().name(), origin);
    for entry in fs::read_dir(keys).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!entry.path().to_string_lossy().ends_with(".incomplete"));
    }
}

#[test]
fn another_trust_domain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(folder.path());
    open(&config).unwrap();
    let other = Config { trust_domain: "other.example".parse().unwrap(), ..config };
    assert!(matches!(open(&other), Err(KeysError::TrustDomain { .. })));
}

#[test]
fn a_spoilt_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(folder.path());
    open(&config).unwrap();
    fs::write(folder.path().join("keys/statement.key"), "nonsense").unwrap();
    assert!(open(&config).err().unwrap().to_string().contains("statement.key"));
}

#[test]
fn the_listener_renews_its_certificate_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(&Config::at(folder.path())).unwrap();
    let hands = Arc::new(Hands(Mutex::new(start())));
    let clock: Arc<dyn Clock> = hands.clone();
    let mut rng = StdRng::seed_from_u64(1);
    assert!(keys.listener(start()).is_none());
    let first = keys.show(keys.new_listener(&clock, start(), &mut rng).unwrap());
    let later = |days: i64| start() + (days * 24).hours();
    assert!(Arc::ptr_eq(&first, &keys.listener(later(19)).unwrap()));
    assert!(!first.is_due(later(19)) && first.is_due(later(21)));
    assert!(Arc::ptr_eq(&first, &keys.listener(later(29)).unwrap()), "rather than none");
    assert!(keys.listener(later(31)).is_none(), "it has expired");
    *hands.0.lock().unwrap() = later(21);
    let second = keys.show(keys.new_listener(&clock, later(21), &mut rng).unwrap());
    assert!(Arc::ptr_eq(&second, &keys.listener(later(21)).unwrap()));
    assert_ne!(first.certificate.serial(), second.certificate.serial());
}

struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn open(config: &Config) -> Result<Keys, KeysError> {
    Keys::open(config, start(), &mut StdRng::seed_from_u64(1))
}

fn start() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

mod authorities;
