//! The pages where people sign in, as a browser asks for them, with an authenticator in software.
use std::collections::BTreeMap;

use imp_api::Client;
use imp_api::admin::Credentials;
use imp_api::phone_sign_in::{AnswerPhoneSignIn, SignInUri};
use imp_authenticator::SignInStatement;
use imp_identity::user::Role;
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::hospital::{Hospital, problem};

/// A browser: cookies, and where its pages come from.
struct Browser {
    http: reqwest::Client,
    server: String,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(hospital: &Hospital) -> Self {
        let server = hospital.server.url().to_owned();
        let origin = server.replace("127.0.0.1", "localhost");
        Self { http: hospital.http(None), server, origin, cookies: BTreeMap::new() }
    }

    fn keep(&mut self, answer: &Response) {
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.starts_with("__Host-"), "{line}");
            assert!(line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{line}");
            let (pair, _) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn get(&mut self, path: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.server)).header(COOKIE, self.cookie());
        let answer = request.send().await.unwrap();
        self.keep(&answer);
        answer
    }

    async fn post(&mut self, path: &str, body: &Value) -> Response {
        let request = self.http.post(format!("{}{path}", self.server));
        let request = request.header(COOKIE, self.cookie()).header("origin", &self.origin);
        let answer = request.json(body).send().await.unwrap();
        self.keep(&answer);
        answer
    }

    async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.server));
        let request = request.header(COOKIE, self.cookie()).header("origin", &self.origin);
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body.join("&").replace(' ', "+")).send().await.unwrap();
        self.keep(&answer);
        answer
    }

    /// Goes to a page that needs a sign-in; the interaction that it begins.
    async fn begin(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let location = answer.headers()[LOCATION].to_str().unwrap();
        location.strip_prefix("/sign-in?interaction=").unwrap().to_owned()
    }

    /// Comes with an officer's code, and registers a passkey.
    async fn register(&mut self, code: &str) -> SoftwareAuthenticator {
        let interaction = self.begin("/account").await;
        let fields = [("interaction", interaction.as_str()), ("code", code)];
        let answer = self.form("/sign-in/code", &fields).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(text(answer).await.contains(&format!("/account?then={interaction}")));
        let body = json!({ "security_key": false });
        let asked = json_of(self.post("/account/credentials/begin", &body).await).await;
        let traits = Traits::default();
        let (key, answer) = SoftwareAuthenticator::create(&self.origin, &asked["options"], traits);
        let body = json!({ "ceremony": asked["ceremony"], "name": "Blue key", "answer": answer });
        let answer = self.post("/account/credentials/finish", &body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{}", text(answer).await);
        key
    }

    /// Signs in with a passkey.
    async fn sign_in(&mut self, interaction: &str, key: &mut SoftwareAuthenticator) -> Response {
        let body = json!({ "interaction": interaction });
        let asked = json_of(self.post("/sign-in/passkey/begin", &body).await).await;
        let answer = key.get(&self.origin, &asked["options"]);
        let body = json!({
            "interaction": interaction, "ceremony": asked["ceremony"], "answer": answer,
        });
        self.post("/sign-in/passkey/finish", &body).await
    }
}

async fn text(answer: Response) -> String {
    answer.text().await.unwrap()
}

async fn json_of(answer: Response) -> Value {
    let status = answer.status();
    let text = text(answer).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A person and a code for her.
async fn person(administrator: &Client, name: &str, role: Role) -> (imp_identity::UserId, String) {
    let user = administrator.create_user(&crate::hospital::user(name, role)).await.unwrap();
    let code = administrator.issue_sign_in_code(user.id).await.unwrap().code;
    (user.id, code.expose())
}

#[tokio::test]
async fn a_code_registers_a_passkey_which_then_signs_in() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (user, code) = person(&administrator, "grace", Role::Staff).await;
    let mut browser = Browser::new(&hospital);
    let mut key = browser.register(&code).await;
    // The code is good for nothing but that.
    let page = text(browser.get("/account").await).await;
    assert!(page.contains("register a passkey or a security key now"), "{page}");
    assert!(!page.contains("/account/credentials/remove"));
    let found: Credentials =
        administrator.get(&format!("v1/users/{user}/credentials")).await.unwrap();
    let id = found.credentials[0].id.to_string();
    let refused = browser.form("/account/credentials/remove", &[("credential", &id)]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);

    let mut other = Browser::new(&hospital);
    let interaction = other.begin("/account").await;
    let page = other.get(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(policy.contains("connect-src 'self' http://127.0.0.1:7845;"), "{policy}");
    let signed = other.sign_in(&interaction, &mut key).await;
    let next = json_of(signed).await["next"].as_str().unwrap().to_owned();
    let back = other.get(&next).await;
    let there = back.headers()[LOCATION].to_str().unwrap().to_owned();
    assert_eq!(there, format!("/account?interaction={interaction}"));
    let again = other.get(&there).await;
    assert_eq!(again.headers()[LOCATION], "/account");
    let page = text(other.get("/account").await).await;
    assert!(page.contains("Blue key") && page.contains("GRACE"), "{page}");
    // It is her last way in.
    let last = other.form("/account/credentials/remove", &[("credential", &id)]).await;
    assert_eq!(last.status(), StatusCode::CONFLICT);
    let fields = [("credential", id.as_str()), ("name", "Green key")];
    let renamed = other.form("/account/credentials/rename", &fields).await;
    assert_eq!(renamed.status(), StatusCode::OK);
    assert!(text(other.get("/account").await).await.contains("Green key"));

    let out = other.form("/sign-out", &[]).await;
    assert!(text(out).await.contains("You are signed out"));
    assert!(other.cookies.keys().all(|name| name != "__Host-imp-sign-on"));
    other.begin("/account").await;
}

#[tokio::test]
async fn an_officer_removes_a_key_that_was_lost_and_what_it_opened_ends() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (user, code) = person(&administrator, "grace", Role::Staff).await;
    let mut browser = Browser::new(&hospital);
    let mut key = browser.register(&code).await;
    let mut other = Browser::new(&hospital);
    let interaction = other.begin("/account").await;
    let signed = other.sign_in(&interaction, &mut key).await;
    assert_eq!(signed.status(), StatusCode::OK);
    assert_eq!(other.get("/account").await.status(), StatusCode::OK);
    let path = format!("v1/users/{user}/credentials");
    let found: Credentials = administrator.get(&path).await.unwrap();
    let id = found.credentials[0].id;
    let path = format!("v1/users/{user}/credentials/{id}/removal");
    administrator.post_nothing(&path, &json!({ "reason": "lost" })).await.unwrap();
    assert_eq!(other.get("/account").await.status(), StatusCode::SEE_OTHER);
    let gone = administrator.post_nothing(&path, &json!({ "reason": "lost" })).await;
    assert_eq!(problem(gone), "not-found");
}

#[tokio::test]
async fn other_sites_other_browsers_and_old_questions_are_refused() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, code) = person(&administrator, "grace", Role::Staff).await;
    let mut browser = Browser::new(&hospital);
    let mut key = browser.register(&code).await;
    let interaction = browser.begin_anew().await;
    let mut evil = Browser::new(&hospital);
    evil.cookies.clone_from(&browser.cookies);
    evil.origin = "https://evil.example".to_owned();
    let body = json!({ "interaction": interaction });
    let refused = evil.post("/sign-in/passkey/begin", &body).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(text(refused).await.contains("urn:imp:problem:cross-site"));
    let refused = evil.form("/sign-out", &[]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);

    let mut stranger = Browser::new(&hospital);
    let page = stranger.get(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    let refused = stranger.post("/sign-in/passkey/begin", &body).await;
    assert!(text(refused).await.contains("urn:imp:problem:interaction-over"));
    let signed = browser.sign_in(&interaction, &mut key).await;
    assert_eq!(signed.status(), StatusCode::OK);
    hospital.clock.advance(jiff::SignedDuration::from_mins(10));
    let late = browser.get(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(late.status(), StatusCode::BAD_REQUEST);
}

impl Browser {
    /// A page that began its sign-in, whoever is signed on.
    async fn begin_anew(&mut self) -> String {
        let signed_on = self.cookies.remove("__Host-imp-sign-on");
        let interaction = self.begin("/account").await;
        self.cookies.extend(signed_on.map(|value| ("__Host-imp-sign-on".to_owned(), value)));
        interaction
    }
}

/// Status, headers and body, without what is different each time.
async fn shape(answer: Response) -> (StatusCode, Vec<String>, String) {
    let mut names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
    names.sort();
    (answer.status(), names, text(answer).await)
}

#[tokio::test]
async fn nobody_learns_who_exists_or_is_disabled() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (user, code) = person(&administrator, "grace", Role::Staff).await;
    let mut browser = Browser::new(&hospital);
    let mut key = browser.register(&code).await;
    let interaction = browser.begin_anew().await;
    let options = json!({ "publicKey": {
        "rp": { "id": "localhost" }, "challenge": "AA", "user": { "id": "AA" }
    }});
    let (mut unknown, _) =
        SoftwareAuthenticator::create(&browser.origin, &options, Traits::default());
    let nobody = shape(browser.sign_in(&interaction, &mut unknown).await).await;
    administrator.disable_user(user).await.unwrap();
    let disabled = shape(browser.sign_in(&interaction, &mut key).await).await;
    assert_eq!(nobody.0, StatusCode::FORBIDDEN);
    assert_eq!(disabled, nobody);
    let wrong = [("interaction", interaction.as_str()), ("code", "AAAAA-AAAAA-AAAAA-AAAAA")];
    let wrong = shape(browser.form("/sign-in/code", &wrong).await).await;
    let again = [("interaction", interaction.as_str()), ("code", code.as_str())];
    let again = shape(browser.form("/sign-in/code", &again).await).await;
    assert_eq!(wrong.0, StatusCode::FORBIDDEN);
    assert_eq!(again, wrong);
}

#[tokio::test]
async fn a_phone_signs_a_browser_on_but_not_into_the_account() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    let desk = hospital.desk(&administrator, &workstation, "ada2").await;
    let (bound, phone) = hospital.phone(&desk).await;
    let mut browser = Browser::new(&hospital);
    let interaction = browser.begin("/account").await;
    let body = json!({ "interaction": interaction });
    let asked = json_of(browser.post("/sign-in/phone/begin", &body).await).await;
    assert!(asked["qr"].as_str().unwrap().contains("<svg"));
    let uri: SignInUri = asked["text"].as_str().unwrap().parse().unwrap();
    let number = u8::try_from(asked["number"].as_u64().unwrap()).unwrap();
    let waiting = json_of(browser.post("/sign-in/phone/poll", &body).await).await;
    assert_eq!(waiting, json!({}));
    let wanted = phone.client.phone_sign_in(uri.0).await.unwrap();
    assert_eq!((wanted.origin.as_str(), wanted.numbers.len()), (browser.origin.as_str(), 3));
    assert!(wanted.numbers.contains(&number));
    let statement = SignInStatement {
        nonce: wanted.nonce.0.as_slice().try_into().unwrap(),
        origin: wanted.origin,
        number,
        verified: false,
        at: "2026-03-01T08:00:00Z".parse().unwrap(),
    };
    let signed = statement.sign(bound.phone, phone.signer.as_ref()).unwrap();
    let answer = AnswerPhoneSignIn { statement: Some(signed.into()) };
    let wrong = workstation.client.answer_phone_sign_in(uri.0, &answer).await;
    assert_eq!(problem(wrong), "wrong-machine");
    phone.client.answer_phone_sign_in(uri.0, &answer).await.unwrap();
    let again = phone.client.answer_phone_sign_in(uri.0, &answer).await;
    assert_eq!(problem(again), "not-found", "the first answer counts");
    let polled = json_of(browser.post("/sign-in/phone/poll", &body).await).await;
    assert_eq!(polled["next"], format!("/sign-in?interaction={interaction}"));
    // A phone alone is one factor: the account wants two, and the page says so.
    let page = text(browser.get(polled["next"].as_str().unwrap()).await).await;
    assert!(page.contains("needs a stronger proof"), "{page}");
    let cancelled = browser.form("/sign-in/cancel", &[("interaction", interaction.as_str())]).await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    let back = browser.get(&format!("/sign-in?interaction={interaction}")).await;
    assert_eq!(back.status(), StatusCode::SEE_OTHER, "back, without having signed in");
}
