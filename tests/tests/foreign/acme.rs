//! Others' ACME clients obtain, renew and revoke certificates: certbot, lego and dehydrated.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use imp_identity::Digest;
use imp_tests::process::{self, Finished};
use imp_tests::python;
use serde_json::{Value, json};

use super::house::{House, free_port};

mod client;
mod dns;
mod files;
mod tpm;

use client::{Client, encode};
use dns::Names;
use files::Files;
use tpm::Tpm;

/// A house whose devices are on loopback, and the programs that ask it for certificates.
struct Ward {
    house: House,
    http_port: u16,
    tls_port: u16,
    names: Names,
}

/// A key with which an account is made.
struct Binding {
    id: String,
    key: String,
}

impl Ward {
    async fn open() -> Self {
        Self::open_with(vec![]).await
    }

    /// The same; these files are authorities of attestation keys.
    async fn open_with(attestation_roots: Vec<PathBuf>) -> Self {
        let (http_port, tls_port) = (free_port(), free_port());
        let names = Names::answer();
        let resolver = names.address;
        let house = House::open_with(|config| {
            config.acme.networks = vec!["127.0.0.0/8".parse().unwrap()];
            config.acme.http_port = http_port;
            config.acme.tls_port = tls_port;
            config.acme.resolvers = vec![resolver];
            config.acme.attestation_roots = attestation_roots;
        })
        .await;
        Self { house, http_port, tls_port, names }
    }

    fn directory(&self) -> String {
        format!("{}/acme/directory", self.house.issuer())
    }

    fn folder(&self) -> &Path {
        self.house.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Registers a device, and makes a key for its client.
    async fn device(&self, name: &str, names: &[&str]) -> Binding {
        let device = json!({
            "name": name, "class": "server", "names": names,
            "manufacturer": "Acme Medical", "serial_number": format!("SN-{name}"),
        });
        self.house.ask("/v1/devices", Some(device)).await;
        let made = self.house.command_line(&["acme", "key", "add", "--device", name, "--json"]);
        let made: Value = serde_json::from_str(&made.stdout).unwrap();
        assert!(made["directory"].as_str().unwrap().ends_with("/acme/directory"), "{made}");
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        Binding { id: text("kid"), key: text("hmac") }
    }

    /// Runs a program in the folder, on a thread that may wait.
    async fn run(&self, mut command: Command) -> Finished {
        command.current_dir(self.folder()).env("HOME", self.folder());
        tokio::task::spawn_blocking(move || process::run(&mut command).unwrap()).await.unwrap()
    }

    /// The same; it must succeed.
    async fn done(&self, command: Command) -> String {
        let what = format!("{command:?}");
        let Finished { code, stdout, stderr } = self.run(command).await;
        assert_eq!(code, Some(0), "{what}: {stdout}{stderr}");
        stdout + &stderr
    }

    /// Checks a certificate, with those above it, by openssl; answers its serial number.
    async fn check(&self, chain: &Path, name: &str) -> String {
        let root = self.house.root();
        let mut verify = Command::new("openssl");
        verify.arg("verify").arg("-CAfile").arg(&root).arg("-untrusted").arg(chain);
        verify.args(["-verify_hostname", name, "-purpose", "sslserver"]).arg(chain);
        self.done(verify).await;
        let mut show = Command::new("openssl");
        show.args(["x509", "-noout", "-serial", "-ext", "subjectAltName", "-in"]).arg(chain);
        let shown = self.done(show).await;
        assert!(shown.contains("/device/"), "no SPIFFE ID in {shown}");
        let serial = shown.lines().find_map(|line| line.strip_prefix("serial=")).unwrap();
        serial.to_ascii_lowercase()
    }

    /// How often each event stands in the log.
    fn events(&self) -> BTreeMap<String, usize> {
        let said = self.house.command_line(&["events", "--json"]).stdout;
        let mut counts = BTreeMap::new();
        for line in said.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let kind = entry["kind"].as_str().unwrap().to_owned();
            *counts.entry(kind).or_default() += 1;
        }
        counts
    }

    /// Two certificates were issued, and one of them was revoked.
    fn issued_two_and_revoked_one(&self) {
        let events = self.events();
        let count = |kind: &str| events.get(kind).copied().unwrap_or_default();
        assert_eq!(
            (count("certificate-issued"), count("certificate-revoked")),
            (2, 1),
            "{events:?}"
        );
    }

    fn certbot(&self) -> Command {
        let program = python::interpreter().unwrap().with_file_name("certbot");
        let mut certbot = Command::new(program);
        certbot.env("REQUESTS_CA_BUNDLE", self.house.root());
        for (argument, folder) in
            [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")]
        {
            certbot.arg(argument).arg(self.file(folder));
        }
        certbot.arg("--non-interactive");
        certbot
    }

    fn certbot_obtains(&self, binding: &Binding, name: &str) -> Command {
        let mut obtain = self.certbot();
        obtain.args(["certonly", "--standalone", "--agree-tos", "-m", "it@hospital.example"]);
        obtain.args(["--server", &self.directory(), "-d", name]);
        obtain.args(["--eab-kid", &binding.id, "--eab-hmac-key", &binding.key]);
        obtain.args(["--http-01-address", "127.0.0.1"]);
        obtain.args(["--http-01-port", &self.http_port.to_string()]);
        obtain
    }

    fn lego(&self, binding: &Binding, domain: &str) -> Command {
        let mut lego = Command::new("lego");
        lego.env("LEGO_CA_CERTIFICATES", self.house.root());
        lego.args(["--server", &self.directory(), "--accept-tos"]);
        lego.args(["--email", "it@hospital.example", "--key-type", "ec256"]);
        lego.args(["--eab", "--kid", &binding.id, "--hmac", &binding.key]);
        lego.arg("--path").arg(self.file("lego")).args(["--domains", domain]);
        lego
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_obtains_renews_and_revokes() {
    let ward = Ward::open().await;
    let name = "pump.hospital.test";
    let binding = ward.device("pump", &[name]).await;
    ward.done(ward.certbot_obtains(&binding, name)).await;
    let chain = ward.file(&format!("config/live/{name}/fullchain.pem"));
    let first = ward.check(&chain, name).await;
    let mut renew = ward.certbot();
    renew.args(["renew", "--force-renewal", "--no-random-sleep-on-renew"]);
    ward.done(renew).await;
    assert_ne!(ward.check(&chain, name).await, first);
    let mut revoke = ward.certbot();
    revoke.args(["revoke", "--no-delete-after-revoke", "--reason", "superseded"]);
    revoke.args(["--server", &ward.directory(), "--cert-path"]).arg(&chain);
    ward.done(revoke).await;
    ward.issued_two_and_revoked_one();
}

/// certbot asks for renewal information (RFC 9773): of two new certificates, neither of which is due, it renews the one of which
/// the server says so, because it was revoked.
#[tokio::test(flavor = "multi_thread")]
async fn certbot_renews_when_the_server_suggests_it() {
    let ward = Ward::open().await;
    let names = ["pump.hospital.test", "monitor.hospital.test"];
    let chain = |name: &str| ward.file(&format!("config/live/{name}/fullchain.pem"));
    let binding = ward.device("ward", &names).await;
    let mut first = vec![];
    for name in names {
        ward.done(ward.certbot_obtains(&binding, name)).await;
        first.push(ward.check(&chain(name), name).await);
    }
    ward.house.command_line(&["device", "revoke", &first[0], "--reason", "superseded"]);
    let mut renew = ward.certbot();
    renew.args(["renew", "--no-random-sleep-on-renew"]);
    ward.done(renew).await;
    assert_ne!(ward.check(&chain(names[0]), names[0]).await, first[0], "it was told to");
    assert_eq!(ward.check(&chain(names[1]), names[1]).await, first[1], "it was told to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_obtains_by_http_renews_and_revokes() {
    let ward = Ward::open().await;
    let name = "analyser.hospital.test";
    let binding = ward.device("analyser", &[name]).await;
    let lego = |action: &[&str]| {
        let mut lego = ward.lego(&binding, name);
        lego.args(["--http", "--http.port", &format!("127.0.0.1:{}", ward.http_port)]);
        lego.args(action);
        lego
    };
    ward.done(lego(&["run"])).await;
    let chain = ward.file(&format!("lego/certificates/{name}.crt"));
    let first = ward.check(&chain, name).await;
    ward.done(lego(&["renew", "--days", "4000", "--no-random-sleep"])).await;
    assert_ne!(ward.check(&chain, name).await, first);
    ward.done(lego(&["revoke", "--keep"])).await;
    ward.issued_two_and_revoked_one();
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_proves_a_name_by_tls_and_by_dns() {
    let ward = Ward::open().await;
    let name = "gateway.hospital.test";
    let binding = ward.device("gateway", &[name]).await;
    let mut by_tls = ward.lego(&binding, name);
    by_tls.args(["--tls", "--tls.port", &format!("127.0.0.1:{}", ward.tls_port), "run"]);
    ward.done(by_tls).await;
    let chain = ward.file(&format!("lego/certificates/{name}.crt"));
    ward.check(&chain, name).await;

    let script = ward.file("record.sh");
    let records = ward.names.folder.path().display();
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\ncase $1 in present) printf %s \"$3\" > \"{records}/$2\" ;; \
             cleanup) rm -f \"{records}/$2\" ;; esac\n"
        ),
    )
    .unwrap();
    let mut executable = Command::new("chmod");
    executable.arg("700").arg(&script);
    ward.done(executable).await;
    let mut by_dns = ward.lego(&binding, name);
    by_dns.env("EXEC_PATH", &script).args(["--dns", "exec", "--dns.disable-cp"]);
    by_dns.args(["--dns.resolvers", &ward.names.address.to_string()]);
    by_dns.args(["renew", "--days", "4000", "--no-random-sleep"]);
    ward.done(by_dns).await;
    ward.check(&chain, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_is_refused_what_the_inventory_does_not_say() {
    let ward = Ward::open().await;
    let binding = ward.device("pump", &["pump.hospital.test"]).await;
    ward.device("scanner", &["scanner.hospital.test"]).await;
    for (name, word) in [
        ("scanner.hospital.test", "name-of-another-device"),
        ("nobody.hospital.test", "name-not-registered"),
    ] {
        let mut lego = ward.lego(&binding, name);
        lego.args(["--http", "--http.port", &format!("127.0.0.1:{}", ward.http_port), "run"]);
        let Finished { code, stdout, stderr } = ward.run(lego).await;
        assert_ne!(code, Some(0), "{stdout}{stderr}");
        assert!(stderr.contains("rejectedIdentifier"), "{name}: {stderr}");
        let said = ward.house.command_line(&["events", "--json"]).stdout;
        assert!(said.contains(word), "{word} is not in {said}");
    }
    let stranger = Binding { id: binding.id.clone(), key: "A".repeat(43) };
    let mut lego = ward.lego(&stranger, "pump.hospital.test");
    lego.arg("--path").arg(ward.file("stranger"));
    lego.args(["--http", "run"]);
    let Finished { code, stderr, .. } = ward.run(lego).await;
    assert_ne!(code, Some(0));
    assert!(stderr.contains("unauthorized"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dehydrated_obtains_renews_and_revokes() {
    let ward = Ward::open().await;
    let name = "imaging.hospital.test";
    let binding = ward.device("imaging", &[name]).await;
    let challenges = Files::serve(ward.http_port);
    let root = ward.house.root();
    let config = format!(
        "CA={}\nBASEDIR={}\nWELLKNOWN={}\nCURL_OPTS=\"--cacert {}\"\nKEY_ALGO=prime256v1\n\
         CONTACT_EMAIL=it@hospital.example\nEAB_KID={}\nEAB_HMAC_KEY={}\nACCOUNT_KEYSIZE=2048\n\
         CHALLENGETYPE=http-01\n",
        ward.directory(),
        ward.file("dehydrated").display(),
        challenges.folder.path().display(),
        root.display(),
        binding.id,
        binding.key,
    );
    std::fs::create_dir(ward.file("dehydrated")).unwrap();
    std::fs::write(ward.file("dehydrated.conf"), config).unwrap();
    let dehydrated = |action: &[&str]| {
        let mut dehydrated = Command::new("dehydrated");
        dehydrated.arg("--config").arg(ward.file("dehydrated.conf")).args(action);
        dehydrated
    };
    ward.done(dehydrated(&["--register", "--accept-terms"])).await;
    ward.done(dehydrated(&["--cron", "--domain", name])).await;
    let chain = ward.file(&format!("dehydrated/certs/{name}/fullchain.pem"));
    let first = ward.check(&chain, name).await;
    ward.done(dehydrated(&["--cron", "--force", "--domain", name])).await;
    assert_ne!(ward.check(&chain, name).await, first);
    let certificate = ward.file(&format!("dehydrated/certs/{name}/cert.pem"));
    ward.done(dehydrated(&["--revoke", certificate.to_str().unwrap()])).await;
    ward.issued_two_and_revoked_one();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_tpm_attests_its_key() {
    let tpm = Tpm::start("SN-pump");
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), &tpm.root).unwrap();
    let ward = Ward::open_with(vec![roots.path().to_owned()]).await;
    let binding = ward.device("pump", &["pump.hospital.test"]).await;
    let client = Client::register(&ward, &binding).await;
    let answer = async |digest: Option<Digest>| {
        let (order, challenge) = client.order("permanent-identifier", "SN-pump").await;
        assert_eq!(challenge["type"], "device-attest-01", "{challenge}");
        let digest = digest.unwrap_or_else(|| client.digest(&challenge));
        let attested = json!({"attObj": encode(tpm.attest(&digest))});
        let url = challenge["url"].as_str().unwrap();
        (order, client.send(url, Some(&attested)).await.json())
    };
    // An attestation for another challenge proves nothing.
    let (_, replayed) = answer(Some(Digest::of(&[b"another"]))).await;
    assert_eq!(replayed["status"], "invalid", "{replayed}");
    let problem = replayed["error"]["type"].as_str().unwrap();
    assert_eq!(problem, "urn:ietf:params:acme:error:badAttestationStatement");

    let (order, proven) = answer(None).await;
    assert_eq!(proven["status"], "valid", "{proven}");
    // Only the attested key is certified.
    let finalize = order["finalize"].as_str().unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let other = params.serialize_request(&other).unwrap().der().to_vec();
    let refused = client.send(finalize, Some(&json!({"csr": encode(other)}))).await;
    assert!(!refused.ok && refused.text.contains("badCSR"), "{}", refused.text);
    let issued = client.send(finalize, Some(&json!({"csr": encode(tpm.request())}))).await;
    let issued = issued.json();
    assert_eq!(issued["status"], "valid", "{issued}");
    let chain = client.send(issued["certificate"].as_str().unwrap(), None).await;
    std::fs::write(ward.file("tpm.pem"), &chain.text).unwrap();
    let mut show = Command::new("openssl");
    show.args(["x509", "-noout", "-text", "-in"]).arg(ward.file("tpm.pem"));
    let shown = ward.done(show).await;
    assert!(shown.contains("/device/") && !shown.contains("SN-pump"), "{shown}");
}
