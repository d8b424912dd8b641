//! A hospital in one process: the server on a loopback port, workstations and phones on an emulated air, cameras that see
//! photographs, and time that passes when a journey says so. All of it is the code that runs in production, with emulated
//! devices.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "this is what tests are made of: what goes wrong in it is a failed test"
)]
mod browsing;
pub mod caller;
pub mod clock;
pub mod faces;
mod phone;
mod record;
mod workstation;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use imp_api::admin::{
    CreateUser, InviteWorkstation, PolicyDocument, SignIn, SignInCode, SignedIn, User,
    WorkstationInvited,
};
use imp_api::audit::EventsQuery;
use imp_api::{Client, ClientError};
use imp_authenticator::invitation::InvitationUri;
use imp_authenticator::tls;
use imp_client::config::WalkAwayConfig;
use imp_client::enrolment::{EnrolCommand, Progress};
use imp_events::Entry;
use imp_hardware::ble::emulated::Air;
use imp_hardware::camera::CameraConfig;
use imp_hardware::keystore::Keystore;
use imp_identity::policy::Policy;
use imp_identity::user::Role;
use imp_identity::{Clock, Event, Secret, TapId, UserId};
use imp_server::{Config, Server, SignOnConfig};
use imp_service::Shutdown;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::wire::Wire;
use clock::VirtualClock;
pub use phone::BoundPhone;
pub use record::{Traffic, Upload};
pub use workstation::{PIN, Scene, Workstation};

/// The ward where everything happens unless a journey says otherwise.
pub const WARD: &str = "Ward 3";

/// A server with an administrator, an officer, and an air.
pub struct World {
    /// Everybody's clock.
    pub clock: Arc<VirtualClock>,
    /// Where phones advertise.
    pub air: Arc<Air>,
    /// The server.
    pub server: Server,
    /// The administrator.
    pub administrator: Client,
    /// Who reads the log.
    pub auditor: Client,
    /// The officer's bearer token.
    pub officer: Secret<String>,
    /// What workstations sent to the server.
    pub traffic: Traffic,
    /// Ends the agents and phones.
    pub shutdown: Shutdown,
    /// When workstations that are started from now on lock behind whoever has left: never, unless a journey is about that.
    pub walk_away: WalkAwayConfig,
    /// Where browsers ask the agent of a workstation; 0: any port that is free.
    pub broker_port: u16,
    /// Holds everybody's files.
    pub folder: TempDir,
}

impl World {
    /// A new hospital on a Monday morning.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same, with another configuration of the server.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at("2026-11-02T07:00:00Z".parse().expect("a time"), change).await
    }

    /// The same, at another time: where others' programs take part, that of their clocks.
    pub async fn start_at(at: Timestamp, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(VirtualClock::at(at));
        let mut config = Config::at(&folder.path().join("server"));
        change(&mut config);
        // Pages ask the agent at the port that the server is told; other worlds have none of their own.
        let broker_port = match config.sign_on.broker_port {
            port if port == SignOnConfig::default().broker_port => 0,
            chosen => chosen,
        };
        let server = Server::start(config, clock.clone()).await.expect("the server starts");
        let administrator = sign_in_first_administrator(&server, clock.clone()).await;
        let visitor = visitor(&server, clock.clone());
        let mut world = Self {
            auditor: visitor,
            air: Air::new(),
            officer: Secret::new(String::new()),
            traffic: Traffic::default(),
            shutdown: Shutdown::new(),
            clock,
            server,
            administrator,
            walk_away: WalkAwayConfig { enabled: false, ..WalkAwayConfig::default() },
            broker_port,
            folder,
        };
        world.user("officer", Role::Officer, None).await;
        world.officer = world.token_of("officer").await;
        world.user("auditor", Role::Auditor, None).await;
        world.auditor = world.auditor.with_token(world.token_of("auditor").await);
        world
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A client that knows the server by its fingerprint, without a token.
    pub fn visitor(&self) -> Client {
        visitor(&self.server, self.clock.clone())
    }

    /// Creates a user.
    pub async fn user(&self, username: &str, role: Role, unit: Option<&str>) -> User {
        let body = CreateUser {
            username: username.to_owned(),
            display_name: format!("Nurse {username}"),
            role: Some(role),
            unit: unit.map(str::to_owned),
            email: None,
        };
        self.administrator.post("v1/users", &body).await.expect("the user is created")
    }

    /// A bearer token for the user, by a one-time code.
    pub async fn token_of(&self, username: &str) -> Secret<String> {
        let user = self.find(username).await;
        let path = format!("v1/users/{user}/sign-in-code");
        let code: SignInCode = self.administrator.post(&path, &()).await.expect("a code");
        let body = SignIn { code: code.code, first_administrator: None };
        self.visitor().sign_in(&body).await.expect("the code signs in").token
    }

    /// The user's identifier.
    pub async fn find(&self, username: &str) -> UserId {
        let users: imp_api::admin::Users =
            self.administrator.get("v1/users?limit=500").await.expect("users");
        users.users.iter().find(|user| user.username == username).expect("the user exists").id
    }

    /// Disables the user.
    pub async fn disable(&self, username: &str) {
        let user = self.find(username).await;
        let path = format!("v1/users/{user}/disablement");
        self.administrator.post_nothing(&path, &()).await.expect("the user is disabled");
    }

    /// Puts a policy in force.
    pub async fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        let document = self.administrator.get("v1/policy").await.expect("the policy");
        let PolicyDocument(mut policy): PolicyDocument = document;
        change(&mut policy);
        let changed = self.administrator.put("v1/policy", &PolicyDocument(policy)).await;
        let _in_force: PolicyDocument = changed.expect("the policy is put in force");
    }

    /// Enrols a workstation and starts its agent.
    pub async fn workstation(&self, name: &str, unit: Option<&str>) -> Workstation {
        let invitation = self.invite_workstation(name, unit).await;
        Workstation::start(self, name, &invitation).await
    }

    /// The same, with its keys where the test can have them.
    pub async fn workstation_keeping(
        &self,
        name: &str,
        unit: Option<&str>,
        keystore: Arc<dyn Keystore>,
    ) -> Workstation {
        let invitation = self.invite_workstation(name, unit).await;
        Workstation::start_keeping(self, name, &invitation, keystore).await
    }

    /// A workstation that reaches the server over a wire that can be pulled.
    pub async fn workstation_on_a_wire(&self, name: &str) -> (Workstation, Wire) {
        let mut invitation = self.invite_workstation(name, Some(WARD)).await;
        let (_, port) = self.server.url().rsplit_once(':').expect("a port");
        let server = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
        let wire = Wire::to(server, &self.shutdown).await.expect("a wire");
        invitation.server = format!("https://localhost:{}", wire.address().port());
        (Workstation::start(self, name, &invitation).await, wire)
    }

    /// Invites a workstation.
    pub async fn invite_workstation(&self, name: &str, unit: Option<&str>) -> InvitationUri {
        let unit = unit.map(str::to_owned);
        let body = InviteWorkstation { name: name.to_owned(), unit, site: None };
        let invited: WorkstationInvited =
            self.administrator.post("v1/workstations", &body).await.expect("an invitation");
        invited.invitation.parse().expect("an invitation")
    }

    /// Enrols a user under supervision at a workstation: a new phone is bound, photographs are taken, the phone gets its
    /// signed reference. The phone stays on the air.
    pub async fn enrol(
        &self,
        at: &Workstation,
        username: &str,
        photographs: &[&str],
    ) -> BoundPhone {
        let folder = self.folder.path().join(format!("photographs-{username}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in photographs {
            std::fs::copy(faces::path(name), folder.join(name)).expect("a photograph");
        }
        at.scene.becomes(CameraConfig::Folder { path: folder });
        let command = EnrolCommand {
            username: username.to_owned(),
            notice: "2026-11".to_owned(),
            officer_token: self.officer.clone(),
        };
        let (invited, mut invitation) = tokio::sync::mpsc::unbounded_channel();
        let tell = move |progress| {
            if let Progress::Opened { invitation, .. } = progress {
                // The phone has it already when this is told again.
                let _unheard = invited.send(invitation);
            }
        };
        let mut phone = BoundPhone::new(self, &format!("phone-of-{username}"));
        let scan = async {
            let invitation = invitation.recv().await.expect("an invitation");
            phone.bind(self, &invitation.parse().expect("an invitation")).await;
        };
        let (enrolled, ()) = tokio::join!(at.agent.enrol_person(&command, &tell), scan);
        let enrolled = enrolled.expect("the enrolment completes");
        assert!(enrolled.receipt_delivered && enrolled.photographs == photographs.len());
        phone
    }

    /// The event log from the beginning, as the auditor reads it. That she does is left out: it is in there too. Whatever the
    /// journey, nothing is missing, nothing stands there twice, and no tap was decided twice.
    pub async fn events(&self) -> Vec<Entry> {
        let mut events = self.everything().await;
        for (index, entry) in events.iter().enumerate() {
            assert_eq!(usize::try_from(entry.index), Ok(index), "the log has a gap");
        }
        let ids: HashSet<_> = events.iter().map(|entry| entry.record.id).collect();
        assert_eq!(ids.len(), events.len(), "a record stands in the log twice");
        let decided: Vec<_> =
            events.iter().filter_map(|entry| decided(&entry.record.event)).collect();
        let taps: HashSet<_> = decided.iter().copied().collect();
        assert_eq!(taps.len(), decided.len(), "a tap was decided twice");
        events.retain(|entry| entry.record.event.name() != "log-read");
        events
    }

    async fn everything(&self) -> Vec<Entry> {
        let mut events: Vec<Entry> = Vec::new();
        let mut after = None;
        loop {
            let query = EventsQuery {
                order: Some("oldest".to_owned()),
                after,
                limit: Some(500),
                ..EventsQuery::default()
            };
            let page = self.auditor.events(&query).await.expect("events");
            events.extend(page.events.into_iter().map(|entry| Entry {
                index: entry.index,
                record: entry.record.expect("nothing was erased"),
            }));
            after = page.next;
            if after.is_none() {
                return events;
            }
        }
    }

    /// The names of the events from an index on.
    pub async fn event_names(&self, from: u64) -> Vec<&'static str> {
        let events = self.events().await.into_iter().filter(|entry| entry.index >= from);
        events.map(|entry| entry.record.event.name()).collect()
    }

    /// Waits until the events from an index on are these: what a workstation reports without being waited for comes later.
    pub async fn logs(&self, from: u64, expected: &[&str]) {
        let until = tokio::time::Instant::now() + crate::process::PATIENCE;
        loop {
            let found = self.event_names(from).await;
            if found == expected {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "{found:?} instead of {expected:?}");
            tokio::time::sleep(crate::process::POLL).await;
        }
    }

    /// Ends agents and phones, then the server; everything they wrote is still there.
    pub async fn end(self) -> TempDir {
        self.shutdown.begin();
        self.shutdown.finished(crate::process::PATIENCE).await.expect("agents and phones end");
        self.server.stop().await.expect("the server ends");
        self.folder
    }
}

/// The tap that was accepted, by its event. A refusal may be repeated: every replay is one.
fn decided(event: &Event) -> Option<TapId> {
    if let Event::TapAccepted(facts) = event { Some(facts.tap) } else { None }
}

fn visitor(server: &Server, clock: Arc<dyn Clock>) -> Client {
    let tls = tls::first_meeting(server.ca(), clock).expect("a TLS configuration");
    Client::new(server.url(), tls).expect("the server's URL")
}

async fn sign_in_first_administrator(server: &Server, clock: Arc<dyn Clock>) -> Client {
    let first = CreateUser {
        username: "admin".to_owned(),
        display_name: "Administrator".to_owned(),
        role: Some(Role::Administrator),
        unit: None,
        email: None,
    };
    let code = server.administrator_code().expect("a first start prints a code").clone();
    let visitor = visitor(server, clock);
    let body = SignIn { code, first_administrator: Some(first) };
    let signed_in: Result<SignedIn, ClientError> = visitor.sign_in(&body).await;
    visitor.with_token(signed_in.expect("the code signs in").token)
}
