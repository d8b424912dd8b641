//! A server in this process with many devices and rules, and an application that asks it.
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::tls::first_meeting;
use imp_connection::{Endpoint, Group, Ports, Protocol, Rule};
use imp_identity::clock::SystemClock;
use imp_identity::device::{Description, Device, DeviceClass};
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::{Actor, Clock, DeviceId};
use imp_oauth::client::Metadata;
use imp_server::command::{self, Context, Registrar};
use imp_server::store::Tables as _;
use imp_server::{Config, Server};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Failure;

const RULES: u32 = 10_000;
const DEVICES: u32 = 10_000;

/// A server and where its files are.
pub(super) struct Installation {
    server: Server,
    clock: Arc<dyn Clock>,
    _data: tempfile::TempDir,
}

/// An application with a token, and the devices that it asks about.
pub(super) struct Caller {
    http: reqwest::Client,
    url: String,
    token: String,
    devices: Vec<SpiffeId>,
}

impl Installation {
    /// A new one, with devices and rules.
    pub(super) async fn open() -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let mut config = Config::at(data.path());
        config.limits.openings_per_minute = 10_000_000;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = Server::start(config, clock.clone()).await?;
        let installation = Self { server, clock, _data: data };
        installation.fill().await?;
        Ok(installation)
    }

    async fn fill(&self) -> Result<(), Failure> {
        let app = self.server.app();
        let mut transaction = app.storage.begin().await?;
        for number in 0..DEVICES {
            let description = description(number)?;
            let (id, now) = (device(number), app.now());
            let (device, _) = Device::register(id, description, Actor::Server, now)?;
            let (device, _) = device.enrol(now)?;
            transaction.devices().add(&device).await?;
            transaction.devices().update(&device).await?;
        }
        transaction.commit().await?;
        let rules: Option<Vec<_>> = (0..RULES).map(|number| self.rule(number)).collect();
        let rules = rules.ok_or("the rules are well formed")?;
        let mut rng = StdRng::seed_from_u64(1);
        let context = &mut self.context(&mut rng);
        let set = command::connection::set_connection_policy(context, Actor::Server, 0, rules);
        set.await?;
        Ok(())
    }

    /// A third between units and a class, a third between single devices, a third between two classes for one port each.
    fn rule(&self, number: u32) -> Option<Rule> {
        let named =
            |number| Endpoint::Machine(machine(self.server.app().keys.trust_domain(), number));
        let (from, to) = match number % 3 {
            0 => {
                let unit = Some(unit(number));
                let group = Group { class: Some(class(number)), unit, zone: None };
                (Endpoint::Group(group), Endpoint::class(DeviceClass::Server))
            }
            1 => (named(number), named(number.wrapping_mul(7) % DEVICES)),
            _ => (Endpoint::class(DeviceClass::InfusionPump), Endpoint::class(DeviceClass::Server)),
        };
        Some(Rule {
            id: format!("rule-{number}").parse().ok()?,
            from,
            to,
            protocol: Protocol::Tcp,
            ports: Ports::one(u16::try_from(1 + number).ok()?).ok()?,
            purpose: "Bench".parse().ok()?,
            until: None,
        })
    }

    /// What asks it, once the policy is in memory.
    pub(super) async fn caller(&self) -> Result<Caller, Failure> {
        let (id, secret) = self.register().await?;
        let tls = first_meeting(self.server.ca(), self.clock.clone())?;
        let http =
            reqwest::Client::builder().tls_backend_preconfigured(tls).http1_only().build()?;
        let url = self.server.url().to_owned();
        let form = "grant_type=client_credentials&scope=connections";
        let asked = http.post(format!("{url}/oauth/token")).basic_auth(id, Some(secret));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: Value = asked.send().await?.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str().ok_or("a token")?.to_owned();
        let domain = self.server.app().keys.trust_domain();
        let devices = (0..DEVICES).map(|number| machine(domain, number)).collect();
        let caller = Caller { http, url, token, devices };
        while caller.ask(0).await? != 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(caller)
    }

    async fn register(&self) -> Result<(String, String), Failure> {
        let document = json!({
            "client_name": "Firewall",
            "grant_types": ["client_credentials"],
            "scope": "connections",
        });
        let metadata = Metadata::parse(document.to_string().as_bytes())?;
        let (actor, registrar) = (Actor::Server, Registrar::Administrator);
        let mut rng = StdRng::seed_from_u64(2);
        let context = &mut self.context(&mut rng);
        let made = command::register_client(context, &actor, metadata, registrar).await?;
        let secret = made.secret.ok_or("it has a secret")?;
        Ok((made.client.id.to_string(), secret.expose().clone()))
    }

    fn context<'a>(&'a self, rng: &'a mut StdRng) -> Context<'a> {
        let app = self.server.app();
        Context {
            storage: &app.storage,
            now: app.now(),
            rng,
            trust_domain: app.keys.trust_domain(),
            signer: app.keys.statement_key(),
            log_key: app.keys.log_key(),
            authority: None,
        }
    }

    /// Ends it.
    pub(super) async fn close(self) -> Result<(), Failure> {
        Ok(self.server.stop().await?)
    }
}

impl Caller {
    /// Asks about two devices; the version of the policy that decided.
    pub(super) async fn ask(&self, number: u32) -> Result<u64, Failure> {
        let at = |number: u32| &self.devices[usize::try_from(number % DEVICES).unwrap_or_default()];
        let body = json!({
            "subject": { "type": "machine", "id": at(number) },
            "resource": { "type": "machine", "id": at(number.wrapping_mul(31)) },
            "action": { "name": "connect", "properties": { "protocol": "tcp", "port": 443 } },
        });
        let asked = self.http.post(format!("{}/access/v1/evaluation", self.url));
        let answer = asked.bearer_auth(&self.token).json(&body).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        Ok(answer["context"]["policy_version"].as_u64().ok_or("a version")?)
    }
}

fn description(number: u32) -> Result<Description, Failure> {
    Ok(Description {
        name: format!("device {number}").parse()?,
        class: class(number),
        manufacturer: None,
        model: None,
        serial_number: None,
        udi: None,
        unit: Some(unit(number).parse()?),
        location: None,
        zone: None,
        mds2: None,
        names: vec![],
    })
}

fn device(number: u32) -> DeviceId {
    let mut bytes = [7; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    DeviceId::from_bytes(bytes)
}

fn machine(domain: &TrustDomain, number: u32) -> SpiffeId {
    SpiffeId { trust_domain: domain.clone(), machine: Machine::Device(device(number)) }
}

/// The classes of the inventory; workstations and phones have their own.
const CLASSES: [DeviceClass; 6] = [
    DeviceClass::Server,
    DeviceClass::Gateway,
    DeviceClass::InfusionPump,
    DeviceClass::Analyser,
    DeviceClass::Imaging,
    DeviceClass::LegacyGateway,
];

fn class(number: u32) -> DeviceClass {
    CLASSES[usize::try_from(number).unwrap_or_default() % CLASSES.len()]
}

fn unit(number: u32) -> String {
    format!("Unit {}", number % 200)
}
