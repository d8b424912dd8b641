//! Other people's TLS shakes hands with a device's certificate, on either side; and refuses, or is refused, rightly.
use std::fs;
use std::process::Command;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_authenticator::tls::{MachineIdentity, Machines, TrustAnchors, peer_of};
use imp_authenticator::{SignError, Signer};
use imp_identity::DeviceId;
use imp_identity::clock::SystemClock;
use imp_identity::device::DeviceClass;
use imp_server::command::DeviceChange;
use imp_tests::process::Running;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::house::free_port;
use super::pki::Pki;

/// Where a machine is asked who it is: the copy of the connection policy.
const FOR_MACHINES: &str = "/v1/connections/policy";

/// A device called `name` with a certificate: `<name>.pem`, `<name>.key`, and `<name>-chain.pem` with its issuer.
async fn enrolled(pki: &Pki, name: &str) -> DeviceId {
    let device = pki.device(name, DeviceClass::Server).await;
    pki.request(name, &[&format!("DNS:{name}.hospital.example")]);
    let credential = format!("{name}:{}", device.code);
    let (status, said) = pki.enrol("simpleenroll", name, &["--user", &credential]);
    assert_eq!(status, 200, "{said}");
    let chain = pki.read(&format!("{name}.pem")) + &pki.read("issuing.pem");
    fs::write(pki.file(&format!("{name}-chain.pem")), chain).unwrap();
    device.id
}

/// Asks the server by curl, showing a certificate; the status, or why there is none.
fn curl(pki: &Pki, certificate: &str, key: &str) -> Result<u16, String> {
    let url = format!("{}{FOR_MACHINES}", pki.house.issuer());
    let asked = pki.run(
        "curl",
        &[
            "--silent",
            "--show-error",
            "--cacert",
            "root.pem",
            "--cert",
            certificate,
            "--key",
            key,
            "--output",
            "answer",
            "--write-out",
            "%{http_code}",
            &url,
        ],
    );
    if asked.code == Some(0) { Ok(asked.stdout.trim().parse().unwrap()) } else { Err(asked.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_curl_and_rustls_connect_to_the_server_as_a_device() {
    let pki = Pki::open(|_| ()).await;
    pki.authorities();
    let id = enrolled(&pki, "lab-1").await;

    let at = format!("localhost:{}", pki.house.server.address().port());
    let shaken = pki.done(
        "openssl",
        &[
            "s_client",
            "-brief",
            "-connect",
            &at,
            "-servername",
            "localhost",
            "-CAfile",
            "root.pem",
            "-verify_return_error",
            "-cert",
            "lab-1.pem",
            "-key",
            "lab-1.key",
            "-cert_chain",
            "issuing.pem",
        ],
    );
    for words in ["Protocol version: TLSv1.3", "Verification: OK"] {
        assert!(shaken.contains(words), "{shaken}");
    }
    let old = pki.run("openssl", &["s_client", "-brief", "-connect", &at, "-tls1_2"]);
    assert_ne!(old.code, Some(0), "TLS 1.2: {}", old.stderr);

    let status = curl(&pki, "lab-1-chain.pem", "lab-1.key").unwrap();
    assert!([200, 404].contains(&status), "a device is known: {status}");
    rustls_connects(&pki).await;

    // Who shows what nobody here issued does not even get to ask.
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let subject = "/CN=lab-1.hospital.example";
    let made =
        ["req", "-x509", "-days", "3", "-subj", subject, "-keyout", "f.key", "-out", "f.pem"];
    pki.done("openssl", &[&made[..], &curve[..]].concat());
    let refused = curl(&pki, "f.pem", "f.key");
    assert!(refused.is_err(), "{refused:?}");

    // A good certificate of a device that is held is no longer enough.
    pki.change(id, DeviceChange::Quarantine).await;
    let status = curl(&pki, "lab-1-chain.pem", "lab-1.key");
    assert!(!matches!(status, Ok(200 | 404)), "{status:?}");
    pki.house.server.stop().await.unwrap();
}

/// rustls as anybody would use it, with nothing of ours.
async fn rustls_connects(pki: &Pki) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.file("root.pem")).unwrap()).unwrap();
    let chain = CertificateDer::pem_file_iter(pki.file("lab-1-chain.pem")).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pki.file("lab-1.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
    let url = format!("{}{FOR_MACHINES}", pki.house.issuer());
    let answer = client.build().unwrap().get(url).send().await.unwrap();
    assert!([200, 404].contains(&answer.status().as_u16()), "{}", answer.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_serves_with_a_devices_certificate_and_our_machines_know_it() {
    let pki = Pki::open(|_| ()).await;
    pki.authorities();
    let serving = enrolled(&pki, "lab-1").await;
    enrolled(&pki, "lab-2").await;
    let port = free_port().to_string();
    let mut command = Command::new("openssl");
    command.current_dir(pki.folder()).args([
        "s_server",
        "-accept",
        &port,
        "-www",
        "-tls1_3",
        "-cert",
        "lab-1.pem",
        "-key",
        "lab-1.key",
        "-cert_chain",
        "issuing.pem",
        "-CAfile",
        "root.pem",
        "-Verify",
        "3",
        "-verify_return_error",
    ]);
    let running = Running::start("openssl", &mut command).unwrap();
    running.line(|line| line.contains("ACCEPT").then_some(())).unwrap();

    let url = |host: &str| format!("https://{host}:{port}/");
    let to = |host: &str| format!("{host}:{port}:127.0.0.1");
    let ask = |host: &str, more: &[&str]| {
        let (to, url) = (to(host), url(host));
        let asked = ["--silent", "--show-error", "--cacert", "root.pem", "--resolve", &to, &url];
        pki.run("curl", &[&asked[..], more].concat())
    };
    let shown = ["--cert", "lab-2-chain.pem", "--key", "lab-2.key"];
    let good = ask("lab-1.hospital.example", &shown);
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    let other_name = ask("lab-2.hospital.example", &shown);
    assert_ne!(other_name.code, Some(0), "lab-1 is not lab-2");
    let nothing = ask("lab-1.hospital.example", &[]);
    assert_ne!(nothing.code, Some(0), "openssl asks for a certificate too");

    let peer = ours_connects(&pki, &port);
    assert!(peer.ends_with(&format!("/device/{serving}")), "{peer}");
    drop(running);
    pki.house.server.stop().await.unwrap();
}

/// Connects as lab-2, as a gateway of ours does; whom it found.
fn ours_connects(pki: &Pki, port: &str) -> String {
    let clock = Arc::new(SystemClock);
    let chain = CertificateDer::pem_file_iter(pki.file("lab-2-chain.pem")).unwrap();
    let chain: Vec<Vec<u8>> = chain.map(|it| it.unwrap().to_vec()).collect();
    let der: Vec<_> = chain.iter().map(|it| CertificateDer::from_slice(it)).collect();
    let spiffe_id = peer_of(&der).unwrap().spiffe_id;
    let anchors = TrustAnchors {
        trust_domain: spiffe_id.trust_domain.clone(),
        roots: vec![CertificateDer::from_pem_file(pki.file("root.pem")).unwrap().to_vec()],
    };
    let signer = Arc::new(FileKey::read(&fs::read(pki.file("lab-2.key")).unwrap()));
    let identity = MachineIdentity { spiffe_id, chain: chain.clone(), signer };
    let machines = Machines::new(&identity, &anchors, clock).unwrap();
    let (config, claim) = machines.connecting(&[]).unwrap();
    let name = "lab-1.hospital.example".try_into().unwrap();
    let mut tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut socket).unwrap();
    }
    let peer = peer_of(tls.peer_certificates().unwrap()).unwrap().spiffe_id.to_string();
    assert_eq!(claim.name(), Some(peer.as_str()));
    peer
}

/// The key of a file, as openssl wrote it.
struct FileKey {
    pair: EcdsaKeyPair,
    public: Vec<u8>,
}

impl FileKey {
    fn read(pem: &[u8]) -> Self {
        let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_der());
        let pair = pair.unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public = public.as_ref().to_vec();
        Self { pair, public }
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        signature.as_ref().try_into().map_err(SignError::new)
    }
}
