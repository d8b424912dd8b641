//! Ten thousand devices that hold certificates, all of which are due in the same hour: most renew by the command that everything
//! ends in, the others really over EST, over ACME, and by the route in JSON, at the same time.
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use imp_authenticator::tls::TrustAnchors;
use imp_identity::device::{Device, DeviceClass};
use imp_identity::{Actor, DeviceId, Event};
use imp_pki::acme::renewal::suggested_window;
use imp_server::store::Tables as _;
use imp_server::{App, Config, Server};
use imp_tests::world::clock::VirtualClock;
use imp_tests::{estate, process};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::events_from;
use crate::fleet::acme::{Account, Binding, Responder};
use crate::fleet::{Failure, Held, Key, Site};

const DEVICES: usize = 10_000;
/// Of these, so many renew over EST, by the route in JSON, and over ACME.
const EST: usize = 300;
const JSON: usize = 300;
const ACME: usize = 60;

/// That ask at the same time.
const AT_ONCE: usize = 64;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// When certificates of thirty days are due.
const DUE: SignedDuration = SignedDuration::from_hours(24 * 20);

/// How a device renews.
#[derive(Clone)]
enum Way {
    Command,
    Est,
    Json,
    Acme(IpAddr, Arc<Account>),
}

/// A device with the certificate that it holds.
#[derive(Clone)]
struct Holder {
    device: Arc<Device>,
    held: Held,
    way: Way,
}

struct Hospital {
    server: Server,
    site: Site,
    clock: Arc<VirtualClock>,
    acme_port: u16,
    folder: TempDir,
}

impl Hospital {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::at("2026-11-02T07:00:00Z".parse().unwrap()));
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut config = Config::at(folder.path());
        config.est.listen = Some("127.0.0.1:0".parse().unwrap());
        config.acme.networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.acme.http_port = free.port();
        let server = Server::start(config, clock.clone()).await.unwrap();
        let site = Site {
            issuer: format!("https://localhost:{}", server.address().port()),
            est: format!("https://localhost:{}", server.est_address().unwrap().port()),
            anchors: TrustAnchors {
                trust_domain: server.app().keys.trust_domain().clone(),
                roots: vec![server.app().keys.root().der().to_vec()],
            },
            clock: clock.clone(),
        };
        Self { server, site, clock, acme_port: free.port(), folder }
    }

    /// The whole inventory in one transaction; how a device renews follows from its place.
    async fn inventory(&self) -> Vec<Arc<Device>> {
        let (app, mut rng) = (self.server.app(), StdRng::seed_from_u64(11));
        let mut transaction = app.storage.begin().await.unwrap();
        let mut devices = Vec::with_capacity(DEVICES);
        for place in 0..DEVICES {
            let mut description =
                estate::description(&format!("a{place}"), DeviceClass::Analyser).unwrap();
            if let Some(address) = address(place) {
                description.names = vec![address.to_string().parse().unwrap()];
            }
            let id = DeviceId::generate(app.now(), &mut rng);
            let registered = Device::register(id, description, Actor::Server, app.now());
            let (device, _) = registered.unwrap();
            transaction.devices().add(&device).await.unwrap();
            devices.push(Arc::new(device));
        }
        transaction.commit().await.unwrap();
        devices
    }

    /// Everybody's first certificate, within an hour.
    async fn set_up(&self, devices: Vec<Arc<Device>>) -> Vec<Holder> {
        let mut asking = JoinSet::new();
        let mut holders = BTreeMap::new();
        for (place, device) in devices.into_iter().enumerate() {
            self.clock.advance(HOUR / i32::try_from(DEVICES).unwrap());
            let (app, seed) = (self.server.app().clone(), u64::try_from(place).unwrap());
            asking.spawn(async move {
                let held = by_command(&app, seed, &device).await.unwrap();
                (place, Holder { device, held, way: way(place) })
            });
            if asking.len() == AT_ONCE {
                holders.extend([asking.join_next().await.unwrap().unwrap()]);
            }
        }
        holders.extend(asking.join_all().await);
        holders.into_values().collect()
    }

    /// A key with which each of the devices that speak ACME makes its account; and the accounts.
    async fn accounts(&self, holders: &mut [Holder]) {
        let mut add = Command::new(process::binary("imp-server"));
        add.arg("--data").arg(self.folder.path());
        add.args(["acme", "key", "add", "--reusable", "--json"]);
        let first = EST + JSON;
        for holder in &holders[first..first + ACME] {
            add.args(["--device", holder.device.name.as_str()]);
        }
        let added = process::run(&mut add).unwrap();
        assert_eq!(added.code, Some(0), "{}", added.stderr);
        let made: Value = serde_json::from_str(&added.stdout).unwrap();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        let binding = Binding { id: text("kid"), key: text("hmac") };
        for (place, holder) in holders.iter_mut().enumerate().skip(first).take(ACME) {
            let address = address(place).unwrap();
            let account = Account::register(&self.site, &binding).await.unwrap();
            Responder::listen(address, self.acme_port).answers_for(&account);
            holder.way = Way::Acme(address, Arc::new(account));
        }
    }
}

/// Where a device that speaks ACME stands; the others have names.
fn address(place: usize) -> Option<IpAddr> {
    let number = place.checked_sub(EST + JSON).filter(|number| *number < ACME)?;
    Some(Ipv4Addr::new(127, 0, 77, u8::try_from(number + 1).unwrap()).into())
}

fn way(place: usize) -> Way {
    match place {
        place if place < EST => Way::Est,
        place if place < EST + JSON => Way::Json,
        _ => Way::Command,
    }
}

async fn by_command(app: &App, seed: u64, device: &Device) -> Result<Held, Failure> {
    let (mut rng, key) = (StdRng::seed_from_u64(seed), Key::new());
    let issued = estate::ask(app, &mut rng, device, &key.request(), None).await?;
    Ok(Held { key, certificate: issued.certificate, issuers: issued.chain })
}

/// The next certificate of a device.
async fn renewed(app: &App, site: &Site, seed: u64, holder: &Holder) -> Result<Held, Failure> {
    let Holder { device, held, way } = holder;
    match way {
        Way::Command => by_command(app, seed, device).await,
        Way::Est => site.est_renew(device.id, held).await,
        Way::Json => site.renew(device.id, held).await,
        Way::Acme(address, account) => account.obtain(*address, Some(held)).await,
    }
}

/// Whether the server still takes a certificate as the device's.
async fn counts(site: &Site, device: DeviceId, held: &Held) -> bool {
    let asked = site.shows(device, held).get(format!("{}/v1/connections/policy", site.issuer));
    asked.send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_devices_renew_in_the_same_hour() {
    let hospital = Hospital::open().await;
    let mut holders = hospital.set_up(hospital.inventory().await).await;
    hospital.accounts(&mut holders).await;
    let (app, site) = (hospital.server.app().clone(), hospital.site.clone());
    hospital.clock.advance(DUE);
    let now = app.now();
    for holder in &holders {
        let certificate = &holder.held.certificate;
        assert!(certificate.renew_after() <= now && now < certificate.expires_at());
    }
    windows_spread_the_load(&site, &holders).await;

    let before = size(&app).await;
    let began = Instant::now();
    let (renewed, slowest) = all_renew(&hospital, &holders).await;
    println!("{DEVICES} renewals in {:?}; the slowest took {slowest:?}", began.elapsed());
    assert!(began.elapsed().as_secs() < 3600, "an hour's renewals take longer than an hour");

    let serials: BTreeSet<String> = renewed.values().map(Held::serial).collect();
    assert_eq!(serials.len(), DEVICES);
    let events = events_from(&app, before).await;
    let mut logged = BTreeSet::new();
    for event in &events {
        assert!(!matches!(event, Event::DeviceEnrolmentRefused { .. }), "{event:?}");
        if let Event::CertificateIssued { serial, .. } = event {
            assert!(logged.insert(serial.clone()), "{serial}: two entries");
        }
    }
    assert_eq!(logged, serials, "every certificate has its entry, and every entry its certificate");
    // Nobody stood without a certificate: the one before still counts beside the new one.
    let mut reading = app.storage.read().await.unwrap();
    for (place, holder) in holders.iter().enumerate() {
        let own = reading.certificates().of_device(holder.device.id, app.now()).await.unwrap();
        let own: BTreeSet<&str> = own
            .iter()
            .filter(|row| row.withdrawal.is_none())
            .map(|row| row.serial.as_str())
            .collect();
        let (old, new) = (holder.held.serial(), renewed[&place].serial());
        assert_eq!(own, BTreeSet::from([old.as_str(), new.as_str()]), "{}", holder.device.name);
    }
    // They are due again over an hour, not at one instant: each has a whole lifetime of its own.
    let due: BTreeSet<_> = renewed.values().map(|held| held.certificate.renew_after()).collect();
    let spread = due.last().unwrap().duration_since(*due.first().unwrap());
    assert!(due.len() > 1000, "{} instants", due.len());
    assert!(spread > SignedDuration::from_mins(55), "{spread:?}");
}

/// All renew within an hour of the clock, in an order that mixes the ways. By place; and the longest that one had to wait.
async fn all_renew(
    hospital: &Hospital,
    holders: &[Holder],
) -> (BTreeMap<usize, Held>, std::time::Duration) {
    let mut asking: JoinSet<(usize, Held, std::time::Duration)> = JoinSet::new();
    let (mut renewed_now, mut slowest) = (BTreeMap::new(), std::time::Duration::ZERO);
    let step = HOUR / i32::try_from(DEVICES).unwrap();
    for turn in 0..DEVICES {
        hospital.clock.advance(step);
        let place = turn * 7919 % DEVICES;
        let (app, site) = (hospital.server.app().clone(), hospital.site.clone());
        let holder = holders[place].clone();
        asking.spawn(async move {
            let (began, seed) = (Instant::now(), u64::try_from(DEVICES + place).unwrap());
            let got = renewed(&app, &site, seed, &holder).await;
            let held = got.unwrap_or_else(|error| panic!("{}: {error:?}", holder.device.name));
            let took = began.elapsed();
            if place < EST + JSON && place.is_multiple_of(20) {
                assert!(counts(&site, holder.device.id, &holder.held).await, "the old one");
                assert!(counts(&site, holder.device.id, &held).await, "the new one");
            }
            (place, held, took)
        });
        if asking.len() == AT_ONCE {
            let (place, held, took) = asking.join_next().await.unwrap().unwrap();
            renewed_now.insert(place, held);
            slowest = slowest.max(took);
        }
    }
    for (place, held, took) in asking.join_all().await {
        renewed_now.insert(place, held);
        slowest = slowest.max(took);
    }
    (renewed_now, slowest)
}

/// What the server suggests keeps ten thousand that were set up in the same hour from renewing in the same hour: each chooses an
/// instant within its window by chance (RFC 9773 §4.2).
#[expect(clippy::print_stdout, reason = "says how far they are spread")]
async fn windows_spread_the_load(site: &Site, holders: &[Holder]) {
    let suggested = |holder: &Holder| {
        let certificate = &holder.held.certificate;
        suggested_window(certificate.not_before(), certificate.expires_at(), None)
    };
    let mut asked = 0;
    for holder in holders {
        if let Way::Acme(_, account) = &holder.way {
            assert_eq!(account.window(&holder.held).await.unwrap(), suggested(holder));
            asked += 1;
        }
    }
    assert_eq!(asked, ACME);
    let mut rng = StdRng::seed_from_u64(5);
    let mut hours: BTreeMap<i64, usize> = BTreeMap::new();
    for holder in holders {
        let (start, end) = suggested(holder);
        let at = rng.random_range(start.as_second()..end.as_second());
        *hours.entry(at / 3600).or_default() += 1;
        assert!(Timestamp::from_second(at).unwrap() < holder.held.certificate.expires_at());
    }
    let busiest = hours.values().max().copied().unwrap_or_default();
    println!("by the suggested windows: {} hours, {busiest} renewals in the busiest", hours.len());
    assert!(hours.len() >= 120 && busiest < DEVICES / 60, "{busiest} in {} hours", hours.len());
    assert!(site.clock.now() > suggested(&holders[0]).0, "now all are due at once");
}

async fn size(app: &App) -> u64 {
    u64::try_from(events_from(app, 0).await.len()).unwrap()
}
