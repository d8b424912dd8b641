//! The `openidconnect` crate signs somebody on: its cryptography and its reading of the specifications are its own.
use std::sync::Arc;

use imp_identity::clock::SystemClock;
use imp_tests::browser::{Browser, Page};
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl,
    Scope, TokenResponse as _,
};
use serde_json::json;

use super::house::House;

const CALLBACK: &str = "https://application.example/callback";

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// From the sign-in page to the application: by an officer's code, a passkey that it lets her register, and that passkey.
async fn sign_in(browser: &mut Browser, page: &Page, code: &str) -> imp_tests::browser::Sent {
    let interaction = page.query("interaction").unwrap();
    let forms = page.forms();
    let form = forms.iter().find(|form| form.action == "/sign-in/code").unwrap();
    browser.submit(page, form, &[("code", code)]).await.page();
    let ask = json!({ "security_key": false });
    let (status, question) = browser.script("/account/credentials/begin", &ask).await;
    assert!(status.is_success(), "{question}");
    let (mut passkey, answer) =
        SoftwareAuthenticator::create(&browser.origin(), &question["options"], Traits::default());
    let body = json!({ "ceremony": question["ceremony"], "answer": answer, "name": "Passkey" });
    let (status, told) = browser.script("/account/credentials/finish", &body).await;
    assert!(status.is_success(), "{told}");
    let ask = json!({ "interaction": interaction });
    let (status, question) = browser.script("/sign-in/passkey/begin", &ask).await;
    assert!(status.is_success(), "{question}");
    let answer = passkey.get(&browser.origin(), &question["options"]);
    let body =
        json!({ "interaction": interaction, "ceremony": question["ceremony"], "answer": answer });
    let (status, next) = browser.script("/sign-in/passkey/finish", &body).await;
    assert!(status.is_success(), "{next}");
    browser.open(next["next"].as_str().unwrap()).await.application()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openidconnect_crate_signs_somebody_on_and_verifies_who_she_is() {
    let house = House::open().await;
    let metadata = json!({
        "client_name": "Application", "redirect_uris": [CALLBACK], "scope": "openid profile",
    });
    let registered = house.register(&metadata).await;
    let text = |name: &str| registered[name].as_str().unwrap().to_owned();
    let http = house.http.clone();
    let http = |request| send(http.clone(), request);

    let mut browser = Browser::new(&house.issuer(), house.server.ca(), Arc::new(SystemClock));
    let issuer = IssuerUrl::new(browser.origin()).unwrap();
    let provider = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
    let (id, secret) = (ClientId::new(text("client_id")), ClientSecret::new(text("client_secret")));
    let client = CoreClient::from_provider_metadata(provider, id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(challenge)
        .url();

    let page = browser.open(url.as_str()).await.page();
    let code = house.nurse("alice").await;
    let sent = sign_in(&mut browser, &page, &code).await;
    assert_eq!(sent.get("state"), Some(state.secret().as_str()));
    let code = AuthorizationCode::new(sent.get("code").unwrap().to_owned());
    let exchange = client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = exchange.request_async(&http).await.unwrap();

    let token = tokens.id_token().unwrap();
    let verifier = client.id_token_verifier();
    let claims = token.claims(&verifier, &nonce).unwrap();
    let other = Nonce::new("another".to_owned());
    assert!(token.claims(&verifier, &other).is_err(), "another nonce is another request");
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        token.signing_alg().unwrap(),
        token.signing_key(&verifier).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    let subject = claims.subject().clone();
    let asked = client.user_info(tokens.access_token().clone(), Some(subject)).unwrap();
    let info: CoreUserInfoClaims = asked.request_async(&http).await.unwrap();
    assert_eq!(info.preferred_username().unwrap().as_str(), "alice");
}
