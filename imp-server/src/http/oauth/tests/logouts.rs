//! Signing out: by an application, of an application.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use imp_identity::Actor;
use imp_identity::sign_on::SignOnEnd;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::house::{Browser, House};
use crate::app;
use crate::command;

const AFTER: &str = "https://charts.example/bye";

async fn is_signed_on(house: &House, browser: &Browser) -> bool {
    let cookie = browser.cookie.split_once('=').unwrap().1;
    let found = command::find_sign_on_by_cookie(&house.app.storage, cookie, house.app.now()).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn an_application_that_shows_its_id_token_signs_the_user_out() {
    let house = House::open().await;
    let client = house.client(json!({ "post_logout_redirect_uris": [AFTER] })).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let query = |uri: &str| {
        let pairs = [("id_token_hint", hint), ("post_logout_redirect_uri", uri), ("state", "x")];
        format!("/oauth/logout?{}", super::house::form(&pairs))
    };
    let answer = house.get(&query("https://evil.example/")).by(&ada).send().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(is_signed_on(&house, &ada).await);
    // Another browser's hint is no proof: she is asked.
    let bea = house.browser("bea").await;
    let asked = house.get(&query(AFTER)).by(&bea).send().await;
    assert!(asked.text.contains("Sign out?"), "{}", asked.text);
    assert!(is_signed_on(&house, &bea).await);
    house.advance(SignedDuration::from_mins(11));
    let answer = house.get(&query(AFTER)).by(&ada).send().await;
    assert_eq!(
        answer.location(),
        format!("{AFTER}?state=x"),
        "an expired hint is one all the same"
    );
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(!is_signed_on(&house, &ada).await);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");
    assert_eq!(
        house.userinfo(tokens["access_token"].as_str().unwrap()).await.error(),
        "invalid_token"
    );
}

#[tokio::test]
async fn without_a_proof_the_user_is_asked_and_only_our_page_can_answer() {
    let house = House::open().await;
    let client = house.client(json!({ "post_logout_redirect_uris": [AFTER] })).await;
    let ada = house.browser("ada").await;
    let query = super::house::form(&[
        ("client_id", &client.id.to_string()),
        ("post_logout_redirect_uri", AFTER),
    ]);
    let path = format!("/oauth/logout?{query}");
    let page = house.get(&path).by(&ada).send().await.text;
    let (_, rest) = page.split_once("name=\"confirmation\" value=\"").unwrap();
    let confirmation = rest.split('"').next().unwrap();
    let answer = async |confirmation: &str, answer: &str| {
        let pairs = [("confirmation", confirmation), ("answer", answer)];
        house.post(&path).by(&ada).form(&pairs).send().await
    };
    assert_eq!(answer("forged", "yes").await.status, StatusCode::BAD_REQUEST);
    assert!(answer(confirmation, "no").await.text.contains("You stay signed on"));
    assert!(is_signed_on(&house, &ada).await);
    assert_eq!(answer(confirmation, "yes").await.location(), AFTER);
    assert!(!is_signed_on(&house, &ada).await);
    // Applications may post, which browsers do without cookies: they are sent round.
    let posted = house.post("/oauth/logout").form(&[("state", "x")]).send().await;
    assert_eq!(posted.location(), "/oauth/logout?state=x");
    assert!(house.get("/oauth/logout").send().await.text.contains("You are signed out"));
}

#[tokio::test]
async fn what_was_granted_for_longer_outlives_the_sign_on() {
    let house = House::open().await;
    let offline =
        json!({ "imp_offline_access": "allowed", "scope": "openid profile offline_access" });
    let client = house.client(offline).await;
    let ada = house.browser("ada").await;
    let changes = [("scope", "openid offline_access")];
    let code = house.authorize(Some(&ada), &client, &changes).await.sent("code").unwrap();
    let lasting = house.redeem(&client, &code).await.ok();
    let passing = house.tokens(&ada, &client).await;
    end(&house, &ada).await;
    let refresh = passing["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");
    house.refresh(&client, lasting["refresh_token"].as_str().unwrap()).await.ok();
    house.advance(SignedDuration::from_hours(24 * 29));
}

pub(super) async fn end(house: &House, browser: &Browser) {
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let (actor, reason) = (Actor::User(browser.user.id), SignOnEnd::SignedOut);
    command::end_sign_on(context, &actor, browser.sign_on.id, reason).await.unwrap();
}

/// An application that waits for logout tokens, and answers as it is told.
#[derive(Clone, Default)]
pub(super) struct Application {
    heard: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

async fn hear(State(application): State<Application>, body: String) -> StatusCode {
    application.heard.lock().unwrap().push(body);
    application.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
}

impl Application {
    /// Its address.
    pub(super) async fn listen(&self) -> String {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let router = Router::new().route("/logout", post(hear)).with_state(self.clone());
        let served = async move { axum::serve(socket, router).await };
        #[expect(clippy::disallowed_methods, reason = "the application ends with its test")]
        tokio::task::spawn(served);
        format!("http://{address}/logout")
    }

    pub(super) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

pub(super) async fn tell(house: &House) {
    crate::job::logout::Telling::new(&house.app).round().await.unwrap();
}

#[tokio::test]
async fn applications_are_told_that_a_user_is_signed_out() {
    let house = House::open().await;
    let charts = Application::default();
    let uri = charts.listen().await;
    let client = house.client(json!({ "backchannel_logout_uri": uri })).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    tell(&house).await;
    assert!(charts.heard().is_empty());
    end(&house, &ada).await;
    // At first it is busy: it is asked again, not at once.
    charts.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    tell(&house).await;
    assert_eq!(charts.heard().len(), 1);
    tell(&house).await;
    assert!(charts.heard().is_empty());
    house.advance(SignedDuration::from_secs(20));
    tell(&house).await;
    let heard = charts.heard();
    let token = heard[0].strip_prefix("logout_token=").unwrap();
    assert_eq!(jsonwebtoken::decode_header(token).unwrap().typ.as_deref(), Some("logout+jwt"));
    let claims: Value = house.claims(token, &client.id.to_string()).await;
    let known = house.claims(tokens["id_token"].as_str().unwrap(), &client.id.to_string()).await;
    assert_eq!(claims["sid"], known["sid"]);
    assert_eq!(claims["sub"], ada.user.id.to_string());
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(claims["events"], json!({ event: {} }));
    assert_eq!(claims.get("nonce"), None);
    house.advance(SignedDuration::from_mins(5));
    tell(&house).await;
    assert!(charts.heard().is_empty(), "once it knows, it is not told again");
    assert!(house.events().await.contains(&"logout-sent".to_owned()));
}

#[tokio::test]
async fn an_application_that_never_answers_is_given_up() {
    let house = House::open().await;
    let client =
        house.client(json!({ "backchannel_logout_uri": "http://127.0.0.1:9/logout" })).await;
    let ada = house.browser("ada").await;
    house.tokens(&ada, &client).await;
    end(&house, &ada).await;
    for _ in 0..8 {
        tell(&house).await;
        house.advance(SignedDuration::from_mins(5));
    }
    assert!(house.events().await.contains(&"logout-sent".to_owned()));
    let due = command::due_logouts(&house.app.storage, house.app.now()).await.unwrap();
    assert!(due.is_empty());
}

#[tokio::test]
async fn an_application_that_ignores_a_walk_away_keeps_what_it_has() {
    let house = House::open().await;
    let ignoring = house.client(json!({ "imp_on_suspend": "ignore" })).await;
    let told = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let (kept, ended) = (house.tokens(&ada, &ignoring).await, house.tokens(&ada, &told).await);
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let mut transaction = house.app.storage.begin().await.unwrap();
    let reason = SignOnEnd::SessionSuspended;
    let actor = Actor::User(ada.user.id);
    command::queue_logouts(context, &mut transaction, &actor, &ada.sign_on, reason).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(house.is_active(&ignoring, kept["access_token"].as_str().unwrap()).await);
    assert!(!house.is_active(&told, ended["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn what_a_lost_key_opened_does_not_live_on_in_a_refresh_token() {
    let house = House::open().await;
    let offline =
        json!({ "imp_offline_access": "allowed", "scope": "openid profile offline_access" });
    let client = house.client(offline).await;
    let ada = house.browser("ada").await;
    let changes = [("scope", "openid offline_access")];
    let code = house.authorize(Some(&ada), &client, &changes).await.sent("code").unwrap();
    let tokens = house.redeem(&client, &code).await.ok();
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let (actor, reason) = (Actor::Server, SignOnEnd::CredentialRemoved);
    command::end_sign_on(context, &actor, ada.sign_on.id, reason).await.unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn nothing_is_granted_in_a_browser_that_was_signed_out_in_the_meantime() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    // The browser was read as signed on; before the grant is written, she is signed out.
    let pairs = house.request(&client, &[]);
    let form = imp_oauth::Form::from_pairs(pairs);
    let metadata = command::find_client(&house.app.storage, client.id).await.unwrap().unwrap();
    let issuer = &house.app.issuer;
    let request = imp_oauth::authorize::validate(&form, client.id, &metadata.metadata, issuer);
    let asking = crate::http::oauth::authorize::Asking {
        app: &house.app,
        client: Arc::new(metadata),
        request: request.unwrap(),
    };
    end(&house, &ada).await;
    let granted = asking.grant(&ada.sign_on, &ada.user, false).await;
    assert!(granted.is_err());
    assert!(!house.events().await.contains(&"grant-made".to_owned()));
}

#[tokio::test]
async fn an_application_that_does_not_answer_makes_no_other_wait() {
    let house = House::open().await;
    let dead = house.client(json!({ "backchannel_logout_uri": "http://127.0.0.1:9/logout" })).await;
    let charts = Application::default();
    let client = house.client(json!({ "backchannel_logout_uri": charts.listen().await })).await;
    for n in 0..4 {
        let browser = house.browser(&format!("user{n}")).await;
        house.tokens(&browser, &dead).await;
        if n == 3 {
            house.tokens(&browser, &client).await;
        }
        end(&house, &browser).await;
    }
    tell(&house).await;
    assert_eq!(charts.heard().len(), 1);
    let due = command::due_logouts(&house.app.storage, house.app.now()).await.unwrap();
    assert!(due.is_empty(), "the others of the dead one were put off with the first");
}
