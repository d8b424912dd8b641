//! Syslog over TLS, received by `rsyslogd`.
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use imp_delivery::{Kinds, Subscription, Syslog, SyslogSettings, TlsIdentity, TlsSettings};
use imp_events::{ConsumeError, Consumer as _};

use crate::entries::{entries, plain};
use crate::process::{Authority, Process, file_with};

/// Starts a receiver that accepts only those who show a certificate of the authority. Answers its port.
async fn start(folder: &Path, port: u16) -> (Process, u16) {
    let folder_name = folder.display();
    let config = format!(
        r#"global(
  workDirectory="{folder_name}" maxMessageSize="16k"
  DefaultNetstreamDriver="gtls"
  DefaultNetstreamDriverCAFile="{folder_name}/ca"
  DefaultNetstreamDriverCertFile="{folder_name}/certificate"
  DefaultNetstreamDriverKeyFile="{folder_name}/key"
)
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" address="127.0.0.1" port="{port}" listenPortFileName="{folder_name}/port")
template(name="content" type="string" string="%app-name%|%msgid%|%msg%\n")
action(type="omfile" file="{folder_name}/received" template="content" flushOnTXEnd="on")
"#
    );
    std::fs::write(folder.join("conf"), config).unwrap();
    let _ = std::fs::remove_file(folder.join("port"));
    let mut command = Command::new("rsyslogd");
    command.arg("-n").arg("-f").arg(folder.join("conf")).arg("-i").arg(folder.join("pid"));
    let process = Process::start(command.stderr(Stdio::null()));
    if port != 0 {
        // The port's file is written for a port that it has chosen itself only.
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        return (process, port);
    }
    let port = file_with(&folder.join("port"), |text| text.trim().parse().ok()).await;
    (process, port)
}

fn subscription() -> Subscription {
    let message = |index| {
        format!("<110>1 2026-11-22T06:00:00.000000Z here imp-server - test - entry {index}")
    };
    Subscription {
        name: "siem".to_owned(),
        kinds: Kinds::All,
        application: None,
        format: Arc::new(move |entry| Ok(message(entry.index))),
    }
}

/// What the receiver needs in its folder, and what we need to talk to it.
fn prepare(folder: &Path, authority: &Authority) -> TlsSettings {
    let (certificate, key) = authority.issue();
    for (name, text) in [("ca", authority.pem()), ("certificate", certificate), ("key", key)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let (certificates, key) = authority.issue();
    let identity = Some(TlsIdentity { certificates, key: key.into() });
    TlsSettings { ca: Some(authority.pem()), identity }
}

fn syslog(port: u16, tls: TlsSettings) -> Syslog {
    let settings = SyslogSettings { server: "127.0.0.1".to_owned(), port, largest: 8192, tls };
    Syslog::new(subscription(), settings).unwrap()
}

/// Waits until the receiver has written the entries, in this order.
async fn received(folder: &Path, last: u64) -> Vec<String> {
    file_with(&folder.join("received"), |text| {
        let lines: Vec<_> = text.lines().map(|line| line.replace("| ", "|")).collect();
        lines.iter().any(|line| line.ends_with(&format!("entry {last}"))).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn messages_arrive_in_the_receivers_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let tls = prepare(folder.path(), &Authority::new());
    let (_receiver, port) = start(folder.path(), 0).await;
    let syslog = syslog(port, tls);
    syslog.consume(&entries(0..20)).await.unwrap();
    syslog.consume(&entries(20..40)).await.unwrap();
    let lines = received(folder.path(), 39).await;
    let expected: Vec<_> = (0..40).map(|n| format!("imp-server|test|entry {n}")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_what_it_may_have_missed() {
    let folder = tempfile::tempdir().unwrap();
    let tls = prepare(folder.path(), &Authority::new());
    let (mut receiver, port) = start(folder.path(), 0).await;
    let syslog = syslog(port, tls);
    syslog.consume(&entries(0..2)).await.unwrap();
    received(folder.path(), 1).await;
    receiver.kill();
    let _ = std::fs::remove_file(folder.path().join("pid"));
    let error = syslog.consume(&entries(2..4)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Retry { .. }), "{error}");
    let (_receiver, _) = start(folder.path(), port).await;
    syslog.consume(&entries(2..4)).await.unwrap();
    let lines = received(folder.path(), 3).await;
    let numbers: Vec<_> = lines.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(numbers, ["0", "1", "0", "1", "2", "3"], "twice rather than never");
}

#[tokio::test]
async fn nothing_is_said_to_a_receiver_that_the_authority_does_not_vouch_for() {
    let folder = tempfile::tempdir().unwrap();
    let tls = prepare(folder.path(), &Authority::new());
    let (_receiver, port) = start(folder.path(), 0).await;
    let ca = Some(Authority::new().pem());
    let error = syslog(port, TlsSettings { ca, ..tls }).consume(&entries(0..1)).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_message_that_the_receiver_would_cut_is_set_aside() {
    let settings = SyslogSettings {
        server: "127.0.0.1".to_owned(),
        port: 1,
        largest: 480,
        tls: TlsSettings { ca: Some(Authority::new().pem()), identity: None },
    };
    let mut long = plain();
    long.format = Arc::new(|_| Ok("x".repeat(481)));
    let error = Syslog::new(long, settings).unwrap().consume(&entries(9..10)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Poison { index: 9, .. }), "{error}");
}
