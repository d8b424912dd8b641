//! A server without a socket, a clock that is moved by hand, people, browsers and applications.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use data_encoding::BASE64;
use imp_authenticator::Peer;
use imp_identity::authentication::Authentication;
use imp_identity::invitation::Invitation;
use imp_identity::sign_on::SignOn;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::user::{Role, User};
use imp_identity::workstation::{Place, Workstation};
use imp_identity::{Actor, ClientId, Clock, Secret, UserId, WorkstationId};
use imp_oauth::client::Metadata;
use imp_oauth::jose::{Algorithm, SigningKey};
use imp_oauth::pkce::CodeChallenge;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

use crate::app::{self, App};
use crate::command::{self, NewSignOn, Registrar};
use crate::config::Config;
use crate::http::caller::PeerCertificate;
use crate::http::router::router;
use crate::store::Tables as _;

/// Where the application waits.
pub(super) const BACK: &str = "https://charts.example/back";
/// What the application alone knows.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(super) struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) struct House {
    pub(super) app: App,
    router: Router,
    clock: Arc<Hands>,
    _data: tempfile::TempDir,
}

/// A registered application.
#[derive(Clone)]
pub(super) struct Registered {
    pub(super) id: ClientId,
    pub(super) secret: Option<String>,
}

/// Somebody's browser.
pub(super) struct Browser {
    pub(super) user: User,
    pub(super) sign_on: SignOn,
    pub(super) cookie: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The document of a success.
    pub(super) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json()
    }

    /// The code of a refusal.
    pub(super) fn error(&self) -> String {
        assert!(self.status.is_client_error(), "{} {}", self.status, self.text);
        self.json()["error"].as_str().unwrap().to_owned()
    }

    /// A parameter of where the browser is sent to.
    pub(super) fn sent(&self, name: &str) -> Option<String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        let location = self.headers[header::LOCATION].to_str().unwrap();
        let query = location.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

/// A request in the making.
pub(super) struct Ask<'a> {
    house: &'a House,
    request: axum::http::request::Builder,
    body: String,
    peer: Option<PeerCertificate>,
}

impl Ask<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(super) fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        self.body = form(pairs);
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    pub(super) fn basic(self, client: &Registered) -> Self {
        let both = format!("{}:{}", client.id, client.secret.as_deref().unwrap());
        self.header("authorization", &format!("Basic {}", BASE64.encode(both.as_bytes())))
    }

    pub(super) fn by(self, browser: &Browser) -> Self {
        self.header("cookie", &browser.cookie)
    }

    /// Over a connection with this certificate.
    pub(super) fn over(mut self, peer: &PeerCertificate) -> Self {
        self.peer = Some(peer.clone());
        self
    }

    pub(super) async fn send(self) -> Answer {
        let mut request: Request<Body> = self.request.body(Body::from(self.body)).unwrap();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(super) async fn open_with(configure: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::at(data.path());
        config.storage.url = Some("sqlite::memory:".to_owned());
        config.limits.failures_per_minute = 1000;
        configure(&mut config);
        let now = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = Arc::new(Hands(Mutex::new(now)));
        let app = App::open(config, clock.clone(), 8443).await.unwrap();
        command::keep_signing_keys(&mut app.context(&mut app::rng()), &app.oauth).await.unwrap();
        Self { router: router(app.clone()), app, clock, _data: data }
    }

    pub(super) fn advance(&self, by: SignedDuration) {
        *self.clock.0.lock().unwrap() += by;
    }

    pub(super) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = Request::builder().method(method).uri(path);
        Ask { house: self, request, body: String::new(), peer: None }
    }

    pub(super) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    /// Registers an application; members of `document` come over the usual ones.
    pub(super) async fn client(&self, document: Value) -> Registered {
        let mut all = json!({
            "client_name": "Charts",
            "redirect_uris": [BACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email",
        });
        for (name, value) in document.as_object().unwrap() {
            all[name] = value.clone();
        }
        if all["redirect_uris"].is_null() {
            all.as_object_mut().unwrap().remove("redirect_uris");
        }
        let metadata = Metadata::parse(all.to_string().as_bytes());
        let metadata = metadata.unwrap_or_else(|error| panic!("{error}"));
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let registrar = Registrar::Administrator;
        let made = command::register_client(context, &Actor::Server, metadata, registrar).await;
        let made = made.unwrap();
        self.app.oauth.expire();
        let secret = made.secret.map(|secret| secret.expose().clone());
        Registered { id: made.client.id, secret }
    }

    /// A service that acts in its own name.
    pub(super) async fn service(&self, document: Value) -> Registered {
        let mut all = json!({
            "client_name": "Laboratory",
            "redirect_uris": null,
            "grant_types": ["client_credentials"],
            "scope": "system/Observation.rs",
        });
        for (name, value) in document.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.client(all).await
    }

    pub(super) async fn user(&self, name: &str) -> User {
        let id = UserId::generate(self.app.now(), &mut app::rng());
        let label = name.to_uppercase().parse().unwrap();
        let (user, _) = User::create(id, name.parse().unwrap(), label, Role::Staff, None);
        let user = User { email: Some(format!("{name}@ward.example").parse().unwrap()), ..user };
        let mut transaction = self.app.storage.begin().await.unwrap();
        transaction.users().add(&user).await.unwrap();
        transaction.commit().await.unwrap();
        user
    }

    /// A browser in which a new user is signed on.
    pub(super) async fn browser(&self, name: &str) -> Browser {
        let user = self.user(name).await;
        self.browser_of(user, Authentication::tap(self.app.now())).await
    }

    pub(super) async fn browser_of(&self, user: User, authentication: Authentication) -> Browser {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let mut transaction = self.app.storage.begin().await.unwrap();
        let new = NewSignOn {
            user: user.id,
            session: None,
            authentication,
            credential: None,
            replaces: None,
        };
        let actor = Actor::User(user.id);
        let made = command::establish_sign_on(context, &mut transaction, &actor, new).await;
        let (sign_on, value): (SignOn, Secret<String>) = made.unwrap();
        transaction.commit().await.unwrap();
        let cookie = format!("__Host-imp-sign-on={}", value.expose());
        Browser { user, sign_on, cookie }
    }

    /// The usual request for authorization, with changes: one without a value is left out.
    #[expect(clippy::unused_self, reason = "reads as what else a house does")]
    pub(super) fn request(
        &self,
        client: &Registered,
        changes: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let challenge = CodeChallenge::of(VERIFIER).to_string();
        let id = client.id.to_string();
        let usual: [(&str, &str); 8] = [
            ("response_type", "code"),
            ("client_id", &id),
            ("redirect_uri", BACK),
            ("scope", "openid profile"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let replaced = |name: &str| changes.iter().any(|(own, _)| *own == name);
        let usual = usual.into_iter().filter(|(name, _)| !replaced(name));
        let all = usual.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty()));
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(super) async fn authorize(
        &self,
        browser: Option<&Browser>,
        client: &Registered,
        changes: &[(&str, &str)],
    ) -> Answer {
        let pairs = self.request(client, changes);
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let ask = self.get(&format!("/oauth/authorize?{query}"));
        match browser {
            Some(browser) => ask.by(browser).send().await,
            None => ask.send().await,
        }
    }

    /// A code for the usual request.
    pub(super) async fn code(&self, browser: &Browser, client: &Registered) -> String {
        let answer = self.authorize(Some(browser), client, &[]).await;
        answer.sent("code").unwrap_or_else(|| panic!("{}", answer.location()))
    }

    pub(super) async fn token(&self, client: &Registered, pairs: &[(&str, &str)]) -> Answer {
        let ask = self.post("/oauth/token");
        if client.secret.is_some() {
            return ask.basic(client).form(pairs).send().await;
        }
        let id = client.id.to_string();
        let mut all = pairs.to_vec();
        all.push(("client_id", &id));
        ask.form(&all).send().await
    }

    pub(super) async fn redeem(&self, client: &Registered, code: &str) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(client, &pairs).await
    }

    pub(super) async fn refresh(&self, client: &Registered, token: &str) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(client, &pairs).await
    }

    /// Tokens of the usual flow.
    pub(super) async fn tokens(&self, browser: &Browser, client: &Registered) -> Value {
        let code = self.code(browser, client).await;
        self.redeem(client, &code).await.ok()
    }

    pub(super) async fn userinfo(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.get("/oauth/userinfo").header("authorization", &bearer).send().await
    }

    pub(super) async fn is_active(&self, client: &Registered, token: &str) -> bool {
        let ask = self.post("/oauth/introspect").basic(client).form(&[("token", token)]);
        ask.send().await.ok()["active"].as_bool().unwrap()
    }

    /// The claims of a token, which one of the published keys signed.
    pub(super) async fn claims(&self, token: &str, audience: &str) -> Value {
        let keys = self.get("/oauth/jwks").send().await.ok();
        let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        let mut rules = jsonwebtoken::Validation::new(header.alg);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[&*self.app.issuer]);
        // The clock is another one.
        rules.validate_exp = false;
        jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims
    }

    /// An enrolled workstation's certificate.
    pub(super) async fn workstation(&self, name: &str) -> (WorkstationId, PeerCertificate) {
        let (mut rng, now) = (app::rng(), self.app.now());
        let id = WorkstationId::generate(now, &mut rng);
        let minutes = SignedDuration::from_mins(10);
        let (invitation, code) = Invitation::open(minutes, now, &mut rng);
        let place = Place { unit: None, site: None };
        let (desk, _) = Workstation::invite(id, name.parse().unwrap(), place, invitation);
        let public_key = name.as_bytes().to_vec();
        let mut transaction = self.app.storage.begin().await.unwrap();
        transaction.workstations().add(&desk, &invitation).await.unwrap();
        let (desk, _) = desk.enrol(&code, public_key.clone(), now).unwrap();
        transaction.workstations().update(&desk).await.unwrap();
        transaction.commit().await.unwrap();
        let trust_domain = self.app.keys.trust_domain().clone();
        let spiffe_id = SpiffeId { trust_domain, machine: Machine::Workstation(id) };
        let mut certificate = imp_oauth::mtls::Certificate::of(name.as_bytes());
        certificate.uris.push(spiffe_id.to_string());
        let expires_at = now + SignedDuration::from_hours(24);
        let peer = Peer { spiffe_id, public_key };
        (id, PeerCertificate { peer, certificate, serial: String::new(), expires_at })
    }

    /// The kinds of all events, in order.
    pub(super) async fn events(&self) -> Vec<String> {
        let entries = command::events_page(&self.app.storage, 0, 500).await.unwrap();
        entries.into_iter().map(|entry| entry.kind).collect()
    }
}

/// A key of an application.
pub(super) fn key() -> SigningKey {
    let document = SigningKey::generate(Algorithm::Es256).unwrap();
    SigningKey::from_pkcs8(Algorithm::Es256, document.expose()).unwrap()
}
