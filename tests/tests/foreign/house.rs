//! A server with an administrator, a nurse who may register a passkey, and the applications of a test.
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use imp_api::Client;
use imp_api::admin::{CreateUser, SignIn};
use imp_authenticator::tls::first_meeting;
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_server::{Config, Server};
use imp_tests::process::{self, Finished};
use imp_tests::{node, source_tree};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server in this process, as others' clients see it.
pub(super) struct House {
    pub(super) server: Server,
    pub(super) http: reqwest::Client,
    pub(super) token: String,
    pub(super) folder: TempDir,
}

impl House {
    /// Starts a server and signs its first administrator in.
    pub(super) async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// The same, with another configuration.
    pub(super) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let mut config = Config::at(&folder.path().join("data"));
        change(&mut config);
        let server = Server::start(config, clock.clone()).await.unwrap();
        let tls = || first_meeting(server.ca(), clock.clone()).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls()).no_proxy();
        let code = server.administrator_code().unwrap().clone();
        let first_administrator = Some(person("ada", Role::Administrator));
        let client = Client::new(server.url(), tls()).unwrap();
        let signed_in = client.sign_in(&SignIn { code, first_administrator }).await.unwrap();
        let token = signed_in.token.expose().clone();
        Self { http: http.build().unwrap(), server, token, folder }
    }

    /// What applications call the server.
    pub(super) fn issuer(&self) -> String {
        format!("https://localhost:{}", self.server.address().port())
    }

    /// Where the server keeps its data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The certificate that others must trust.
    pub(super) fn root(&self) -> PathBuf {
        self.data().join("keys/root.pem")
    }

    /// Asks the administration.
    pub(super) async fn ask(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.server.url());
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// A nurse, and an officer's code with which she registers a passkey.
    pub(super) async fn nurse(&self, name: &str) -> String {
        let user = self.ask("/v1/users", Some(json!(person(name, Role::Staff)))).await;
        let path = format!("/v1/users/{}/sign-in-code", user["id"].as_str().unwrap());
        let code = self.ask(&path, Some(json!({}))).await;
        code["code"].as_str().unwrap().to_owned()
    }

    /// Registers an application; answers its registration, with its identifier and secret.
    pub(super) async fn register(&self, metadata: &Value) -> Value {
        self.ask("/v1/clients", Some(metadata.clone())).await
    }

    /// Runs a command of the server's command line beside it.
    pub(super) fn command_line(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(process::binary("imp-server"));
        command.arg("--data").arg(self.data()).args(arguments);
        let finished = process::run(&mut command).unwrap();
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
        finished
    }

    /// Runs a Node.js program of `tests/foreign/node` to its end; it trusts the server's authority. Each of its `steps` must hold.
    pub(super) async fn run(&self, script: &str, settings: &Value, steps: usize) {
        self.run_explained(script, settings, steps, String::new).await;
    }

    /// The same; `log` tells more when it fails.
    pub(super) async fn run_explained(
        &self,
        script: &str,
        settings: &Value,
        steps: usize,
        log: impl Fn() -> String,
    ) {
        let input = self.folder.path().join("settings.json");
        std::fs::write(&input, settings.to_string()).unwrap();
        let mut command = node::command(script).unwrap();
        command.env("NODE_EXTRA_CA_CERTS", self.root());
        command.stdin(std::fs::File::open(input).unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let finished =
            tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&finished.stdout);
        let failed = String::from_utf8_lossy(&finished.stderr);
        assert!(finished.status.success(), "{script}:\n{said}\n{failed}\n{}", log());
        let held = said.lines().filter(|line| line.starts_with("ok ")).count();
        assert_eq!(held, steps, "{script} went through other steps than expected:\n{said}");
    }
}

/// The folder for pictures of pages, below the target directory, where people can look at them.
pub(super) fn shots(name: &str) -> PathBuf {
    let folder = node::packages().unwrap().join("../shots").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(super) fn person(name: &str, role: Role) -> CreateUser {
    let (username, display_name) = (name.to_owned(), name.to_uppercase());
    CreateUser { username, display_name, role: Some(role), unit: None, email: None }
}

/// A key and a certificate that it signed itself, `name.key` and `name.pem`: of RSA, because lasso signs with nothing else.
pub(super) fn certificate(folder: &Path, name: &str) {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]);
    command.arg("-keyout").arg(folder.join(format!("{name}.key")));
    command.arg("-out").arg(folder.join(format!("{name}.pem")));
    assert_eq!(process::run(&mut command).unwrap().code, Some(0));
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.join(format!("{name}.key")), readable).unwrap();
}

/// A port that nobody listens on at the moment.
pub(super) fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// The file that says how Apache is to be run.
pub(super) fn template(name: &str) -> String {
    std::fs::read_to_string(source_tree::root().join("tests/foreign").join(name)).unwrap()
}
