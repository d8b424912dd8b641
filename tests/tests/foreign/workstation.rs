//! openid-client, certified by the OpenID Foundation, and Chromium at a workstation where a nurse taps in: token exchange,
//! step-up by `acr_values` and `max_age`, both algorithms, and keys that change.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_authenticator::signer::{SignError, Signer};
use imp_client::credentials::StoredCredentials;
use imp_client::state::StateDirectory;
use imp_hardware::keystore::{Keystore, KeystoreConfig, KeystoreError};
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_identity::{Clock as _, Secret};
use imp_tests::world::{BoundPhone, WARD, Workstation, World, faces};
use imp_tests::{node, process};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::house::{certificate, free_port, shots};

const STEPS: usize = 8;

/// A keystore whose signing key another program may have, too: the test's applications speak for the workstation.
struct Shared {
    inner: Arc<dyn Keystore>,
    file: PathBuf,
}

struct Pair {
    pair: EcdsaKeyPair,
    public_key: Vec<u8>,
}

impl Shared {
    fn open(folder: &Path) -> Self {
        let inner = KeystoreConfig::software(folder.join("shared-keys")).open().unwrap();
        Self { inner, file: folder.join("workstation.key") }
    }

    fn signer(&self) -> Option<Arc<dyn Signer>> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let document = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public_key = der.as_ref().to_vec();
        Some(Arc::new(Pair { pair, public_key }))
    }
}

impl Signer for Pair {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        signature.as_ref().try_into().map_err(SignError::new)
    }
}

impl Keystore for Shared {
    fn create(&self, label: &str) -> Result<Arc<dyn Signer>, KeystoreError> {
        if self.file.exists() {
            return Err(KeystoreError::Exists(label.to_owned()));
        }
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        std::fs::write(&self.file, pem("PRIVATE KEY", made.unwrap().as_ref())).unwrap();
        Ok(self.signer().unwrap())
    }

    fn load(&self, _: &str) -> Result<Option<Arc<dyn Signer>>, KeystoreError> {
        Ok(self.signer())
    }

    fn seal(&self, label: &str, data: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, KeystoreError> {
        self.inner.seal(label, data, plaintext)
    }

    fn unseal(
        &self,
        label: &str,
        data: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, KeystoreError> {
        self.inner.unseal(label, data, sealed)
    }

    fn delete(&self, label: &str) -> Result<(), KeystoreError> {
        self.inner.delete(label)
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64_MIME.encode(der);
    format!("-----BEGIN {kind}-----\r\n{text}-----END {kind}-----\r\n")
}

/// The applications of the test, as RFC 7591 writes them.
fn applications() -> [(&'static str, Value); 5] {
    let web = |name: &str, redirect: &str| {
        json!({
            "client_name": name,
            "redirect_uris": [redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile",
        })
    };
    let native = |name: &str| {
        json!({
            "client_name": name,
            "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
            "scope": "openid profile",
        })
    };
    let edwards = |mut metadata: Value| {
        metadata["id_token_signed_response_alg"] = json!("EdDSA");
        metadata
    };
    let gateway = json!({
        "client_name": "Gateway", "grant_types": ["client_credentials"], "scope": "introspect",
    });
    [
        ("charts", web("Charts", "https://charts.example/callback")),
        ("rota", edwards(web("Rota", "https://charts.example/rota"))),
        ("dictation", native("Dictation")),
        ("scribe", edwards(native("Scribe"))),
        ("gateway", gateway),
    ]
}

/// A ward whose nurse is at work, and whose workstation's key the test's applications have.
struct Desk {
    world: World,
    workstation: Workstation,
    _phone: BoundPhone,
    /// When the keys change.
    change: Mutex<Option<Timestamp>>,
    settings: Value,
}

impl Desk {
    async fn open() -> Self {
        // The clients have clocks of their own.
        let world = World::start_at(SystemClock.now(), |config| {
            config.sign_on.broker_port = free_port();
            config.oauth.key_overlap_hours = 1;
        });
        let world = world.await;
        let folder = world.folder.path().to_owned();
        let keystore = Arc::new(Shared::open(&folder));
        let workstation = world.workstation_keeping("Ward 3 left", Some(WARD), keystore).await;
        world.user("ada", Role::Staff, Some(WARD)).await;
        let phone = world.enrol(&workstation, "ada", faces::ADA_ENROLLED).await;
        workstation.scene.shows(faces::path(faces::ADA));
        let session = workstation.admits("ada").await;
        let mut clients = Map::new();
        for (name, metadata) in applications() {
            let mut client: Value =
                world.administrator.post("v1/clients", &metadata).await.expect("a client");
            for (member, value) in metadata.as_object().unwrap() {
                client[member] = value.clone();
            }
            clients.insert(name.to_owned(), client);
        }
        certificate(&folder, "pages");
        let state = StateDirectory::open(&workstation.folder).unwrap();
        let credentials = StoredCredentials::read(&state).unwrap().unwrap().credentials;
        let chain = credentials.certificate_chain.iter();
        let chain: String = chain.map(|one| pem("CERTIFICATE", &one.0)).collect();
        std::fs::write(folder.join("workstation.pem"), chain).unwrap();
        let settings = json!({
            "issuer": world.issuer(),
            "username": "ada",
            "session": session.id,
            "now": world.now().as_millisecond(),
            "workstation": credentials.spiffe_id,
            "clients": clients,
            "shots": shots("workstation"),
            "tls": { "key": folder.join("pages.key"), "certificate": folder.join("pages.pem") },
            "machine": {
                "key": folder.join("workstation.key"),
                "certificate": folder.join("workstation.pem"),
            },
        });
        Self { world, workstation, _phone: phone, change: Mutex::default(), settings }
    }

    /// What happens in the hospital when the program asks for it.
    async fn happens(&self, what: &str) {
        match what.split_once(' ') {
            Some(("advance", seconds)) => {
                let seconds = SignedDuration::from_secs(seconds.parse().unwrap());
                self.world.clock.advance(seconds);
            }
            None if what == "lock" => self.workstation.agent.lock().await,
            None if what == "rotate" => *self.change.lock().unwrap() = Some(self.rotate()),
            _ if what == "come close to the change" => {
                let change = self.change.lock().unwrap().expect("the keys are to change");
                let before =
                    change.duration_since(self.world.now()) - SignedDuration::from_secs(30);
                self.world.clock.advance(before);
            }
            _ if what == "resume by the phone alone" => {
                let change = |policy: &mut imp_identity::policy::Policy| {
                    policy.session.reauthentication = Some(SignedDuration::from_mins(5));
                };
                self.world.set_policy(change).await;
                self.workstation.agent.lock().await;
                let report = self.workstation.tap_by_phone_alone().await;
                assert!(report.accepted(), "{report:?}");
            }
            _ => panic!("nobody knows how to {what}"),
        }
    }

    /// The keys change early, by the command line beside the running server; answers when.
    fn rotate(&self) -> Timestamp {
        let mut command = Command::new(process::binary("imp-server"));
        command.arg("--data").arg(self.world.folder.path().join("server"));
        let config = self.world.folder.path().join("imp.toml");
        std::fs::write(&config, "[oauth]\nkey_overlap_hours = 1\n").unwrap();
        command.arg("--config").arg(config).args(["key", "rotate"]);
        let finished = process::run(&mut command).unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let next = finished.stdout.lines().find(|line| line.contains(" next "));
        let next = next.unwrap_or_else(|| panic!("no next key: {}", finished.stdout));
        let (_, from) = next.split_once("signs from ").unwrap();
        from.split_whitespace().next().unwrap().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_client_at_a_workstation_exchanges_steps_up_and_outlives_a_change_of_keys() {
    let desk = Desk::open().await;
    let mut command = node::command("workstation.mjs").unwrap();
    command.env("NODE_EXTRA_CA_CERTS", desk.world.folder.path().join("server/keys/root.pem"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
    let mut tell = program.stdin.take().unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
    tell.write_all(format!("{}\n", desk.settings).as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while let Some(line) = said.next_line().await.unwrap() {
        if let Some(what) = line.strip_prefix("please ") {
            desk.happens(what).await;
            let now = format!("{}\n", desk.world.now().as_millisecond());
            tell.write_all(now.as_bytes()).await.unwrap();
        }
        heard.push(line);
    }
    let mut failed = String::new();
    program.stderr.take().unwrap().read_to_string(&mut failed).await.unwrap();
    let status = program.wait().await.unwrap();
    assert!(status.success(), "{}\n{failed}", heard.join("\n"));
    let held = heard.iter().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, STEPS, "other steps than expected:\n{}", heard.join("\n"));
}
