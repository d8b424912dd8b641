//! Machines of a hospital: who tries to get a certificate that is not for her, and many that renew theirs at once.
mod attacks;
mod every_certificate;
mod renewals;

use std::sync::Arc;

use imp_events::Entry;
use imp_identity::device::{Device, DeviceClass};
use imp_identity::{Actor, Event, UserId};
use imp_server::store::Tables as _;
use imp_server::{App, Config};
use imp_tests::estate;
use imp_tests::world::clock::VirtualClock;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::TempDir;

/// An inventory, and time that passes when a test says so.
struct Estate {
    app: App,
    clock: Arc<VirtualClock>,
    rng: StdRng,
    _folder: TempDir,
}

impl Estate {
    async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::at("2026-11-02T07:00:00Z".parse().unwrap()));
        let app = estate::open(folder.path(), None, clock.clone(), change).await.unwrap();
        Self { app, clock, rng: StdRng::seed_from_u64(11), _folder: folder }
    }

    async fn device(&mut self, name: &str, class: DeviceClass) -> Device {
        estate::register(&self.app, &mut self.rng, name, class).await.unwrap()
    }

    /// The word of the refusal of a request.
    async fn refused(
        &mut self,
        device: &Device,
        request: &[u8],
        profile: Option<&str>,
    ) -> &'static str {
        let asked = estate::ask(&self.app, &mut self.rng, device, request, profile).await;
        asked.map(|issued| issued.certificate.serial().to_owned()).unwrap_err().word()
    }

    /// What is in the log, from an index on.
    async fn events(&self, from: u64) -> Vec<Event> {
        events_from(&self.app, from).await
    }

    /// How many entries the log has.
    async fn size(&self) -> u64 {
        u64::try_from(self.events(0).await.len()).unwrap()
    }
}

/// What is in the log of an installation, from an index on.
async fn events_from(app: &App, from: u64) -> Vec<Event> {
    let mut reading = app.storage.read().await.unwrap();
    let (mut all, mut next) = (vec![], from);
    loop {
        let page = reading.entries().page(next, 500).await.unwrap();
        let Some(last) = page.last() else { return all };
        next = last.index + 1;
        let entries = page.iter().map(|stored| stored.entry().unwrap().unwrap());
        all.extend(entries.map(|entry: Entry| entry.record.event));
    }
}

/// Somebody of the staff.
fn person(number: u64) -> Actor {
    let id: UserId = format!("01890a5d-ac96-774b-bcce-{number:012x}").parse().unwrap();
    Actor::User(id)
}
