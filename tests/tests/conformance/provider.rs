//! The provider under test, a nurse with a passkey, her browser, and an application.
use imp_identity::user::Role;
use imp_tests::browser::{Arrival, Browser, Page, Sent};
use imp_tests::world::World;
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::relying_party::{RelyingParty, Tokens};

/// The PKCE verifier of every request, and its challenge (RFC 7636 appendix B).
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Where the application takes over.
pub(super) const CALLBACK: &str = "https://application.example/callback";

/// All that a module needs.
pub(super) struct Provider {
    pub(super) world: World,
    pub(super) browser: Browser,
    pub(super) passkey: SoftwareAuthenticator,
    pub(super) application: RelyingParty,
}

impl Provider {
    /// With an application that has a secret and uses `client_secret_basic`.
    pub(super) async fn start() -> Self {
        Self::with(&json!({})).await
    }

    /// With an application that is registered otherwise.
    pub(super) async fn with(changes: &Value) -> Self {
        let world = World::start().await;
        world.user("alice", Role::Staff, None).await;
        let mut browser = world.browser();
        let application = RelyingParty::register(&world, changes).await;
        let passkey = first_passkey(&world, &mut browser, &application).await;
        browser.forget();
        Self { world, browser, passkey, application }
    }

    /// The address of an authorization request: an empty value leaves a parameter out.
    pub(super) fn request(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        parameters(&self.application, changes)
    }

    /// Opens an authorization request in the browser.
    pub(super) async fn ask(&mut self, changes: &[(&str, &str)]) -> Arrival {
        let path = self.application.authorize_path(&self.request(changes));
        self.browser.open(&path).await
    }

    /// The same, and signs in, which the module expects to be needed.
    pub(super) async fn authorize(&mut self, changes: &[(&str, &str)]) -> Sent {
        let page = self.ask(changes).await.page();
        self.sign_in(&page).await.application()
    }

    /// The whole flow up to tokens.
    pub(super) async fn sign_on(&mut self, changes: &[(&str, &str)]) -> Tokens {
        let sent = self.authorize(changes).await;
        self.redeem(&sent).await
    }

    /// Exchanges the code that the application got.
    pub(super) async fn redeem(&self, sent: &Sent) -> Tokens {
        let code = sent.get("code").unwrap_or_else(|| panic!("no code: {sent:?}"));
        let (status, body) = self.application.redeem(code).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        Tokens::of(&body)
    }

    /// Signs in with the passkey on the sign-in page, as its script does.
    pub(super) async fn sign_in(&mut self, page: &Page) -> Arrival {
        assert!(is_sign_in(page), "{} {}", page.url, page.body);
        let interaction = page.query("interaction").expect("an interaction");
        sign_in(&mut self.browser, &mut self.passkey, &interaction).await
    }
}

/// Whether it is the page that asks to sign in.
pub(super) fn is_sign_in(page: &Page) -> bool {
    page.status == StatusCode::OK && page.url.path() == "/sign-in"
}

fn parameters(application: &RelyingParty, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let client = application.id.clone();
    let mut pairs = vec![
        ("client_id", client.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "af0ifjsldkj"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn sign_in(
    browser: &mut Browser,
    passkey: &mut SoftwareAuthenticator,
    interaction: &str,
) -> Arrival {
    let (status, question) =
        browser.script("/sign-in/passkey/begin", &json!({"interaction": interaction})).await;
    assert_eq!(status, StatusCode::OK, "{question}");
    let answer = passkey.get(&browser.origin(), &question["options"]);
    let body =
        json!({"interaction": interaction, "ceremony": question["ceremony"], "answer": answer});
    let (status, next) = browser.script("/sign-in/passkey/finish", &body).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    browser.open(next["next"].as_str().expect("where to go")).await
}

/// Registers a first passkey with an officer's code, on the way to an application.
async fn first_passkey(
    world: &World,
    browser: &mut Browser,
    application: &RelyingParty,
) -> SoftwareAuthenticator {
    let path = application.authorize_path(&parameters(application, &[]));
    let page = browser.open(&path).await.page();
    let form = page
        .forms()
        .into_iter()
        .find(|form| form.action == "/sign-in/code")
        .expect("a form for codes");
    let code = world.sign_in_code("alice").await;
    let account = browser.submit(&page, &form, &[("code", code.as_str())]).await.page();
    assert_eq!(
        (account.status, account.url.path()),
        (StatusCode::OK, "/account"),
        "{}",
        account.body
    );
    let (status, question) =
        browser.script("/account/credentials/begin", &json!({"security_key": false})).await;
    assert_eq!(status, StatusCode::OK, "{question}");
    let (passkey, answer) =
        SoftwareAuthenticator::create(&browser.origin(), &question["options"], Traits::default());
    let body = json!({"ceremony": question["ceremony"], "answer": answer, "name": "Passkey"});
    let (status, registered) = browser.script("/account/credentials/finish", &body).await;
    assert!(status.is_success(), "{status} {registered}");
    passkey
}
