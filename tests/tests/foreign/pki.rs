//! A server that enrols devices and says which certificates count, and the programs by which others look at it.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use imp_identity::device::{CertificateRevocation, DeviceClass};
use imp_identity::name::Remark;
use imp_identity::{Actor, DeviceId, Event, UserId};
use imp_server::Config;
use imp_server::command::{self, DeviceChange};
use imp_server::store::Tables as _;
use imp_tests::estate;
use imp_tests::process::{self, Finished};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};
use rand_core::UnwrapErr;

use super::house::House;

/// The house, and where devices find what they need.
pub(super) struct Pki {
    pub(super) house: House,
    /// `https://localhost:<port>`
    pub(super) est: String,
    /// `http://127.0.0.1:<port>`
    pub(super) publication: String,
}

/// A generator for one command.
fn rng() -> StdRng {
    StdRng::from_rng(&mut UnwrapErr(SysRng))
}

/// A device in the inventory, and its one-time code.
pub(super) struct Invited {
    pub(super) id: DeviceId,
    pub(super) code: String,
}

impl Pki {
    /// Opens a house; `change` may say more.
    pub(super) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        // Its address stands in certificates, so it must be known before.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let publication = format!("http://{free}");
        let house = House::open_with(|config| {
            config.est.listen = Some("127.0.0.1:0".parse().unwrap());
            config.revocation.listen = Some(free);
            config.devices.public_url = Some(publication.clone());
            change(config);
        })
        .await;
        let port = house.server.est_address().unwrap().port();
        Self { est: format!("https://localhost:{port}"), publication, house }
    }

    /// The folder where everybody's files are.
    pub(super) fn folder(&self) -> &Path {
        self.house.folder.path()
    }

    /// A file there.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Registers a device of this class and makes a one-time code for it; its name is also its serial number and, below
    /// `hospital.example`, its one name on the network.
    pub(super) async fn device(&self, name: &str, class: DeviceClass) -> Invited {
        let (app, mut rng) = (self.house.server.app(), rng());
        let id = estate::register(app, &mut rng, name, class).await.unwrap().id;
        let day = SignedDuration::from_hours(24);
        let context = &mut estate::context(app, &mut rng);
        let invited = command::invite_device(context, Actor::Server, id, day).await.unwrap();
        Invited { id, code: invited.code.expose() }
    }

    /// Changes the state of a device.
    pub(super) async fn change(&self, id: DeviceId, change: DeviceChange) {
        let (app, mut rng) = (self.house.server.app(), rng());
        let reason: Remark = "a test".parse().unwrap();
        let context = &mut estate::context(app, &mut rng);
        command::change_device(context, Actor::Server, id, change, reason).await.unwrap();
    }

    /// Revokes the certificate in a file.
    pub(super) async fn revoke(&self, file: &str, reason: CertificateRevocation) {
        let serial = self.serial(file);
        let (app, mut rng) = (self.house.server.app(), rng());
        let context = &mut estate::context(app, &mut rng);
        command::revoke_certificate(context, Actor::Server, &serial, reason).await.unwrap();
    }

    /// The serial number of the certificate in a file, as the server writes it.
    pub(super) fn serial(&self, file: &str) -> String {
        let said = self.done("openssl", &["x509", "-in", file, "-noout", "-serial"]);
        said.trim().trim_start_matches("serial=").trim_start_matches('0').to_lowercase()
    }

    /// A second person approves what waits, as soon as something does.
    pub(super) async fn approve(&self) {
        let (app, mut rng) = (self.house.server.app(), rng());
        let wait = async {
            loop {
                let open = command::open_approvals(&app.storage).await.unwrap();
                if let Some(approval) = open.first() {
                    return approval.id;
                }
                tokio::time::sleep(process::POLL).await;
            }
        };
        let id = tokio::time::timeout(process::PATIENCE, wait).await.expect("something waits");
        let day = SignedDuration::from_hours(24);
        let second: UserId = "01890a5d-ac96-774b-bcce-b302099a8059".parse().unwrap();
        let context = &mut estate::context(app, &mut rng);
        command::approve_device(context, Actor::User(second), id, day).await.unwrap();
    }

    /// A program that runs in the folder of the files.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder()).args(arguments);
        // Its library stops at TLS 1.2 unless it is told.
        command.env("STRONGSWAN_CONF", self.file("strongswan.conf"));
        std::fs::write(self.file("strongswan.conf"), "libtls { version_max = 1.3 }\n").unwrap();
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        process::run(&mut self.command(program, arguments)).unwrap()
    }

    /// The same; it must succeed. What it printed, on both streams.
    pub(super) fn done(&self, program: &str, arguments: &[&str]) -> String {
        let Finished { code, stdout, stderr } = self.run(program, arguments);
        let said = format!("{stdout}{stderr}");
        assert_eq!(code, Some(0), "{program} {arguments:?}: {said}");
        said
    }

    /// A P-256 key and a request for `names`, as a body of EST: files `<name>.key`, `<name>.der` and `<name>.b64`.
    pub(super) fn request(&self, name: &str, names: &[&str]) {
        let (key, der) = (format!("{name}.key"), format!("{name}.der"));
        let mut arguments = vec!["req", "-new", "-newkey", "ec", "-nodes", "-subj", "/"];
        arguments.extend(["-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", &key]);
        arguments.extend(["-outform", "der", "-out", &der]);
        let extension = format!("subjectAltName={}", names.join(","));
        if !names.is_empty() {
            arguments.extend(["-addext", &extension]);
        }
        self.done("openssl", &arguments);
        self.done("openssl", &["base64", "-in", &der, "-out", &format!("{name}.b64")]);
    }

    /// Asks EST by curl; the status and the body.
    pub(super) fn curl(&self, path: &str, more: &[&str]) -> (u16, String) {
        let url = format!("{}/.well-known/est/{path}", self.est);
        let root = self.house.root();
        let mut arguments = vec!["--silent", "--show-error", "--cacert", root.to_str().unwrap()];
        arguments.extend(["--output", "answer", "--write-out", "%{http_code}"]);
        arguments.extend(more);
        arguments.push(&url);
        let Finished { stdout, stderr, .. } = self.run("curl", &arguments);
        let status = stdout.trim().parse().unwrap_or_else(|_| panic!("{path}: {stdout}{stderr}"));
        let body = std::fs::read(self.file("answer")).unwrap_or_default();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Asks for a certificate by curl, with the request `<name>.b64`; it becomes `<name>.pem`.
    pub(super) fn enrol(&self, operation: &str, name: &str, more: &[&str]) -> (u16, String) {
        let data = format!("@{name}.b64");
        let kind = "Content-Type: application/pkcs10";
        let arguments = [&["--header", kind, "--data-binary", &data], more].concat();
        let (status, body) = self.curl(operation, &arguments);
        if status == 200 {
            std::fs::write(self.file("answer.b64"), &body).unwrap();
            self.done("openssl", &["base64", "-d", "-A", "-in", "answer.b64", "-out", "answer.p7"]);
            let read = ["pkcs7", "-inform", "der", "-in", "answer.p7", "-print_certs"];
            let pem = format!("{name}.pem");
            self.done("openssl", &[&read[..], &["-out", &pem]].concat());
        }
        (status, body)
    }

    /// The root and the authority that issues, by EST: files `root.pem` and `issuing.pem`.
    pub(super) fn authorities(&self) {
        std::fs::copy(self.house.root(), self.file("root.pem")).unwrap();
        std::fs::copy(self.house.data().join("keys/issuing.pem"), self.file("issuing.pem"))
            .unwrap();
    }

    /// Waits until the log has a refusal with this word: of a handshake it is written after the other side was told.
    pub(super) async fn is_refused(&self, word: &str) {
        let known = async {
            while !self.refusals().await.iter().any(|refused| refused == word) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), known).await;
        assert!(waited.is_ok(), "{word}: {:?}", self.refusals().await);
    }

    /// The words of all refusals in the log.
    pub(super) async fn refusals(&self) -> Vec<String> {
        let mut reading = self.house.server.app().storage.read().await.unwrap();
        let stored = reading.entries().page(0, 500).await.unwrap();
        let events = stored.iter().map(|stored| stored.entry().unwrap().unwrap().record.event);
        let refused = events.filter_map(|event| {
            if let Event::DeviceEnrolmentRefused { reason, .. } = event {
                Some(reason)
            } else {
                None
            }
        });
        refused.collect()
    }
}
