//! Logs say what happened to which identifier, and nothing about people.
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use imp_identity::Refusal;
use imp_tests::leak;
use imp_tests::world::{caller, faces};
use tracing_subscriber::fmt::MakeWriter;

use super::Ward;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_hold_no_template_token_address_or_name() {
    let log = Log::default();
    let ours = "info,imp_server=trace,imp_client=trace,imp_phone=trace,imp_hardware=trace,\
                imp_authenticator=trace,imp_service=trace,imp_storage=trace,tower_http=debug";
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_env_filter(ours);
    tracing::subscriber::set_global_default(subscriber.with_ansi(false).finish())
        .expect("no other test of this process logs");

    let mut ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    ward.workstation.agent.lock().await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    assert_eq!(ward.workstation.refuses("ada").await, Refusal::ComparisonFailed);
    ward.phone.serve(&ward.world, Some(imp_phone::Misbehaviour::OtherExporter)).await;
    assert_eq!(ward.workstation.refuses("ada").await, Refusal::ExporterMismatch);
    let stranger = ward.world.visitor();
    stranger.roster().await.expect_err("a stranger gets no roster");

    ward.phone.serve(&ward.world, None).await;
    let standing = ward.workstation.agent.standing();
    let roster = caller::roster(&standing, ward.world.clock.clone()).await;
    let central = ward.world.air.central();
    let clock = ward.world.clock.clone();
    let entry = &roster.entries[0];
    let reference = caller::released(central.as_ref(), &standing, entry, clock).await;
    let mut secrets = leak::reference_forms(&reference);
    secrets.extend(leak::bytes_forms("identifier key", &entry.identifier_key));

    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.lines().count() > 20, "the journey was logged:\n{text}");
    assert_eq!(leak::found(&secrets, &bytes), std::collections::BTreeSet::new());
    for (what, secret) in [
        ("the officer's token", ward.world.officer.expose().as_str()),
        ("an IP address", "127.0.0.1"),
        ("an IP address", "::1"),
        ("a name", "Nurse ada"),
        ("an e-mail address", "@"),
    ] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} is in the log");
    }
}
