//! The commands for the certificate authorities, typed as `docs/devices.md` says: the root is sealed, a new authority issues, the
//! old one is retired, another root vouches for it; and what is typed wrongly changes nothing. OpenSSL says who trusts whom.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use imp_identity::Digest;
use imp_identity::clock::SystemClock;
use imp_identity::device::DeviceClass;
use imp_tests::estate;
use imp_tests::process::{self, Finished};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";

/// A hospital's server, and beside it a safe: all below one folder.
struct Office {
    folder: TempDir,
}

impl Office {
    fn open() -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(office.path("safe")).unwrap();
        for (name, text) in
            [("passphrase", PASSPHRASE), ("wrong", "incorrect horse battery"), ("short", "horse")]
        {
            fs::write(office.path(name), format!("{text}\n")).unwrap();
        }
        // The first start, without serving.
        office.done(&["token"]);
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `imp-server …` in the folder, with the installation `data`.
    fn run_at(&self, data: &str, words: &[&str]) -> Finished {
        let mut command = Command::new(process::binary("imp-server"));
        command.current_dir(self.folder.path()).args(["--data", data]).args(words);
        process::run(&mut command).unwrap()
    }

    fn done(&self, words: &[&str]) -> String {
        let done = self.run_at("data", words);
        assert_eq!(done.code, Some(0), "{words:?}: {}", done.stderr);
        done.stdout
    }

    /// It must fail, with these words among what it says.
    fn refused(&self, words: &[&str], said: &str) {
        let refused = self.run_at("data", words);
        assert_eq!(refused.code, Some(1), "{words:?}: {}", refused.stdout);
        assert!(refused.stderr.contains(said), "{words:?}: {}", refused.stderr);
    }

    fn openssl(&self, words: &[&str]) -> bool {
        let mut command = Command::new("openssl");
        let finished = process::run(command.current_dir(self.folder.path()).args(words)).unwrap();
        finished.code == Some(0)
    }

    /// Whether OpenSSL verifies `leaf` by what is sent along, trusting `root` alone.
    fn verifies(&self, root: &str, sent: &str, leaf: &str) -> bool {
        let purpose = ["verify", "-x509_strict", "-purpose", "sslclient"];
        self.openssl(&[&purpose[..], &["-CAfile", root, "-untrusted", sent, leaf]].concat())
    }

    /// Registers a device and issues a certificate to it: `<name>.pem`, and its issuers in `<name>-chain.pem`.
    async fn device(&self, name: &str) {
        let clock = Arc::new(SystemClock);
        let app = estate::open(&self.path("data"), None, clock, |_| ()).await.unwrap();
        let mut rng = StdRng::from_seed(*Digest::of(&[name.as_bytes()]).as_bytes());
        let device = estate::register(&app, &mut rng, name, DeviceClass::Server).await.unwrap();
        let issued = estate::enrol(&app, &mut rng, &device).await.unwrap();
        let pem = |der: &[u8]| {
            let text = data_encoding::BASE64_MIME.encode(der);
            format!("-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
        };
        fs::write(self.path(&format!("{name}.pem")), pem(issued.certificate.der())).unwrap();
        let chain: String = issued.chain.iter().map(|der| pem(der)).collect();
        fs::write(self.path(&format!("{name}-chain.pem")), chain).unwrap();
        app.storage.close().await;
    }

    /// What `ca status --json` shows: the root, then the issuing authorities.
    fn status(&self) -> Vec<Value> {
        let shown: Value = serde_json::from_str(&self.done(&["ca", "status", "--json"])).unwrap();
        shown.as_array().unwrap().clone()
    }

    /// The digest of the authority that issues, and the file of its certificate.
    fn issuing(&self) -> (String, String) {
        let status = self.status();
        let issues = status.iter().find(|it| it["role"] == "issues").unwrap();
        let digest = issues["digest"].as_str().unwrap().to_owned();
        let files = fs::read_dir(self.path("data/keys")).unwrap();
        let file = files
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|it| it == "pem"))
            .find(|path| Self::digest(path) == digest)
            .unwrap();
        (digest, file.display().to_string())
    }

    fn digest(pem: &Path) -> String {
        let mut command = Command::new("openssl");
        command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(pem);
        let said = process::run(&mut command).unwrap().stdout;
        let said = said.trim().rsplit('=').next().unwrap_or_default().replace(':', "");
        said.to_lowercase()
    }

    /// How often each event about authorities stands in the log.
    fn events(&self) -> [usize; 3] {
        events(&self.done(&["events", "--all", "--json"]))
    }
}

/// How often each event about authorities stands in what `events` printed.
fn events(said: &str) -> [usize; 3] {
    let entries = serde_json::Deserializer::from_str(said).into_iter::<Value>();
    let kinds: Vec<Value> = entries.map(|entry| entry.unwrap()["kind"].clone()).collect();
    ["authority-made", "authority-cross-signed", "authority-retired"]
        .map(|wanted| kinds.iter().filter(|kind| **kind == wanted).count())
}

#[test]
fn a_root_is_sealed_once_and_nothing_in_the_way_is_overwritten() {
    let office = Office::open();
    let seal = |to: &'static str, word: &'static str| {
        vec!["ca", "seal-root", "--to", to, "--passphrase-file", word]
    };
    fs::write(office.path("safe/other.pem"), "somebody's").unwrap();
    office.refused(&seal("safe/other.pem", "passphrase"), "exists");
    assert_eq!(fs::read_to_string(office.path("safe/other.pem")).unwrap(), "somebody's");
    office.refused(&seal("safe/root.pem", "short"), "at least 12 characters");
    office.refused(&seal("nowhere/root.pem", "passphrase"), "cannot be written");
    office.refused(&seal("safe/root.pem", "missing"), "No such file");
    // Nobody types: what comes from stdin is empty.
    office.refused(&["ca", "seal-root", "--to", "safe/root.pem"], "no passphrase");
    assert!(office.path("data/keys/root.key").exists(), "nothing was removed");
    assert!(!office.path("safe/root.pem").exists());

    let said = office.done(&seal("safe/root.pem", "passphrase"));
    assert!(said.contains("safe/root.pem and nowhere else"), "{said}");
    assert!(!office.path("data/keys/root.key").exists());
    assert!(office.done(&["ca", "status"]).starts_with("root, off line"));
    office.refused(&seal("safe/again.pem", "passphrase"), "sealed or moved before");
    let reads = |word: &str| {
        let pass = format!("file:{word}");
        office.openssl(&["pkey", "-noout", "-in", "safe/root.pem", "-passin", &pass])
    };
    assert!(reads("passphrase") && !reads("wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_issues_the_old_one_is_retired_and_chains_of_both_verify() {
    let office = Office::open();
    office.done(&["ca", "seal-root", "--to", "safe/root.pem", "--passphrase-file", "passphrase"]);
    office.device("old").await;
    let (old, _) = office.issuing();
    let root = |word: &'static str| {
        vec!["ca", "new-issuing", "--root", "safe/root.pem", "--passphrase-file", word]
    };
    office.refused(&["ca", "new-issuing"], "--root");
    office.refused(&root("wrong"), "does not open");
    let other = ["ca", "new-issuing", "--root", "data/keys/root.pem"];
    let other = [&other[..], &["--passphrase-file", "passphrase"]].concat();
    office.refused(&other, "not an encrypted private key");
    // Another installation's root, with its right passphrase.
    let seal = ["ca", "seal-root", "--to", "safe/other.pem", "--passphrase-file", "passphrase"];
    assert_eq!(office.run_at("other", &seal).code, Some(0));
    let others = ["ca", "new-issuing", "--root", "safe/other.pem"];
    let others = [&others[..], &["--passphrase-file", "passphrase"]].concat();
    office.refused(&others, "not that of this installation's root");
    assert_eq!(office.issuing().0, old, "nothing was changed");
    assert_eq!(office.events(), [2, 0, 0], "the root and the first authority");

    let made = office.done(&root("passphrase"));
    assert!(made.contains("issues from now on"), "{made}");
    let (new, _) = office.issuing();
    assert_ne!(new, old);
    assert_eq!(office.status().len(), 3);
    office.device("new").await;
    for name in ["old", "new"] {
        let (chain, leaf) = (format!("{name}-chain.pem"), format!("{name}.pem"));
        assert!(office.verifies("data/keys/root.pem", &chain, &leaf), "{name}");
    }
    assert!(!office.verifies("data/keys/root.pem", "old-chain.pem", "new.pem"), "another issuer");

    office.refused(&["ca", "retire", &new[..12], "--now"], "make another one first");
    office.refused(&["ca", "retire", &old[..7]], "no such issuing authority");
    office.refused(&["ca", "retire", "00000000"], "no such issuing authority");
    office.refused(&["ca", "retire", &old[..12]], "1 certificates of this authority count");
    assert_eq!(office.status().len(), 3, "nothing was changed");
    let retired = office.done(&["ca", "retire", &old[..12], "--now"]);
    assert!(retired.starts_with("retired IMP issuing") || retired.contains("IMP issuing"));
    office.refused(&["ca", "retire", &old[..12], "--now"], "no such issuing authority");
    assert_eq!(office.status().len(), 2);
    assert!(!office.path("data/keys/issuing.key").exists(), "its key is gone");
    assert!(office.verifies("data/keys/root.pem", "old-chain.pem", "old.pem"), "until it expires");
    assert_eq!(office.events(), [3, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_root_vouches_for_our_authority_and_both_sides_verify() {
    let office = Office::open();
    office.device("pump").await;
    let (_, issuing) = office.issuing();
    let sign = |certificate: &str| office.run_at("other", &["ca", "cross-sign", certificate]);
    assert_eq!(office.run_at("other", &["token"]).code, Some(0));
    for (certificate, said) in [
        ("pump.pem", "not the certificate of an issuing authority"),
        ("passphrase", "not a certificate in PEM"),
        ("missing.pem", "No such file"),
    ] {
        let refused = sign(certificate);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
        assert!(refused.stderr.contains(said), "{certificate}: {}", refused.stderr);
    }
    let signed = sign(&issuing);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    fs::write(office.path("cross.pem"), &signed.stdout).unwrap();

    let strangers = "other/keys/issuing.pem";
    office.refused(&["ca", "add-cross", strangers], "not for the name and key");
    office.refused(&["ca", "add-cross", "data/keys/root.pem"], "not for the name and key");
    office.refused(&["ca", "add-cross", &issuing], "there already");
    let (ours, theirs) = ("data/keys/root.pem", "other/keys/root.pem");
    assert!(!office.verifies(theirs, "pump-chain.pem", "pump.pem"), "they do not know us yet");
    let added = office.done(&["ca", "add-cross", "cross.pem"]);
    assert!(added.starts_with("handing out "), "{added}");
    office.refused(&["ca", "add-cross", "cross.pem"], "there already");
    assert!(office.done(&["ca", "status"]).contains("cross-signed"));

    office.device("monitor").await;
    let handed_out = fs::read_to_string(office.path("monitor-chain.pem")).unwrap();
    assert_eq!(handed_out.matches("BEGIN CERTIFICATE").count(), 2, "it is handed out");
    for leaf in ["pump.pem", "monitor.pem"] {
        assert!(office.verifies(ours, "monitor-chain.pem", leaf), "{leaf} under our root");
        assert!(office.verifies(theirs, "cross.pem", leaf), "{leaf} under theirs");
    }
    // Where only the other root is trusted, OpenSSL has to be given the bridge among what it trusts.
    let both = fs::read_to_string(office.path(theirs)).unwrap() + &signed.stdout;
    fs::write(office.path("bridge.pem"), both).unwrap();
    assert!(office.verifies("bridge.pem", "monitor-chain.pem", "monitor.pem"));
    let said = office.run_at("other", &["events", "--all", "--json"]).stdout;
    assert_eq!(events(&said), [2, 1, 0], "in the log of who signed");
    assert_eq!(office.events(), [2, 1, 0], "and of who hands it out");
}
