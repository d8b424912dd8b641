//! Whatever certificate the server signs, somebody who sees it finds its entry in the log.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use imp_api::Client;
use imp_api::admin::{CreateUser, InviteWorkstation, SignIn};
use imp_api::machine::EnrolWorkstation;
use imp_authenticator::tls::{TrustAnchors, first_meeting};
use imp_authenticator::{InvitationUri, certificate_request};
use imp_identity::clock::SystemClock;
use imp_identity::device::{DeviceClass, OwnService};
use imp_identity::user::Role;
use imp_identity::{Actor, Digest, Event};
use imp_pki::Certificate;
use imp_pki::ocsp::IssuerId;
use imp_server::{Config, Server, command};
use imp_tests::{estate, process};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::TcpStream;

use super::events_from;
use crate::fleet::{Key, Site};

/// The certificates that a listener shows.
async fn shown(server: &Server, port: u16) -> Vec<Vec<u8>> {
    let tls = first_meeting(server.ca(), Arc::new(SystemClock)).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connected = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
    let connected = connected.unwrap();
    let shown = connected.get_ref().1.peer_certificates().unwrap();
    shown.iter().map(|it| it.to_vec()).collect()
}

fn serial(der: &[u8]) -> String {
    Certificate::parse(der.to_vec()).unwrap().serial().to_owned()
}

fn digest(der: &[u8]) -> String {
    Digest::of(&[der]).to_string()
}

/// A workstation's certificate, which an administrator invites.
async fn workstation(server: &Server) -> String {
    let stranger = || {
        let tls = first_meeting(server.ca(), Arc::new(SystemClock)).unwrap();
        Client::new(server.url(), tls).unwrap()
    };
    let (username, display_name) = ("ada".to_owned(), "Ada".to_owned());
    let role = Some(Role::Administrator);
    let ada = CreateUser { username, display_name, role, unit: None, email: None };
    let code = server.administrator_code().unwrap().clone();
    let sign_in = SignIn { code, first_administrator: Some(ada) };
    let token = stranger().sign_in(&sign_in).await.unwrap().token;
    let body = InviteWorkstation { name: "Ward 3".to_owned(), unit: None, site: None };
    let invited = stranger().with_token(token).invite_workstation(&body).await.unwrap();
    let invitation: InvitationUri = invited.invitation.parse().unwrap();
    let signer: Arc<dyn imp_authenticator::Signer> = Key::new();
    let certificate_request = certificate_request(&signer).unwrap().into();
    let body = EnrolWorkstation { code: invitation.code, certificate_request };
    let enrolled = stranger().enrol_workstation(&body).await.unwrap();
    serial(&enrolled.credentials.certificate_chain[0].0)
}

/// A device's certificates, by the route in JSON and over EST.
async fn device(server: &Server) -> [String; 2] {
    let app = server.app();
    let port = |address: std::net::SocketAddr| format!("https://localhost:{}", address.port());
    let site = Site {
        issuer: port(server.address()),
        est: port(server.est_address().unwrap()),
        anchors: TrustAnchors {
            trust_domain: app.keys.trust_domain().clone(),
            roots: vec![app.keys.root().der().to_vec()],
        },
        clock: Arc::new(SystemClock),
    };
    let mut rng = StdRng::seed_from_u64(3);
    let device = estate::register(app, &mut rng, "lab", DeviceClass::Analyser).await.unwrap();
    let context = &mut estate::context(app, &mut rng);
    let day = SignedDuration::from_hours(24);
    let invited = command::invite_device(context, Actor::Server, device.id, day).await.unwrap();
    let first = site.enrol(&invited.code, &Key::new()).await.unwrap();
    let second = site.est_renew(device.id, &first).await.unwrap();
    [first.serial(), second.serial()]
}

/// What is answered when somebody asks about a certificate: the answer has the certificate of who signed it.
async fn answered(server: &Server, about: &str) -> Vec<u8> {
    let issuer = IssuerId::of(&server.app().keys.issuing().certificate).unwrap();
    let question = issuer.question(about).unwrap().request(None).unwrap();
    let url = format!("http://{}/ocsp", server.revocation_address().unwrap());
    // It is asked in the open; the client wants to know all the same whom it would trust.
    let tls = first_meeting(server.ca(), Arc::new(SystemClock)).unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    let asked = client.build().unwrap().post(url);
    let asked = asked.header("content-type", "application/ocsp-request").body(question);
    asked.send().await.unwrap().bytes().await.unwrap().to_vec()
}

/// A command of the command line beside the server, that must succeed.
fn done(data: &Path, words: &[&str]) -> String {
    let mut command = Command::new(process::binary("imp-server"));
    let done = process::run(command.arg("--data").arg(data).args(words)).unwrap();
    assert_eq!(done.code, Some(0), "{words:?}: {}", done.stderr);
    done.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_that_anybody_sees_has_its_entry() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut config = Config::at(folder.path());
    config.est.listen = Some("127.0.0.1:0".parse().unwrap());
    config.revocation.listen = Some("127.0.0.1:0".parse().unwrap());
    let server = Server::start(config, Arc::new(SystemClock)).await.unwrap();
    let app = server.app();

    let (mut machines, mut listeners, mut authorities) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for port in [server.address().port(), server.est_address().unwrap().port()] {
        let chain = shown(&server, port).await;
        listeners.insert(serial(&chain[0]));
        authorities.extend(chain[1..].iter().map(|der| digest(der)));
    }
    machines.insert(workstation(&server).await);
    let own = device(&server).await;
    let answer = answered(&server, &own[0]).await;
    machines.extend(own);

    // Another authority issues from now on; and one vouches for another installation's.
    let keys = folder.path().join("keys");
    done(folder.path(), &["ca", "new-issuing"]);
    done(other.path(), &["token"]);
    let theirs = other.path().join("keys/issuing.pem").display().to_string();
    let cross = done(folder.path(), &["ca", "cross-sign", &theirs]);
    let cross = rustls::pki_types::CertificateDer::from_pem_slice(cross.as_bytes()).unwrap();
    for entry in std::fs::read_dir(&keys).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "pem") {
            let der = rustls::pki_types::CertificateDer::from_pem_file(&path).unwrap();
            authorities.insert(digest(&der));
        }
    }
    assert_eq!(authorities.len(), 3, "the root, the first authority and the second");

    let (mut issued, mut listening, mut answering) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut made, mut vouched) = (BTreeSet::new(), BTreeSet::new());
    for event in events_from(app, 0).await {
        let new = if let Event::CertificateIssued { serial, .. } = event {
            issued.insert(serial)
        } else if let Event::ServiceCertificateIssued { service, serial, .. } = event {
            match service {
                OwnService::Listener => listening.insert(serial),
                OwnService::OcspResponder => answering.insert(serial),
            }
        } else if let Event::AuthorityMade { certificate, .. } = event {
            made.insert(certificate.to_string())
        } else if let Event::AuthorityCrossSigned { certificate, .. } = event {
            vouched.insert(certificate.to_string())
        } else {
            true
        };
        assert!(new, "a certificate has two entries");
    }
    assert_eq!(issued, machines);
    assert_eq!(listening, listeners);
    assert_eq!(made, authorities);
    assert_eq!(vouched, BTreeSet::from([digest(&cross)]));
    let signer = answering.iter().find(|serial| {
        let bytes = HEXLOWER.decode(serial.as_bytes()).unwrap();
        answer.windows(bytes.len()).any(|window| window == bytes)
    });
    assert!(signer.is_some(), "who signed the answer is not among {answering:?}");
}
