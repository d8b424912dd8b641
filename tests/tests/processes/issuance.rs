//! A kill -9 of the server at any moment while it gives out certificates: no certificate without its entry in the log, no entry
//! without its certificate, and none in anybody's hands that is in neither.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use imp_identity::Event;
use imp_identity::clock::SystemClock;
use imp_identity::device::Lifecycle;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_server::App;
use imp_server::store::Tables as _;
use imp_storage::testing::postgres;
use imp_tests::estate;
use imp_tests::process::{self, Running};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How often it is killed, on each database.
const KILLS: u64 = 36;

/// Kills between two looks into the database.
const ROUNDS: u64 = 6;

const PAGE: u32 = 500;

/// What devices were given, to be compared with table and log.
pub(super) struct Register {
    folder: PathBuf,
    url: String,
    /// Serial numbers of what was handed out.
    handed_out: BTreeSet<String>,
}

impl Register {
    /// Of the installation in a folder, with its database.
    pub(super) fn of(folder: &Path, url: String) -> Self {
        Self { folder: folder.to_owned(), url, handed_out: BTreeSet::new() }
    }

    /// Remembers serial numbers that devices have in their hands.
    pub(super) fn heard(&mut self, serials: impl IntoIterator<Item = String>) {
        for serial in serials {
            assert!(self.handed_out.insert(serial.clone()), "{serial}: handed out twice");
        }
    }

    /// Remembers what a server said before it died.
    fn hear(&mut self, said: &str) {
        for line in said.lines() {
            assert!(!line.starts_with("failed"), "{line}");
            if let Some(serial) = line.strip_prefix("issued ") {
                self.heard([serial.to_owned()]);
            }
        }
    }

    /// No certificate without an entry, no entry without a certificate, and nothing in anybody's hands that is in neither.
    pub(super) async fn check(&self) {
        let clock = Arc::new(SystemClock);
        let app = estate::open(&self.folder, Some(&self.url), clock, |_| ()).await.unwrap();
        let (logged, stored) = (logged(&app).await, stored(&app).await);
        let doubled: Vec<_> = logged.iter().filter(|(_, count)| **count != 1).collect();
        assert!(doubled.is_empty(), "in the log more than once: {doubled:?}");
        let logged: BTreeSet<String> = logged.into_keys().collect();
        let without_entry: Vec<_> = stored.difference(&logged).collect();
        assert!(without_entry.is_empty(), "certificates without an entry: {without_entry:?}");
        let without_row: Vec<_> = logged.difference(&stored).collect();
        assert!(without_row.is_empty(), "entries without a certificate: {without_row:?}");
        let lost: Vec<_> = self.handed_out.difference(&stored).collect();
        assert!(lost.is_empty(), "handed out, and nowhere: {lost:?}");
        app.storage.close().await;
    }
}

/// The serial numbers of devices' certificates in the log, with how often.
pub(super) async fn logged(app: &App) -> BTreeMap<String, usize> {
    let mut reading = app.storage.read().await.unwrap();
    let (mut found, mut next) = (BTreeMap::new(), 0);
    loop {
        let page = reading.entries().page(next, PAGE).await.unwrap();
        let Some(last) = page.last() else { return found };
        next = last.index + 1;
        for stored in &page {
            let entry = stored.entry().unwrap().expect("nothing was erased");
            if let Event::CertificateIssued { machine, serial, .. } = entry.record.event
                && matches!(machine.machine, Machine::Device(_))
            {
                *found.entry(serial).or_default() += 1;
            }
        }
    }
}

/// The serial numbers in the tables, each of a certificate that can be read; who has one is active.
pub(super) async fn stored(app: &App) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for device in estate::devices(app).await.unwrap() {
        let trust_domain = app.keys.trust_domain().clone();
        let machine = SpiffeId { trust_domain, machine: Machine::Device(device.id) };
        let mut reading = app.storage.read().await.unwrap();
        let own = reading.certificates().of(&machine).await.unwrap();
        assert_eq!(own.is_empty(), device.state == Lifecycle::Registered, "{device:?}");
        for row in own {
            let der = row.issuance.expect("it was issued here").der;
            let certificate = imp_pki::Certificate::parse(der).unwrap();
            assert_eq!(certificate.serial(), row.serial);
            found.insert(row.serial);
        }
    }
    found
}

async fn kill_again_and_again(folder: &Path, url: String) {
    let mut rng = StdRng::seed_from_u64(7);
    let mut register = Register::of(folder, url);
    // The installation is there: what is killed is issuance, not its set-up.
    register.check().await;
    for kill in 0..KILLS {
        let mut command = Command::new(process::binary("imp-issuer"));
        command.arg(folder).arg(&register.url).arg(kill.to_string()).stdin(Stdio::null());
        let mut running = Running::start("imp-issuer", &mut command).expect("it starts");
        running.line(|line| line.starts_with("issued").then_some(())).expect("it issues");
        std::thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
        running.kill();
        register.hear(&running.into_said());
        if kill % ROUNDS == ROUNDS - 1 {
            register.check().await;
        }
    }
    assert!(register.handed_out.len() > 100, "too little happened");
}

#[tokio::test]
async fn a_server_killed_while_it_issues_has_every_certificate_in_its_log_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("imp.db").display());
    kill_again_and_again(folder.path(), url).await;
}

#[tokio::test]
async fn a_server_killed_while_it_issues_has_every_certificate_in_its_log_on_postgresql() {
    let Some(url) = postgres().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    kill_again_and_again(folder.path(), url).await;
}
