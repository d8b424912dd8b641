//! From the tapped-in desktop to applications, and back when she walks away; and what a web page cannot get out of it.
use imp_api::session::ExchangeSession;
use imp_client::entry::TokenError;
use imp_identity::event::Event;
use imp_identity::sign_on::SignOnEnd;
use imp_identity::tap::Purpose;
use imp_tests::browser::{Arrival, Browser, Page};
use imp_tests::process;
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use jiff::SignedDuration;
use reqwest::header::{HeaderMap, LOCATION, ORIGIN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Ward;

const CALLBACK: &str = "https://charts.example/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A ward, an application, and the browser on the desktop.
pub(super) struct Desk {
    pub(super) ward: Ward,
    pub(super) browser: Browser,
    client: String,
    secret: String,
}

impl Desk {
    pub(super) async fn open() -> Self {
        Self::open_in(Ward::open().await, json!({})).await
    }

    /// In a ward; `more` is registered of the application besides.
    pub(super) async fn open_in(ward: Ward, more: Value) -> Self {
        let mut metadata = json!({
            "client_name": "Charts",
            "redirect_uris": [CALLBACK],
            "scope": "openid profile",
            "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"],
        });
        for (member, value) in more.as_object().expect("members") {
            metadata[member] = value.clone();
        }
        let client: Value =
            ward.world.administrator.post("v1/clients", &metadata).await.expect("a client");
        let text = |name: &str| client[name].as_str().expect(name).to_owned();
        let (client, secret) = (text("client_id"), text("client_secret"));
        let browser = ward.world.browser();
        Self { ward, browser, client, secret }
    }

    /// The application sends the browser to sign in.
    pub(super) async fn ask(&mut self, more: &str) -> Arrival {
        let path = format!(
            "/oauth/authorize?client_id={}&redirect_uri={CALLBACK}&response_type=code&scope=openid&state=s\
             &nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256{more}",
            self.client
        );
        self.browser.open(&path).await
    }

    /// The same; the browser is asked to sign in, and this is the interaction.
    pub(super) async fn interaction(&mut self, more: &str) -> String {
        let page = self.ask(more).await.page();
        assert_eq!(page.url.path(), "/sign-in", "{}", page.body);
        page.query("interaction").expect("an interaction")
    }

    /// The browser goes to the broker as a whole page; where it is sent.
    pub(super) async fn navigate(&self, query: &str) -> (StatusCode, String) {
        let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let answer = self.broker(Method::GET, query, &headers, "").await;
        (answer.0, answer.1.get(LOCATION).map_or_else(String::new, |l| l.to_str().unwrap().into()))
    }

    /// A page of `origin` fetches.
    pub(super) async fn fetch(&self, origin: &str, interaction: &str) -> (StatusCode, Value) {
        let body = json!({ "interaction": interaction }).to_string();
        let headers = [(ORIGIN.as_str(), origin), ("content-type", "application/json")];
        let (status, _, body) = self.broker(Method::POST, "/sign-in", &headers, &body).await;
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    async fn broker(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, HeaderMap, String) {
        let world = &self.ward.world;
        let clock = world.clock.clone();
        let tls = imp_authenticator::tls::first_meeting(world.server.ca(), clock).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = format!("http://{}{path}", self.ward.workstation.broker);
        let mut request = http.request(method, url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("the broker answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.text().await.unwrap())
    }

    /// The server's page takes the code.
    pub(super) async fn redeem(&mut self, interaction: &str, code: &str) -> (StatusCode, Value) {
        let body = json!({ "interaction": interaction, "code": code });
        self.browser.script("/sign-in/handover", &body).await
    }

    /// What the sign-in page does by itself on a tapped-in workstation, up to the claims of the ID token.
    pub(super) async fn sign_on(&mut self) -> Value {
        let interaction = self.interaction("").await;
        let (status, told) = self.fetch(&self.browser.origin(), &interaction).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let code = told["code"].as_str().unwrap().to_owned();
        let (status, next) = self.redeem(&interaction, &code).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        let arrival = self.browser.open(next["next"].as_str().unwrap()).await;
        let sent = arrival.application();
        claims(&self.token(sent.get("code").expect("a code")).await)
    }

    pub(super) async fn token(&self, code: &str) -> Value {
        let form = imp_tests::browser::encode(&[
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), CALLBACK.to_owned()),
            ("code_verifier".to_owned(), VERIFIER.to_owned()),
        ]);
        let url = format!("{}/oauth/token", self.browser.origin());
        let request = self.ward.world.http().post(url);
        let request = request.basic_auth(&self.client, Some(&self.secret));
        let form_type = "application/x-www-form-urlencoded";
        let answer = request.header("content-type", form_type).body(form).send().await.unwrap();
        answer.json().await.unwrap()
    }
}

/// What the ID token says. Its signature is checked by the conformance tests.
pub(super) fn claims(tokens: &Value) -> Value {
    let token = tokens["id_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let body = token.split('.').nth(1).unwrap();
    let body = data_encoding::BASE64URL_NOPAD.decode(body.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_on_a_tapped_in_workstation_is_signed_on_and_sees_no_login_page() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    let before = desk.ward.events().await;
    let tapped_at = desk.ward.world.now();
    desk.ward.world.clock.advance(SignedDuration::from_mins(2));
    let claims = desk.sign_on().await;
    assert_eq!(claims["amr"], json!(["face", "hwk", "mfa"]), "{claims}");
    assert_eq!(claims["auth_time"], tapped_at.as_second(), "when she tapped");
    let names = desk.ward.world.event_names(before).await;
    assert!(names.contains(&"sign-on-established") && names.contains(&"grant-made"), "{names:?}");
    // The next application asks nobody anything.
    let again = desk.ask("").await.application();
    assert!(again.get("code").is_some(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_itself_may_go_to_the_agent_and_comes_back() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    let interaction = desk.interaction("").await;
    let (status, location) = desk.navigate(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let back = format!("{}/sign-in?interaction={interaction}#handover=", desk.browser.origin());
    let code = location.strip_prefix(&back).unwrap_or_else(|| panic!("{location}"));
    let (status, next) = desk.redeem(&interaction, code).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let (status, _) = desk.redeem(&interaction, code).await;
    assert_ne!(status, StatusCode::OK, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn walking_away_signs_the_browser_off_and_the_applications_are_told() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    desk.sign_on().await;
    let before = desk.ward.events().await;
    desk.ward.workstation.agent.lock().await;
    let names = desk.ward.world.event_names(before).await;
    assert_eq!(names[..2], ["session-suspended", "sign-on-ended"], "{names:?}");
    assert!(names.contains(&"grant-revoked"), "{names:?}");
    let events = desk.ward.world.events().await;
    let why = events.iter().rev().find_map(|entry| {
        let Event::SignOnEnded { reason, .. } = &entry.record.event else { return None };
        Some(*reason)
    });
    assert_eq!(why, Some(SignOnEnd::SessionSuspended));
    let page = desk.ask("").await.page();
    assert_eq!(page.url.path(), "/sign-in", "she is not signed on any more");
    let interaction = page.query("interaction").unwrap();
    let (status, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::CONFLICT, Some("no-session")));
    let (_, location) = desk.navigate(&format!("/sign-in?interaction={interaction}")).await;
    assert!(location.ends_with("#desktop=no-session"), "{location}");
    desk.ward.workstation.admits("ada").await;
    desk.sign_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_name_or_way_gets_anything() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    let interaction = desk.interaction("").await;
    for origin in ["https://evil.example", "null", "http://localhost", "https://localhost"] {
        let (status, told) = desk.fetch(origin, &interaction).await;
        assert_eq!((status, &told["code"]), (StatusCode::FORBIDDEN, &Value::Null), "{origin}");
    }
    let path = format!("/sign-in?interaction={interaction}");
    let page = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let rebound = [page[0], page[1], ("host", "evil.example")];
    let (status, headers, _) = desk.broker(Method::GET, &path, &rebound, "").await;
    assert_eq!((status, headers.get(LOCATION)), (StatusCode::MISDIRECTED_REQUEST, None));
    for way in [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "iframe")] {
        let headers: Vec<_> =
            page.iter().copied().filter(|(name, _)| *name != way.0).chain([way]).collect();
        let (status, headers, _) = desk.broker(Method::GET, &path, &headers, "").await;
        assert_eq!((status, headers.get(LOCATION)), (StatusCode::FORBIDDEN, None), "{way:?}");
    }
    let (status, headers, _) = desk.broker(Method::GET, &path, &[], "").await;
    assert_eq!((status, headers.get(LOCATION)), (StatusCode::FORBIDDEN, None), "a program");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attackers_question_in_the_victims_browser_signs_nobody_on() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    // The attacker began to sign in, elsewhere, and lures the browser of the desktop to the agent with that question.
    let mut attacker = desk.ward.world.browser();
    std::mem::swap(&mut desk.browser, &mut attacker);
    let interaction = desk.interaction("").await;
    std::mem::swap(&mut desk.browser, &mut attacker);
    let (status, location) = desk.navigate(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let code = location.split("#handover=").nth(1).expect("a code for the victim's browser");
    let (status, refused) = desk.redeem(&interaction, code).await;
    assert_ne!(status, StatusCode::OK, "this browser was not asked: {refused}");
    assert!(!desk.browser.has_cookie("__Host-imp-sign-on"));
    // Even if the code leaked: whoever was asked elsewhere cannot guess one, and this one is for the browser that was asked.
    let mut other = desk.ward.world.browser();
    std::mem::swap(&mut desk.browser, &mut other);
    let second = desk.interaction("").await;
    let (status, _) = desk.redeem(&second, code).await;
    assert_ne!(status, StatusCode::OK, "a code for another question");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_needs_a_press_on_the_agents_own_page() {
    let mut desk = Desk::open().await;
    desk.ward.workstation.admits("ada").await;
    desk.sign_on().await;
    desk.ward.world.clock.advance(SignedDuration::from_mins(10));
    let interaction = desk.interaction("&max_age=60").await;
    let (status, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::FORBIDDEN, Some("step-up-required")));
    let path = format!("/sign-in?interaction={interaction}");
    let (_, location) = desk.navigate(&path).await;
    assert!(location.ends_with("#desktop=step-up-required"), "{location}");
    let before = desk.ward.events().await;

    let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let asked = desk.broker(Method::GET, &format!("{path}&step_up=1"), &headers, "").await;
    assert_eq!(asked.0, StatusCode::OK);
    assert!(asked.2.contains("Charts asks you"), "it says who asks: {}", asked.2);
    assert_eq!(asked.1["referrer-policy"], "same-origin", "else browsers hide the press's origin");
    let press = asked.2.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let body = format!("press={press}");
    let own = format!("http://{}", desk.ward.workstation.broker);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), form];
    let (status, ..) = desk.broker(Method::POST, "/step-up", &foreign, &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let ours = [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), form];
    let guess = format!("press={}", "A".repeat(43));
    let (status, ..) = desk.broker(Method::POST, "/step-up", &ours, &guess).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(desk.ward.world.event_names(before).await, [""; 0], "nobody tapped");

    let (status, headers, _) = desk.broker(Method::POST, "/step-up", &ours, &body).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let location = headers[LOCATION].to_str().unwrap();
    let code = location.split("#handover=").nth(1).unwrap_or_else(|| panic!("{location}"));
    let (status, next) = desk.redeem(&interaction, code).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let sent = desk.browser.open(next["next"].as_str().unwrap()).await.application();
    let claims = claims(&desk.token(sent.get("code").unwrap()).await);
    assert_eq!(claims["auth_time"], desk.ward.world.now().as_second());
    let (status, ..) = desk.broker(Method::POST, "/step-up", &ours, &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a press counts once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_the_desktop_knows_who_is_at_work_until_she_leaves() {
    let desk = Desk::open().await;
    let wanted = ExchangeSession { client: desk.client.clone(), ..ExchangeSession::default() };
    let agent = &desk.ward.workstation.agent;
    assert!(matches!(agent.token(&wanted).await, Err(TokenError::NoSession)));
    desk.ward.workstation.admits("ada").await;
    let id_token = ExchangeSession { id_token: true, ..wanted.clone() };
    let token = agent.token(&id_token).await.expect("an ID token");
    let said = claims(&json!({ "id_token": token.access_token.expose() }));
    assert_eq!(said["aud"], json!(desk.client));
    assert_eq!(said["amr"], json!(["face", "hwk", "mfa"]), "{said}");
    let token = agent.token(&wanted).await.expect("an access token");
    let ask = async || {
        let url = format!("{}/oauth/userinfo", desk.browser.origin());
        let request = desk.ward.world.http().get(url).bearer_auth(token.access_token.expose());
        request.send().await.unwrap().status()
    };
    assert_eq!(ask().await, StatusCode::OK);
    agent.lock().await;
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED, "she walked away");
    assert!(matches!(agent.token(&wanted).await, Err(TokenError::NoSession)));
    let unknown = ExchangeSession { client: "nobody".to_owned(), ..wanted };
    desk.ward.workstation.admits("ada").await;
    assert!(matches!(agent.token(&unknown).await, Err(TokenError::Server(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_elsewhere_closes_the_desktop_without_being_asked_for() {
    let ward = Ward::open().await;
    // The clock that asks every fifteen seconds is not what is tested: the question that waits at the server is.
    let session = ward.workstation.admits("ada").await;
    let path = format!("v1/sessions/{}", session.id);
    let _ended: imp_api::tap::Session = ward.world.administrator.delete(&path).await.unwrap();
    let closed = process::eventually(std::time::Duration::from_secs(5), || {
        ward.workstation.agent.desktop().session().is_none().then_some(())
    });
    assert!(closed.is_some(), "the desktop is still open");

    ward.workstation.admits("ada").await;
    ward.world.disable("ada").await;
    let closed = process::eventually(std::time::Duration::from_secs(5), || {
        ward.workstation.agent.desktop().session().is_none().then_some(())
    });
    assert!(closed.is_some(), "a leaver is still at work");
}

/// The sign-in page, and Ada registers the key of the workstation with an officer's code, as its scripts do.
pub(super) async fn register_key(desk: &mut Desk) {
    let page: Page = desk.ask("").await.page();
    let form = page.forms().into_iter().find(|form| form.action == "/sign-in/code").unwrap();
    let code = desk.ward.world.sign_in_code("ada").await;
    desk.browser.submit(&page, &form, &[("code", code.as_str())]).await.page();
    let (status, asked) =
        desk.browser.script("/account/credentials/begin", &json!({ "security_key": true })).await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    let options = &asked["options"]["publicKey"];
    let text = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let key = &desk.ward.workstation.key;
    let user = options["user"]["id"].as_str().unwrap();
    key.belongs_to(&data_encoding::BASE64URL_NOPAD.decode(user.as_bytes()).unwrap());
    let client_data = json!({
        "type": "webauthn.create", "challenge": options["challenge"],
        "origin": desk.browser.origin(), "crossOrigin": false,
    });
    let id = text(&key.credential().0);
    let answer = json!({
        "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": { "credProps": { "rk": true } },
        "response": {
            "clientDataJSON": text(client_data.to_string().as_bytes()),
            "attestationObject": text(&key.attestation_object()),
            "transports": ["usb"],
        },
    });
    let body = json!({ "ceremony": asked["ceremony"], "answer": answer, "name": "Key" });
    let (status, registered) = desk.browser.script("/account/credentials/finish", &body).await;
    assert!(status.is_success(), "{status} {registered}");
    desk.browser.forget();
}

/// Ada registers a passkey on the account page, by an officer's code.
async fn register_passkey(desk: &mut Desk) -> SoftwareAuthenticator {
    let page: Page = desk.ask("").await.page();
    let form = page.forms().into_iter().find(|form| form.action == "/sign-in/code").unwrap();
    let code = desk.ward.world.sign_in_code("ada").await;
    desk.browser.submit(&page, &form, &[("code", code.as_str())]).await.page();
    let (_, asked) =
        desk.browser.script("/account/credentials/begin", &json!({ "security_key": false })).await;
    let origin = desk.browser.origin();
    let (passkey, answer) =
        SoftwareAuthenticator::create(&origin, &asked["options"], Traits::default());
    let body = json!({ "ceremony": asked["ceremony"], "answer": answer, "name": "Laptop" });
    let (status, registered) = desk.browser.script("/account/credentials/finish", &body).await;
    assert!(status.is_success(), "{status} {registered}");
    desk.browser.forget();
    passkey
}

/// The sign-in page, and the passkey on it.
async fn use_passkey(
    desk: &mut Desk,
    passkey: &mut SoftwareAuthenticator,
    interaction: &str,
) -> (StatusCode, Value) {
    let asked = json!({ "interaction": interaction, "conditional": false });
    let (_, question) = desk.browser.script("/sign-in/passkey/begin", &asked).await;
    let answer = passkey.get(&desk.browser.origin(), &question["options"]);
    let ceremony = &question["ceremony"];
    let body = json!({ "interaction": interaction, "ceremony": ceremony, "answer": answer });
    desk.browser.script("/sign-in/passkey/finish", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_in_the_browser_of_a_desktop_is_that_desktops_and_walking_away_ends_it() {
    let mut desk = Desk::open().await;
    let mut passkey = register_passkey(&mut desk).await;
    // Nobody is at work here: the page asks the agent, and the agent says where it was asked.
    let interaction = desk.interaction("").await;
    let (status, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::CONFLICT, Some("no-session")));
    let (status, refused) = use_passkey(&mut desk, &mut passkey, &interaction).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    assert!(!desk.browser.has_cookie("__Host-imp-sign-on"));

    // She has tapped in, and an application wants more than the tap was: the passkey is hers, and the sign-on the desktop's.
    let session = desk.ward.workstation.admits("ada").await;
    let (status, next) = use_passkey(&mut desk, &mut passkey, &interaction).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let sent = desk.browser.open(next["next"].as_str().unwrap()).await.application();
    let said = claims(&desk.token(sent.get("code").unwrap()).await);
    assert_eq!(said["amr"], json!(["swk", "pin", "user", "mfa"]), "{said}");
    let events = desk.ward.world.events().await;
    let whose = events.iter().rev().find_map(|entry| {
        if let Event::SignOnEstablished { session, .. } = &entry.record.event {
            Some(*session)
        } else {
            None
        }
    });
    assert_eq!(whose, Some(Some(session.id)));

    desk.ward.workstation.agent.lock().await;
    let page = desk.ask("").await.page();
    assert_eq!(page.url.path(), "/sign-in", "she walked away, and nobody after her is she");
    let ended = desk.ward.world.events().await;
    assert!(ended.iter().any(|entry| matches!(
        &entry.record.event,
        Event::SignOnEnded { reason: SignOnEnd::SessionSuspended, .. }
    )));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_key_opens_resumes_confirms_and_ends_like_a_tap() {
    use imp_client::entry::{EntryError, KeyCommand};
    use imp_client::tap::TapMeans;
    use imp_hardware::security_key::SecurityKeyError;
    use imp_identity::Secret;
    use imp_tests::world::PIN;

    let mut desk = Desk::open().await;
    let with = |purpose, pin: &str| {
        let pin = Some(Secret::new(pin.to_owned()));
        KeyCommand { purpose, pin, touch: false }
    };
    register_key(&mut desk).await;
    let agent = desk.ward.workstation.agent.clone();
    let wrong = agent.use_key(with(None, "0000")).await;
    assert!(matches!(wrong, Err(EntryError::Key(SecurityKeyError::PinWrong))), "{wrong:?}");

    let before = desk.ward.events().await;
    let (purpose, session) = agent.use_key(with(None, PIN)).await.expect("she is let in");
    assert_eq!((purpose, session.username.as_str()), (Purpose::TapIn, "ada"));
    assert_eq!(
        desk.ward.world.event_names(before).await,
        ["session-established", "security-key-accepted"]
    );
    let claims = desk.sign_on().await;
    assert_eq!(claims["amr"], json!(["swk", "pin", "user", "mfa"]), "not attested: {claims}");
    agent.lock().await;
    let (purpose, again) = agent.use_key(with(None, PIN)).await.expect("she is let in again");
    assert_eq!((purpose, again.id), (Purpose::Unlock, session.id));
    let report = agent.status().last_tap.expect("it is shown like a tap");
    assert!(report.accepted() && report.means == TapMeans::SecurityKey, "{report:?}");
    assert!(report.steps.iter().any(|step| step.name == "total"), "{report:?}");
    let (_, confirmed) = agent.use_key(with(Some(Purpose::StepUp), PIN)).await.expect("confirmed");
    assert_eq!(confirmed.id, session.id);
    let (_, out) = agent.use_key(with(Some(Purpose::TapOut), PIN)).await.expect("signed out");
    assert_eq!(out.state, "ended");
    assert!(agent.desktop().session().is_none());

    desk.ward.world.disable("ada").await;
    let before = desk.ward.events().await;
    let refused = agent.use_key(with(None, PIN)).await;
    assert!(matches!(refused, Err(EntryError::Server(_))), "{refused:?}");
    assert_eq!(desk.ward.world.event_names(before).await, ["sign-in-refused"]);
}
