//! A session that ends is over everywhere within a second: at the desktop, in applications, for receivers of signals, whoever
//! ends it, and by whichever of several servers. What is counted is the time that passes by construction (clocks, polls); how long
//! this machine needs besides is measured and printed by the last of these tests, and stands in `docs/sessions.md`.
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use imp_api::Client;
use imp_authenticator::tls::first_meeting;
use imp_client::entry::KeyCommand;
use imp_identity::Secret;
use imp_identity::user::Role;
use imp_server::{Config, Server};
use imp_tests::frozen::{Frozen, moment};
use imp_tests::process::POLL;
use imp_tests::world::{PIN, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Ward;
use super::sign_on::{Desk, register_key};

/// What is promised.
const SECOND: Duration = Duration::from_secs(1);

/// Whoever is told: an application by its back channel, a receiver by its stream.
#[derive(Clone, Default)]
pub(super) struct Ears {
    logouts: Arc<AtomicUsize>,
    signals: Arc<AtomicUsize>,
}

impl Ears {
    /// Listens; answers with its address.
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ears = self.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                ears.hear(stream).await;
            }
        });
        format!("http://{address}")
    }

    async fn hear(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !whole(&request) {
            match stream.read(&mut part).await {
                Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                Ok(_) | Err(_) => return,
            }
        }
        // A logout token is answered 200 (OpenID Connect Back-Channel Logout 1.0 §2.8), a signal 202 (RFC 8935 §2.2).
        let (heard, status) = if request.starts_with(b"POST /logout") {
            (&self.logouts, "200 OK")
        } else {
            (&self.signals, "202 Accepted")
        };
        heard.fetch_add(1, Ordering::SeqCst);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        drop(stream.write_all(answer.as_bytes()).await);
    }

    pub(super) fn heard(&self) -> (usize, usize) {
        (self.logouts.load(Ordering::SeqCst), self.signals.load(Ordering::SeqCst))
    }
}

/// Whether a request has come with its body.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut length = length.map(|(_, value)| value.trim().parse::<usize>().unwrap());
    body.len() >= length.next_back().unwrap_or(0)
}

/// A ward, an application that is signed on from its desktop, and whoever is told.
pub(super) struct Watched {
    pub(super) desk: Desk,
    pub(super) ears: Ears,
}

impl Watched {
    pub(super) async fn open(world: World) -> Self {
        let ears = Ears::default();
        let address = ears.listen().await;
        let told = json!({ "backchannel_logout_uri": format!("{address}/logout") });
        let mut desk = Desk::open_in(Ward::open_in(world).await, told).await;
        let stream = json!({
            "name": "signals", "delivery": "push", "endpoint": format!("{address}/signals"),
            "audience": "https://siem.example", "kinds": ["session-revoked"],
        });
        let _made: Value = desk.ward.world.administrator.post("v1/streams", &stream).await.unwrap();
        register_key(&mut desk).await;
        Self { desk, ears }
    }

    /// She is at work, and signed on to the application. Her security key does it: it needs no camera, and no time.
    async fn works(&mut self) -> String {
        let pin = Some(Secret::new(PIN.to_owned()));
        let command = KeyCommand { purpose: None, pin, touch: false };
        let (_, session) = self.desk.ward.workstation.agent.use_key(command).await.unwrap();
        self.desk.browser.forget();
        self.desk.sign_on().await;
        session.id.to_string()
    }

    fn desktop_is_closed(&self) -> bool {
        self.desk.ward.workstation.agent.desktop().session().is_none()
    }

    /// How much time passes until each has noticed that the session ended.
    #[expect(clippy::print_stdout, reason = "docs/sessions.md shows what it prints")]
    async fn notice(&self, time: &Frozen, before: (usize, usize)) {
        let desktop = time.needs(SECOND, async || self.desktop_is_closed()).await;
        let logout = time.needs(SECOND, async || self.ears.heard().0 > before.0).await;
        let signal = time.needs(SECOND, async || self.ears.heard().1 > before.1).await;
        println!("by construction: desktop {desktop:?}, then {logout:?} logout, {signal:?} signal");
        assert!(desktop + logout + signal <= SECOND, "{desktop:?} + {logout:?} + {signal:?}");
    }

    /// A leaver, by what the personnel system says.
    async fn leaves(&self, name: &str) {
        let world = &self.desk.ward.world;
        let metadata = json!({
            "client_name": "Human resources", "grant_types": ["client_credentials"],
            "response_types": [], "scope": "scim",
        });
        let client: Value = world.administrator.post("v1/clients", &metadata).await.unwrap();
        let issuer = self.desk.browser.origin();
        let form = "application/x-www-form-urlencoded";
        let asked = world.http().post(format!("{issuer}/oauth/token"));
        let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
        let asked = asked.basic_auth(id.unwrap(), secret).header("content-type", form);
        let asked = asked.body("grant_type=client_credentials&scope=scim").send().await.unwrap();
        let token: Value = asked.json().await.unwrap();
        let user = world.find(name).await;
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "active", "value": false }],
        });
        let changed = world.http().patch(format!("{issuer}/scim/v2/Users/{user}"));
        let changed = changed.bearer_auth(token["access_token"].as_str().unwrap());
        let changed = changed.header("content-type", "application/scim+json");
        let changed = changed.body(body.to_string()).send().await.unwrap();
        let status = changed.status();
        assert!(status.is_success(), "{status} {}", changed.text().await.unwrap());
    }
}

/// Ends a session.
async fn end(administrator: &Client, session: &str) {
    let path = format!("v1/sessions/{session}");
    let _ended: imp_api::tap::Session = administrator.delete(&path).await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_ended_is_over_everywhere_within_a_second() {
    let mut watched = Watched::open(World::start().await).await;
    let session = watched.works().await;
    let before = watched.ears.heard();
    let time = Frozen::from_now_on();
    end(&watched.desk.ward.world.administrator, &session).await;
    watched.notice(&time, before).await;
}

#[tokio::test]
async fn a_leavers_session_is_over_everywhere_within_a_second() {
    let mut watched = Watched::open(World::start().await).await;
    watched.works().await;
    let before = watched.ears.heard();
    let time = Frozen::from_now_on();
    watched.leaves("ada").await;
    // Her phone and her keys are gone when the answer arrives; face and certificates with the phone.
    let world = &watched.desk.ward.world;
    let user = world.find("ada").await;
    let ask = async |what: &str| -> String {
        let path = format!("v1/users/{user}/{what}");
        world.administrator.get::<Value>(&path).await.unwrap().to_string()
    };
    let phones = ask("phones").await;
    assert!(phones.contains("\"revoked\"") && !phones.contains("\"bound\""), "{phones}");
    let keys = ask("credentials").await;
    assert!(!keys.contains("registered_at"), "{keys}");
    watched.notice(&time, before).await;
}

/// Another server with the same keys and the same database.
async fn replica(world: &World, url: String) -> (Server, Client) {
    let (first, second) = (world.folder.path().join("server"), world.folder.path().join("replica"));
    // Nobody else may look at keys.
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(second.join("keys")).unwrap();
    for entry in std::fs::read_dir(first.join("keys")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), second.join("keys").join(entry.file_name())).unwrap();
    }
    let mut config = Config::at(&second);
    config.storage.url = Some(url);
    let server = Server::start(config, world.clock.clone()).await.unwrap();
    let tls = first_meeting(server.ca(), world.clock.clone()).unwrap();
    world.user("boss", Role::Administrator, None).await;
    let token = world.token_of("boss").await;
    let client = Client::new(server.url(), tls).unwrap().with_token(token);
    (server, client)
}

#[tokio::test]
async fn a_session_that_another_server_ends_is_over_everywhere_within_a_second() {
    let Some(url) = imp_storage::testing::postgres().await else { return };
    let world = World::start_with(|config| config.storage.url = Some(url.clone())).await;
    let mut watched = Watched::open(world).await;
    let (server, administrator) = replica(&watched.desk.ward.world, url).await;
    let session = watched.works().await;
    let before = watched.ears.heard();
    let time = Frozen::from_now_on();
    end(&administrator, &session).await;
    watched.notice(&time, before).await;
    drop(time);
    server.stop().await.unwrap();
}

/// The middle and the longest of some times.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let middle = times[times.len() / 2];
    format!("median {:.0?}, longest {:.0?}", middle, times[times.len() - 1])
}

/// `IMP_ROUNDS=50 cargo test … -- --nocapture how_long` measures; without it, a few rounds show that it can be.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_it_takes_until_a_session_is_over_everywhere() {
    let rounds =
        std::env::var_os("IMP_ROUNDS").map_or(3, |text| text.to_str().unwrap().parse().unwrap());
    let mut watched = Watched::open(World::start().await).await;
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..rounds {
        let session = watched.works().await;
        let before = watched.ears.heard();
        let began = Instant::now();
        end(&watched.desk.ward.world.administrator, &session).await;
        let mut waiting = [true; 3];
        while waiting.contains(&true) {
            let heard = watched.ears.heard();
            let noticed = [watched.desktop_is_closed(), heard.0 > before.0, heard.1 > before.1];
            for (index, noticed) in noticed.into_iter().enumerate() {
                if noticed && std::mem::take(&mut waiting[index]) {
                    times[index].push(began.elapsed());
                }
            }
            assert!(began.elapsed() < imp_tests::process::PATIENCE, "still waiting: {waiting:?}");
            tokio::time::sleep(POLL / 25).await;
        }
        moment().await;
    }
    let names = ["desktop closed", "application told by its back channel", "receiver told by SSF"];
    for (name, times) in names.iter().zip(times) {
        println!("{name}: {}, {rounds} times", spread(times));
    }
}
