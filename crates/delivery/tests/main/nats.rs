//! NATS `JetStream`.
use std::path::Path;
use std::process::{Command, Stdio};

use futures::StreamExt as _;
use imp_delivery::{Nats, NatsLogin, NatsSettings, TlsIdentity, TlsSettings};
use imp_events::{ConsumeError, Consumer as _};
use imp_identity::Secret;

use crate::entries::{entries, id, plain};
use crate::process::{Authority, Process, file_with};

/// A server with `JetStream` in a folder, and its port.
async fn start(folder: &Path, port: Option<u16>, arguments: &[&str]) -> (Process, u16) {
    let mut command = Command::new("nats-server");
    let port = port.map_or(-1, i32::from).to_string();
    command.args(["--addr", "127.0.0.1", "--port", &port, "--jetstream", "--store_dir"]);
    command.arg(folder.join("store")).arg("--ports_file_dir").arg(folder).args(arguments);
    let process = Process::start(command.stderr(Stdio::null()));
    let written = folder.join(format!("nats-server_{}.ports", process.id()));
    let port = file_with(&written, |text| {
        let after = text.split("127.0.0.1:").nth(1)?;
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    (process, port.await)
}

fn settings(port: u16, create: bool) -> NatsSettings {
    NatsSettings {
        servers: vec![format!("nats://127.0.0.1:{port}").parse().unwrap()],
        stream: "IMP_EVENTS".to_owned(),
        create,
        login: NatsLogin::None,
        tls: TlsSettings::default(),
    }
}

/// Everything in the stream: id and content of each message.
async fn stored(port: u16) -> Vec<(String, String, String)> {
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream("IMP_EVENTS").await.unwrap();
    let count = stream.info().await.unwrap().state.messages;
    let config = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let count = usize::try_from(count).unwrap();
    let messages = messages.take(count).map(|message| {
        let message = message.unwrap();
        let id = message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().to_string();
        (message.subject.to_string(), id, String::from_utf8(message.payload.to_vec()).unwrap())
    });
    messages.collect().await
}

#[tokio::test]
async fn events_are_stored_once_however_often_they_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = start(folder.path(), None, &[]).await;
    let nats = Nats::new(plain(), settings(port, true)).unwrap();
    nats.consume(&entries(0..3)).await.unwrap();
    // As after a crash between the acknowledgement and the cursor.
    let again = Nats::new(plain(), settings(port, false)).unwrap();
    again.consume(&entries(1..5)).await.unwrap();
    let expected: Vec<_> = (0..5)
        .map(|n| ("imp.events.policy-changed".to_owned(), id(n).to_string(), format!("entry {n}")))
        .collect();
    assert_eq!(stored(port).await, expected);
}

#[tokio::test]
async fn a_server_that_comes_back_gets_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = start(folder.path(), None, &[]).await;
    let nats = Nats::new(plain(), settings(port, true)).unwrap();
    nats.consume(&entries(0..2)).await.unwrap();
    server.kill();
    let error = nats.consume(&entries(2..4)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Retry { .. }), "{error}");
    let (_server, _) = start(folder.path(), Some(port), &[]).await;
    nats.consume(&entries(2..4)).await.unwrap();
    let bodies: Vec<_> = stored(port).await.into_iter().map(|(_, _, body)| body).collect();
    assert_eq!(bodies, ["entry 0", "entry 1", "entry 2", "entry 3"]);
}

#[tokio::test]
async fn a_missing_stream_is_created_only_where_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = start(folder.path(), None, &[]).await;
    let nats = Nats::new(plain(), settings(port, false)).unwrap();
    let error = nats.consume(&entries(0..1)).await.unwrap_err();
    assert!(error.to_string().contains("stream not found"), "{error}");
}

#[tokio::test]
async fn an_event_too_large_for_the_server_is_poison() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = start(folder.path(), None, &[]).await;
    let mut subscription = plain();
    subscription.format = std::sync::Arc::new(|_| Ok("x".repeat(2 << 20)));
    let nats = Nats::new(subscription, settings(port, true)).unwrap();
    let error = nats.consume(&entries(3..4)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Poison { index: 3, .. }), "{error}");
}

#[tokio::test]
async fn both_sides_show_certificates_and_the_user_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.issue();
    for (name, text) in [("ca", &authority.pem()), ("certificate", &certificate), ("key", &key)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let file = |name| folder.path().join(name).display().to_string();
    let (ca, own, own_key) = (file("ca"), file("certificate"), file("key"));
    let tls = ["--tlsverify", "--tlscacert", &ca, "--tlscert", &own, "--tlskey", &own_key];
    let login = ["--user", "imp", "--pass", "s3cret"];
    let (_server, port) = start(folder.path(), None, &[&tls[..], &login].concat()).await;

    let (certificates, key) = authority.issue();
    let identity = Some(TlsIdentity { certificates, key: key.into() });
    let password: Secret<String> = "s3cret".to_owned().into();
    let settings = NatsSettings {
        servers: vec![format!("tls://127.0.0.1:{port}").parse().unwrap()],
        login: NatsLogin::Password { user: "imp".to_owned(), password },
        tls: TlsSettings { ca: Some(authority.pem()), identity },
        ..settings(port, true)
    };
    Nats::new(plain(), settings.clone()).unwrap().consume(&entries(0..2)).await.unwrap();

    let stranger = TlsSettings { ca: Some(Authority::new().pem()), ..settings.tls.clone() };
    let stranger = NatsSettings { tls: stranger, ..settings.clone() };
    Nats::new(plain(), stranger).unwrap().consume(&entries(2..3)).await.unwrap_err();
    let nobody = NatsSettings { login: NatsLogin::None, ..settings };
    Nats::new(plain(), nobody).unwrap().consume(&entries(2..3)).await.unwrap_err();
}
