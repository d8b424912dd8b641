//! A server in this process, with a database in a file; devices that answer on addresses of loopback; keys for their clients.
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use imp_api::admin::{CreateUser, SignIn};
use imp_authenticator::tls::first_meeting;
use imp_identity::Clock;
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_server::{Config, Server};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Failure;
use super::client::Client;

/// A server and where its files are.
pub(super) struct Installation {
    server: Server,
    /// The address of the service.
    pub(super) base: String,
    http: reqwest::Client,
    token: String,
    devices: Arc<Devices>,
    data: tempfile::TempDir,
}

/// What devices answer by HTTP: what was said of a token, or a file of a folder.
struct Devices {
    said: Mutex<HashMap<String, String>>,
    folder: PathBuf,
}

/// The address of a device of the bench.
fn address(number: usize) -> String {
    format!("127.1.{}.{}", number / 250, number % 250 + 1)
}

impl Installation {
    /// A new one.
    pub(super) async fn open() -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        // Devices answer at every address of loopback.
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let mut config = Config::at(&data.path().join("data"));
        config.limits.failures_per_minute = 1_000_000;
        // `localhost` is the device's for which lego asks, and so not the server's.
        config.http.names = vec!["127.0.0.1".parse()?];
        config.acme.networks = vec!["127.0.0.0/8".parse()?];
        config.acme.http_port = listener.local_addr()?.port();
        let folder = data.path().join("challenges");
        let devices = Arc::new(Devices { said: Mutex::default(), folder });
        answer_by_http(listener, Arc::clone(&devices));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = Server::start(config, clock.clone()).await?;
        let tls = || first_meeting(server.ca(), clock.clone());
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls()?).no_proxy();
        let code = server.administrator_code().ok_or("no code")?.clone();
        let first_administrator = Some(CreateUser {
            username: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            role: Some(Role::Administrator),
            unit: None,
            email: None,
        });
        let api = imp_api::Client::new(server.url(), tls()?)?;
        let signed_in = api.sign_in(&SignIn { code, first_administrator }).await?;
        let token = signed_in.token.expose().clone();
        let base = format!("{}/acme", server.app().issuer);
        Ok(Self { base, http: http.build()?, token, devices, data, server })
    }

    /// A client of a new device, with an account.
    pub(super) async fn client(&self, number: usize) -> Result<Client, Failure> {
        let name = address(number);
        let (id, key) = self.key(&format!("device {number}"), &name).await?;
        let secret = BASE64URL_NOPAD.decode(key.as_bytes())?;
        Client::register(self.http.clone(), &self.base, name, (&id, &secret)).await
    }

    /// Registers a device, and makes a key for its clients.
    async fn key(&self, device: &str, name: &str) -> Result<(String, String), Failure> {
        let url = format!("{}/v1/devices", self.server.url());
        let body = json!({"name": device, "class": "server", "names": [name]});
        let answer = self.http.post(url).bearer_auth(&self.token).json(&body).send().await?;
        if !answer.status().is_success() {
            return Err(answer.text().await?.into());
        }
        let program = Path::new(env!("CARGO_BIN_EXE_imp-server"));
        let mut command = Command::new(program);
        command.arg("--data").arg(self.data.path().join("data"));
        command.args(["acme", "key", "add", "--reusable", "--json", "--device", device]);
        let output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let made: Value = serde_json::from_slice(&output.stdout)?;
        let text = |member: &str| made[member].as_str().map(str::to_owned).ok_or("no key");
        Ok((text("kid")?, text("hmac")?))
    }

    /// A certificate request for an address, with a new key.
    pub(super) fn request(address: &str) -> Result<Vec<u8>, Failure> {
        let mut params = CertificateParams::new(vec![address.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(&KeyPair::generate()?)?.der().to_vec())
    }

    /// Lets devices answer for a token.
    pub(super) fn say(&self, token: &str, text: String) {
        let mut said = self.devices.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(token.to_owned(), text);
    }

    /// The token was looked at.
    pub(super) fn forget(&self, token: &str) {
        self.devices.said.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// The key with which `lego` makes its accounts.
    pub(super) async fn lego_key(&self) -> Result<(String, String), Failure> {
        self.key("lego", "localhost").await
    }

    /// A run of `lego`, from its start to its end; none if it is not installed. It writes the answers into a folder, from which
    /// they are served.
    pub(super) async fn lego(
        &self,
        number: usize,
        (id, key): &(String, String),
    ) -> Result<Option<Duration>, Failure> {
        std::fs::create_dir_all(&self.devices.folder)?;
        let mut lego = Command::new("lego");
        lego.env("LEGO_CA_CERTIFICATES", self.data.path().join("data/keys/root.pem"));
        lego.args(["--server", &format!("{}/directory", self.base), "--accept-tos"]);
        lego.args(["--email", "it@hospital.example", "--key-type", "ec256", "--eab"]);
        lego.args(["--kid", id, "--hmac", key, "--domains", "localhost"]);
        lego.arg("--path").arg(self.data.path().join(format!("lego-{number}")));
        lego.arg("--http").arg("--http.webroot").arg(&self.devices.folder).arg("run");
        lego.stdout(Stdio::null());
        let began = Instant::now();
        match tokio::task::spawn_blocking(move || lego.output()).await? {
            Ok(output) if output.status.success() => Ok(Some(began.elapsed())),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.server.stop().await?;
        Ok(())
    }
}

fn answer_by_http(listener: TcpListener, devices: Arc<Devices>) {
    #[expect(clippy::disallowed_methods, reason = "devices answer as long as the bench lasts")]
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&devices)));
        }
    });
}

async fn answer(mut stream: TcpStream, devices: Arc<Devices>) -> std::io::Result<()> {
    let mut asked = [0; 2048];
    let length = stream.read(&mut asked).await?;
    let asked = String::from_utf8_lossy(asked.get(..length).unwrap_or_default()).into_owned();
    let path = asked.split(' ').nth(1).unwrap_or_default();
    let token = path.rsplit('/').next().unwrap_or_default();
    let said = devices.said.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
    let file = || std::fs::read_to_string(devices.folder.join(path.trim_start_matches('/')));
    let body = said.or_else(|| file().ok()).unwrap_or_default();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await
}
