//! Devices without a browser.
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::house::{Answer, Browser, House, Registered};
use crate::app;
use crate::command::{self, InteractionAnswer, InteractionFailure};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn television(house: &House) -> Registered {
    let document = json!({
        "client_name": "Corridor screen",
        "redirect_uris": null,
        "grant_types": [GRANT, "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    house.client(document).await
}

async fn open(house: &House, client: &Registered) -> Value {
    let id = client.id.to_string();
    let pairs = [("client_id", id.as_str()), ("scope", "openid profile")];
    house.post("/oauth/device_authorization").form(&pairs).send().await.ok()
}

async fn poll(house: &House, client: &Registered, opened: &Value) -> Answer {
    let code = opened["device_code"].as_str().unwrap();
    house.token(client, &[("grant_type", GRANT), ("device_code", code)]).await
}

/// Enters the code on our page.
async fn type_in(house: &House, code: &str) -> Answer {
    let ask = house.post("/device").header("origin", &house.app.issuer);
    ask.header("sec-fetch-site", "same-origin").form(&[("user_code", code)]).send().await
}

/// Enters the code and answers the interaction; the page that says what came of it.
async fn enter(
    house: &House,
    code: &str,
    browser: &Browser,
    answers: &[InteractionAnswer<'_>],
) -> String {
    let answer = type_in(house, code).await;
    let id = answer.sent("interaction").unwrap().parse().unwrap();
    let cookie =
        answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut rng = app::rng();
    for given in answers {
        let context = &mut house.app.context(&mut rng);
        command::answer_interaction(context, id, *given).await.unwrap();
    }
    let cookie = format!("{cookie}; {}", browser.cookie);
    let path = format!("/device/continue?interaction={id}");
    house.get(&path).header("cookie", &cookie).send().await.text
}

#[tokio::test]
async fn a_device_waits_until_somebody_allows_it_and_is_answered_once() {
    let house = House::open().await;
    let (client, ada) = (television(&house).await, house.browser("ada").await);
    let opened = open(&house, &client).await;
    assert_eq!(opened["verification_uri"], format!("{}/device", house.app.issuer));
    assert_eq!(poll(&house, &client, &opened).await.error(), "authorization_pending");
    assert_eq!(poll(&house, &client, &opened).await.error(), "slow_down");
    let code = opened["user_code"].as_str().unwrap();
    let typed = code.to_lowercase().replace('-', " ");
    let agreed = [InteractionAnswer::SignOn(&ada.sign_on), InteractionAnswer::Consent];
    let page = enter(&house, &typed, &ada, &agreed).await;
    assert!(page.contains("The device is signed on"), "{page}");
    house.advance(SignedDuration::from_secs(10));
    let other = television(&house).await;
    assert_eq!(poll(&house, &other, &opened).await.error(), "invalid_grant");
    let tokens = poll(&house, &client, &opened).await.ok();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(house.userinfo(access).await.ok()["preferred_username"], "ada");
    house.advance(SignedDuration::from_secs(10));
    assert_eq!(poll(&house, &client, &opened).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_device_is_refused_or_too_late() {
    let house = House::open().await;
    let (client, ada) = (television(&house).await, house.browser("ada").await);
    let opened = open(&house, &client).await;
    let code = opened["user_code"].as_str().unwrap();
    let declined = [
        InteractionAnswer::SignOn(&ada.sign_on),
        InteractionAnswer::Failure(InteractionFailure::Declined),
    ];
    let page = enter(&house, code, &ada, &declined).await;
    assert!(page.contains("refused"), "{page}");
    assert_eq!(poll(&house, &client, &opened).await.error(), "access_denied");
    let opened = open(&house, &client).await;
    let code = opened["user_code"].as_str().unwrap().to_owned();
    // Signed on but not agreed: refused.
    enter(&house, &code, &ada, &[InteractionAnswer::SignOn(&ada.sign_on)]).await;
    assert_eq!(poll(&house, &client, &opened).await.error(), "access_denied");
    let opened = open(&house, &client).await;
    let code = opened["user_code"].as_str().unwrap().to_owned();
    house.advance(SignedDuration::from_mins(10));
    assert_eq!(poll(&house, &client, &opened).await.error(), "expired_token");
    let late = type_in(&house, &code).await;
    assert!(late.text.contains("No device shows this code"));
}

#[tokio::test]
async fn codes_cannot_be_guessed_and_a_link_only_fills_the_field() {
    let house = House::open_with(|config| config.limits.failures_per_minute = 3).await;
    let page = house.get("/device?user_code=wdjb-mjht").send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("value=\"WDJB-MJHT\""));
    let page = house.get("/device?user_code=%22%3E%3Cscript%3E").send().await;
    assert!(!page.text.contains("<script>"));
    for _ in 0..3 {
        let answer = type_in(&house, "BBBB-BBBB").await;
        assert!(answer.text.contains("No device shows this code"));
    }
    let answer = type_in(&house, "BBBB-BBBB").await;
    assert!(answer.text.contains("Too many wrong codes"));
}

#[tokio::test]
async fn only_registered_applications_wait_on_devices() {
    let house = House::open().await;
    let client = house.client(json!({ "token_endpoint_auth_method": "none" })).await;
    let id = client.id.to_string();
    let ask = house.post("/oauth/device_authorization").form(&[("client_id", id.as_str())]);
    assert_eq!(ask.send().await.error(), "unauthorized_client");
}

#[tokio::test]
async fn a_page_of_somebody_else_cannot_enter_his_code() {
    let house = House::open().await;
    let opened = open(&house, &television(&house).await).await;
    let code = opened["user_code"].as_str().unwrap();
    let ask = house.post("/device").header("origin", "https://evil.example");
    let ask = ask.header("sec-fetch-site", "cross-site").form(&[("user_code", code)]);
    let page = ask.send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("not entered on this page") && !page.text.contains(code));
}
