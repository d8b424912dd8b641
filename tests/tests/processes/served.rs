//! A kill -9 of the real server while devices enrol and renew over EST, over ACME, and by the routes in JSON. Whatever a device
//! had in its hands at that moment: no certificate without its entry in the log, no entry without its certificate; what was half
//! done over ACME is finished afterwards, and a technician's code counts for one key.
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::tls::TrustAnchors;
use imp_identity::clock::SystemClock;
use imp_identity::device::{Device, DeviceClass};
use imp_identity::invitation::Code;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, DeviceId, UserId};
use imp_server::App;
use imp_server::command;
use imp_server::store::Tables as _;
use imp_storage::testing::postgres;
use imp_tests::estate;
use imp_tests::process::{self, Running};
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::issuance::{Register, logged, stored};
use crate::fleet::acme::{Account, Binding, Ordered, Responder};
use crate::fleet::{Failure, Held, Key, Site};

/// How often it is killed, on each database.
const KILLS: u64 = 10;
/// Devices that enrol by a code, in each life of the server: half over EST, half by the route in JSON.
const CODES: usize = 8;
/// Devices that renew again and again, by each of the two.
const RENEWING: usize = 3;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An installation whose server is started and killed.
struct Ward {
    folder: TempDir,
    url: String,
    ports: [u16; 3],
    site: Site,
    register: Register,
    rng: StdRng,
    registered: u32,
}

/// A device with a technician's code, and the key that showed it.
struct Coded {
    device: Device,
    code: Code,
    key: Arc<Key>,
    by_est: bool,
    /// What came of it, as far as the device knows.
    held: Option<Held>,
}

/// A device that speaks ACME, and the order that it has not finished.
struct Orderer {
    address: IpAddr,
    account: Account,
    key: Arc<Key>,
    unfinished: Option<Ordered>,
}

impl Ward {
    async fn open(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let url = url.unwrap_or_else(|| format!("sqlite:{at}/imp.db"));
        // Held until all are known: three different ones.
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = sockets.map(|socket| socket.local_addr().unwrap().port());
        let [https, est, http] = ports;
        let config = format!(
            "data = {at:?}\n[storage]\nurl = {url:?}\n[http]\nlisten = \"127.0.0.1:{https}\"\n\
            [est]\nlisten = \"127.0.0.1:{est}\"\n\
            [acme]\nnetworks = [\"127.0.0.0/8\"]\nhttp_port = {http}\n\
            [devices.classes.imaging]\napproval = true\n",
            at = at.to_string(),
        );
        fs::write(folder.path().join("imp-server.toml"), config).unwrap();
        let clock = Arc::new(SystemClock);
        let app = estate::open(folder.path(), Some(&url), clock.clone(), |_| ()).await.unwrap();
        let anchors = TrustAnchors {
            trust_domain: app.keys.trust_domain().clone(),
            roots: vec![app.keys.root().der().to_vec()],
        };
        app.storage.close().await;
        let [issuer, est] = [https, est].map(|port| format!("https://localhost:{port}"));
        let site = Site { issuer, est, anchors, clock };
        let register = Register::of(folder.path(), url.clone());
        let rng = StdRng::seed_from_u64(17);
        Self { folder, url, ports, site, register, rng, registered: 0 }
    }

    fn imp_server(&self) -> Command {
        let mut command = Command::new(process::binary("imp-server"));
        command.arg("--config").arg(self.folder.path().join("imp-server.toml"));
        command
    }

    fn start(&self) -> Running {
        let running = Running::start("imp-server", self.imp_server().arg("serve")).unwrap();
        let listens = |line: &str| line.contains("listening on").then_some(());
        running.line(listens).unwrap();
        running
    }

    /// The installation while no server runs.
    async fn app(&self) -> App {
        let clock = Arc::new(SystemClock);
        estate::open(self.folder.path(), Some(&self.url), clock, |_| ()).await.unwrap()
    }

    async fn device(&mut self, app: &App, class: DeviceClass, address: Option<IpAddr>) -> Device {
        self.registered += 1;
        let name = format!("d{}", self.registered);
        let mut description = estate::description(&name, class).unwrap();
        if let Some(address) = address {
            description.names = vec![address.to_string().parse().unwrap()];
        }
        let context = &mut estate::context(app, &mut self.rng);
        command::register_device(context, Actor::Server, description).await.unwrap()
    }

    /// Devices with a technician's code each.
    async fn coded(&mut self, count: usize) -> Vec<Coded> {
        let app = self.app().await;
        let mut all = vec![];
        for place in 0..count {
            let device = self.device(&app, DeviceClass::Server, None).await;
            let context = &mut estate::context(&app, &mut self.rng);
            let invited = command::invite_device(context, Actor::Server, device.id, DAY).await;
            let (code, by_est) = (invited.unwrap().code, place.is_multiple_of(2));
            all.push(Coded { device, code, key: Key::new(), by_est, held: None });
        }
        app.storage.close().await;
        all
    }

    /// Devices that speak ACME, of a class; their accounts are made while a server runs.
    async fn orderers(&mut self, class: DeviceClass, last: [u8; 2]) -> Vec<Orderer> {
        let app = self.app().await;
        let mut add = self.imp_server();
        add.args(["acme", "key", "add", "--reusable", "--json"]);
        let mut addresses = vec![];
        for last in last {
            let address = IpAddr::from(Ipv4Addr::new(127, 0, 78, last));
            let device = self.device(&app, class, Some(address)).await;
            add.args(["--device", device.name.as_str()]);
            addresses.push(address);
        }
        app.storage.close().await;
        let added = process::run(&mut add).unwrap();
        assert_eq!(added.code, Some(0), "{}", added.stderr);
        let made: Value = serde_json::from_str(&added.stdout).unwrap();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        let binding = Binding { id: text("kid"), key: text("hmac") };
        let mut running = self.start();
        let mut all = vec![];
        for address in addresses {
            let account = Account::register(&self.site, &binding).await.unwrap();
            Responder::listen(address, self.ports[2]).answers_for(&account);
            all.push(Orderer { address, account, key: Key::new(), unfinished: None });
        }
        running.kill();
        all
    }

    /// Remembers what devices had in their hands, and looks whether table and log agree with it.
    async fn check(&mut self, held: impl IntoIterator<Item = String>) {
        self.register.heard(held);
        self.register.check().await;
    }

    /// The keys of the certificates of a device.
    async fn keys_of(&self, app: &App, device: DeviceId) -> BTreeSet<String> {
        let trust_domain = self.site.anchors.trust_domain.clone();
        let machine = SpiffeId { trust_domain, machine: Machine::Device(device) };
        let mut reading = app.storage.read().await.unwrap();
        let own = reading.certificates().of(&machine).await.unwrap();
        own.into_iter().map(|row| row.issuance.unwrap().key.to_string()).collect()
    }
}

impl Coded {
    async fn enrol(
        &self,
        site: &Site,
        key: &Arc<Key>,
        issuers: &[Vec<u8>],
    ) -> Result<Held, Failure> {
        if self.by_est {
            let name = self.device.serial_number.as_ref().map(ToString::to_string);
            site.est_enrol((&name.unwrap_or_default(), &self.code), key, issuers).await
        } else {
            site.enrol(&self.code, key).await
        }
    }
}

impl Orderer {
    /// Orders, one after the other, until the server is gone; what it got.
    async fn go_on(mut self) -> (Self, Vec<String>) {
        let mut got = vec![];
        while let Ok(held) = self.one().await {
            got.push(held.serial());
        }
        (self, got)
    }

    /// Finishes the order that was begun, or begins one and finishes it.
    async fn one(&mut self) -> Result<Held, Failure> {
        if self.unfinished.is_none() {
            self.key = Key::new();
            self.unfinished = Some(self.account.order(self.address, None).await?);
        }
        let held = self.finish().await?;
        self.unfinished = None;
        Ok(held)
    }

    async fn finish(&self) -> Result<Held, Failure> {
        let ordered = self.unfinished.as_ref().ok_or("no order")?;
        let (account, about) = (&self.account, (self.address, &self.key));
        account.prove(ordered).await?;
        let order = account.after(ordered, "pending").await?;
        if order["status"] == "ready" {
            account.finalize(ordered, about).await?;
        }
        let order = account.after(ordered, "processing").await?;
        account.fetch(&order, &self.key).await
    }
}

/// Renews until the server is gone; what it got.
async fn renew_on(
    site: Site,
    device: DeviceId,
    by_est: bool,
    mut held: Held,
) -> (Held, Vec<String>) {
    let mut got = vec![];
    loop {
        let renewed = if by_est {
            site.est_renew(device, &held).await
        } else {
            site.renew(device, &held).await
        };
        match renewed {
            Ok(next) => held = next,
            Err(_) => return (held, got),
        }
        got.push(held.serial());
    }
}

#[expect(clippy::print_stdout, reason = "says how much happened")]
async fn kill_again_and_again(mut ward: Ward) {
    let mut orderers = ward.orderers(DeviceClass::Analyser, [1, 2]).await;
    let mut renewing = vec![];
    let first = ward.coded(2 * RENEWING).await;
    let mut running = ward.start();
    let mut issuers = vec![];
    for coded in first {
        let held = ward.site.enrol(&coded.code, &coded.key).await.unwrap();
        issuers.clone_from(&held.issuers);
        renewing.push((coded.device.id, coded.by_est, held));
    }
    running.kill();
    let (mut lost, mut got) = (0, 0);
    for _ in 0..KILLS {
        let coded = ward.coded(CODES).await;
        let mut running = ward.start();
        let mut renewals = JoinSet::new();
        for (device, by_est, held) in renewing.drain(..) {
            let site = ward.site.clone();
            renewals.spawn(async move {
                let (held, got) = renew_on(site, device, by_est, held).await;
                (device, by_est, held, got)
            });
        }
        let mut orders = JoinSet::new();
        for orderer in orderers.drain(..) {
            orders.spawn(orderer.go_on());
        }
        let (site, above) = (ward.site.clone(), issuers.clone());
        let mut enrolments = JoinSet::new();
        enrolments.spawn(async move {
            let mut coded = coded;
            for one in &mut coded {
                one.held = one.enrol(&site, &one.key.clone(), &above).await.ok();
            }
            coded
        });
        tokio::time::sleep(Duration::from_millis(ward.rng.random_range(30..900))).await;
        running.kill();

        let mut serials = vec![];
        for (device, by_est, held, own) in renewals.join_all().await {
            serials.extend(own);
            renewing.push((device, by_est, held));
        }
        for (orderer, own) in orders.join_all().await {
            serials.extend(own);
            orderers.push(orderer);
        }
        let coded: Vec<Coded> = enrolments.join_all().await.into_iter().flatten().collect();
        serials.extend(coded.iter().filter_map(|one| one.held.as_ref().map(Held::serial)));
        got += serials.len();
        ward.check(serials).await;
        lost += half_used_codes_count_for_one_key(&mut ward, &coded, &issuers).await;
    }
    let unfinished = orderers.iter().filter(|it| it.unfinished.is_some()).count();
    let mut running = ward.start();
    let mut serials = vec![];
    for orderer in &mut orderers {
        serials.push(orderer.one().await.unwrap().serial());
    }
    running.kill();
    ward.check(serials).await;
    println!("{got} certificates handed out, {lost} codes and {unfinished} orders half used");
    assert!(got > 20, "too little happened: {got}");
    assert!(lost > 0, "no code was half used");
}

/// Of the codes whose answer was lost, each counts for exactly one key: that of the device, or, if the server never heard of it,
/// that of whoever shows it next. How many there were.
async fn half_used_codes_count_for_one_key(
    ward: &mut Ward,
    coded: &[Coded],
    issuers: &[Vec<u8>],
) -> usize {
    let lost: Vec<_> = coded.iter().filter(|one| one.held.is_none()).collect();
    let mut running = ward.start();
    let mut serials = vec![];
    for one in &lost {
        let other = Key::new();
        let thief = one.enrol(&ward.site, &other, issuers).await;
        let own = one.enrol(&ward.site, &one.key, issuers).await;
        assert!(thief.is_ok() != own.is_ok(), "a code for two keys, or for none");
        serials.extend(thief.ok().into_iter().chain(own.ok()).map(|held| held.serial()));
    }
    running.kill();
    let app = ward.app().await;
    for one in &lost {
        let keys = ward.keys_of(&app, one.device.id).await;
        assert_eq!(keys.len(), 1, "{}: certificates for {} keys", one.device.name, keys.len());
    }
    app.storage.close().await;
    ward.check(serials).await;
    lost.len()
}

/// An order that waits for a second person when the server is killed is finished when she has approved.
async fn an_order_in_process_is_finished(mut ward: Ward) {
    let mut orderers = ward.orderers(DeviceClass::Imaging, [11, 12]).await;
    let mut running = ward.start();
    for orderer in &mut orderers {
        let ordered = orderer.account.order(orderer.address, None).await.unwrap();
        orderer.account.prove(&ordered).await.unwrap();
        orderer.account.after(&ordered, "pending").await.unwrap();
        let about = (orderer.address, &orderer.key);
        let order = orderer.account.finalize(&ordered, about).await.unwrap();
        assert_eq!(order["status"], "processing", "{order}");
        orderer.unfinished = Some(ordered);
    }
    running.kill();
    let app = ward.app().await;
    assert_eq!((logged(&app).await.len(), stored(&app).await.len()), (0, 0));
    let waiting = command::open_approvals(&app.storage).await.unwrap();
    assert_eq!(waiting.len(), 2);
    let second: UserId = "01890a5d-ac96-774b-bcce-b302099a8059".parse().unwrap();
    for approval in waiting {
        let keys: Vec<_> = orderers.iter().map(|orderer| orderer.key.digest()).collect();
        assert!(keys.contains(&approval.key));
        let context = &mut estate::context(&app, &mut ward.rng);
        command::approve_device(context, Actor::User(second), approval.id, DAY).await.unwrap();
    }
    app.storage.close().await;
    let mut running = ward.start();
    let mut serials = vec![];
    for orderer in &mut orderers {
        serials.push(orderer.one().await.unwrap().serial());
    }
    running.kill();
    ward.check(serials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_devices_enrol_has_every_certificate_in_its_log_on_sqlite() {
    kill_again_and_again(Ward::open(None).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_devices_enrol_has_every_certificate_in_its_log_on_postgresql() {
    let Some(url) = postgres().await else { return };
    kill_again_and_again(Ward::open(Some(url)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_in_process_at_a_kill_is_finished_on_sqlite() {
    an_order_in_process_is_finished(Ward::open(None).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_in_process_at_a_kill_is_finished_on_postgresql() {
    let Some(url) = postgres().await else { return };
    an_order_in_process_is_finished(Ward::open(Some(url)).await).await;
}
