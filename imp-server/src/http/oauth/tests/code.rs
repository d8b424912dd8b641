//! Authorization codes, from the browser to the tokens.
use axum::http::StatusCode;
use imp_identity::authentication::{Aal, Authentication, Method};
use jiff::SignedDuration;
use serde_json::json;

use super::house::{BACK, House, VERIFIER};
use crate::app;
use crate::command::{self, InteractionAnswer, InteractionFailure};

#[tokio::test]
async fn a_user_who_is_signed_on_is_signed_on_to_an_application_without_a_page() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let answer = house.authorize(Some(&ada), &client, &[]).await;
    assert_eq!(answer.sent("state").as_deref(), Some("s"));
    assert_eq!(answer.sent("iss").as_deref(), Some(&*house.app.issuer), "RFC 9207");
    let tokens = house.redeem(&client, &answer.sent("code").unwrap()).await.ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
    let id = house.claims(tokens["id_token"].as_str().unwrap(), &client.id.to_string()).await;
    assert_eq!(id["sub"], ada.user.id.to_string());
    assert_eq!(id["nonce"], "n");
    assert!(id["sid"].is_string());
    assert_ne!(id["sid"], ada.sign_on.id.to_string(), "every application has its own");
    assert_eq!(id["amr"], json!(["face", "hwk", "mfa"]));
    assert_eq!(id["acr"], "http://idmanagement.gov/ns/assurance/aal/2");
    assert_eq!(id["auth_time"], house.app.now().as_second());
    assert!(id["at_hash"].is_string());
    let access = tokens["access_token"].as_str().unwrap();
    let claims = house.claims(access, &house.app.issuer).await;
    assert_eq!((&claims["client_id"], &claims["sub"]), (&json!(client.id), &id["sub"]));
    let person = house.userinfo(access).await.ok();
    assert_eq!(person["preferred_username"], "ada");
    assert_eq!((&person["sub"], person.get("email")), (&id["sub"], None), "not asked for");
    assert!(house.events().await.contains(&"grant-made".to_owned()));
}

#[tokio::test]
async fn a_code_that_is_used_twice_ends_what_it_stood_for() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let code = house.code(&ada, &client).await;
    let tokens = house.redeem(&client, &code).await.ok();
    let (access, refresh) = (&tokens["access_token"], &tokens["refresh_token"]);
    let (access, refresh) = (access.as_str().unwrap(), refresh.as_str().unwrap());
    assert!(house.is_active(&client, access).await);
    assert_eq!(house.redeem(&client, &code).await.error(), "invalid_grant");
    assert!(!house.is_active(&client, access).await);
    assert!(!house.is_active(&client, refresh).await);
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");
    assert_eq!(house.userinfo(access).await.status, StatusCode::UNAUTHORIZED);
    assert!(house.events().await.contains(&"grant-revoked".to_owned()));
}

#[tokio::test]
async fn another_applications_code_is_unknown_and_is_not_ended() {
    let house = House::open().await;
    let (client, thief) = (house.client(json!({})).await, house.client(json!({})).await);
    let ada = house.browser("ada").await;
    let code = house.code(&ada, &client).await;
    assert_eq!(house.redeem(&thief, &code).await.error(), "invalid_grant");
    house.redeem(&client, &code).await.ok();
    // Nor does a second use by somebody else end anything.
    assert_eq!(house.redeem(&thief, &code).await.error(), "invalid_grant");
    assert!(!house.events().await.contains(&"grant-revoked".to_owned()));
}

#[tokio::test]
async fn a_code_is_good_for_its_verifier_its_address_and_its_minute() {
    let house = House::open().await;
    let client = house.client(json!({ "redirect_uris": [BACK, "https://charts.example/b"] })).await;
    let ada = house.browser("ada").await;
    let other = "a".repeat(43);
    for (verifier, uri) in
        [(other.as_str(), BACK), (VERIFIER, "https://charts.example/b"), ("short", BACK)]
    {
        let code = house.code(&ada, &client).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        assert_eq!(house.token(&client, &pairs).await.error(), "invalid_grant");
        // It was somebody's guess: whoever knows still gets in.
        house.redeem(&client, &code).await.ok();
    }
    let code = house.code(&ada, &client).await;
    house.advance(SignedDuration::from_secs(60));
    assert_eq!(house.redeem(&client, &code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    for uri in ["https://charts.example/back/", "https://evil.example/", "", "javascript:alert(1)"]
    {
        let answer = house.authorize(Some(&ada), &client, &[("redirect_uri", uri)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(answer.text.contains("redirect_uri"), "{}", answer.text);
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("'none'"));
    }
    let unknown =
        super::house::Registered { id: imp_identity::ClientId::from_bytes([9; 16]), secret: None };
    let answer = house.authorize(Some(&ada), &unknown, &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_the_application() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    for (change, error) in [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "admin"), "invalid_scope"),
        (("request", "e30"), "request_not_supported"),
        (("prompt", "none login"), "invalid_request"),
        (("resource", "https://fhir.example"), "invalid_target"),
    ] {
        let answer = house.authorize(Some(&ada), &client, &[change]).await;
        assert_eq!(answer.sent("error").as_deref(), Some(error), "{change:?}");
        assert_eq!(answer.sent("iss").as_deref(), Some(&*house.app.issuer));
        assert_eq!(answer.sent("state").as_deref(), Some("s"));
    }
}

#[tokio::test]
async fn an_application_that_wants_no_page_is_told_what_is_missing() {
    let house = House::open().await;
    let client = house.client(json!({ "imp_consent": "first" })).await;
    let error = async |browser, changes: &[(&str, &str)]| {
        let changes = [changes, &[("prompt", "none")]].concat();
        house.authorize(browser, &client, &changes).await.sent("error")
    };
    assert_eq!(error(None, &[]).await.as_deref(), Some("login_required"));
    let ada = house.browser("ada").await;
    assert_eq!(error(Some(&ada), &[]).await.as_deref(), Some("consent_required"));
    house.advance(SignedDuration::from_secs(61));
    let aged = error(Some(&ada), &[("max_age", "60")]).await;
    assert_eq!(aged.as_deref(), Some("login_required"));
    let bad = error(Some(&ada), &[("id_token_hint", "nonsense")]).await;
    assert_eq!(bad.as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn somebody_else_than_expected_is_not_signed_on() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let (ada, bea) = (house.browser("ada").await, house.browser("bea").await);
    let tokens = house.tokens(&ada, &client).await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let none = ("prompt", "none");
    let answer = house.authorize(Some(&bea), &client, &[hint, none]).await;
    assert_eq!(answer.sent("error").as_deref(), Some("login_required"));
    assert!(house.authorize(Some(&ada), &client, &[hint, none]).await.sent("code").is_some());
}

/// The interaction that the browser was sent to, and its cookie.
pub(super) fn interaction(answer: &super::house::Answer) -> (imp_identity::InteractionId, String) {
    assert!(answer.location().starts_with("/sign-in?interaction="), "{}", answer.location());
    let id = answer.sent("interaction").unwrap().parse().unwrap();
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    (id, cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_browser_comes_back_from_signing_in_once_and_with_its_cookie() {
    let house = House::open().await;
    let client = house.client(json!({ "imp_consent": "first" })).await;
    let ada = house.browser("ada").await;
    let answer = house.authorize(None, &client, &[]).await;
    let (id, cookie) = interaction(&answer);
    let path = format!("/oauth/continue?interaction={id}");
    let mut rng = app::rng();
    for given in [InteractionAnswer::SignOn(&ada.sign_on), InteractionAnswer::Consent] {
        let context = &mut house.app.context(&mut rng);
        command::answer_interaction(context, id, given).await.unwrap();
    }
    let stolen = house.get(&path).send().await;
    assert_eq!(stolen.status, StatusCode::BAD_REQUEST, "another browser");
    let answer = house.get(&path).header("cookie", &cookie).send().await;
    let code = answer.sent("code").unwrap();
    house.redeem(&client, &code).await.ok();
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let again = house.get(&path).header("cookie", &cookie).send().await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    // She consented: she is not asked again.
    house.tokens(&ada, &client).await;
}

#[tokio::test]
async fn whoever_signs_in_second_is_asked_as_well() {
    let house = House::open().await;
    let client = house.client(json!({ "imp_consent": "first" })).await;
    let (ada, bea) = (house.browser("ada").await, house.browser("bea").await);
    let answer_by = async |answer: &super::house::Answer, given: &[InteractionAnswer<'_>]| {
        let (id, cookie) = interaction(answer);
        let mut rng = app::rng();
        for given in given {
            let context = &mut house.app.context(&mut rng);
            command::answer_interaction(context, id, *given).await.unwrap();
        }
        let path = format!("/oauth/continue?interaction={id}");
        house.get(&path).header("cookie", &cookie).send().await
    };
    let first = house.authorize(Some(&ada), &client, &[]).await;
    let agreed = [InteractionAnswer::SignOn(&ada.sign_on), InteractionAnswer::Consent];
    assert!(answer_by(&first, &agreed).await.sent("code").is_some());
    // Ada agreed before, so that nothing is missing; but it is Bea who signs in.
    let forced = house.authorize(Some(&ada), &client, &[("prompt", "login")]).await;
    let asked = answer_by(&forced, &[InteractionAnswer::SignOn(&bea.sign_on)]).await;
    assert!(asked.location().starts_with("/sign-in?"), "{}", asked.location());
    let agreed = [InteractionAnswer::SignOn(&bea.sign_on), InteractionAnswer::Consent];
    assert!(answer_by(&asked, &agreed).await.sent("code").is_some());
}

#[tokio::test]
async fn who_does_not_sign_in_is_said_so_to_the_application() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    for (failure, error) in [
        (InteractionFailure::Cancelled, "access_denied"),
        (InteractionFailure::Declined, "access_denied"),
        (InteractionFailure::Unmet, "unmet_authentication_requirements"),
    ] {
        let (id, cookie) = interaction(&house.authorize(None, &client, &[]).await);
        let mut rng = app::rng();
        let context = &mut house.app.context(&mut rng);
        let answer = InteractionAnswer::Failure(failure);
        command::answer_interaction(context, id, answer).await.unwrap();
        let path = format!("/oauth/continue?interaction={id}");
        let answer = house.get(&path).header("cookie", &cookie).send().await;
        assert_eq!(answer.sent("error").as_deref(), Some(error));
    }
}

#[tokio::test]
async fn an_application_that_wants_to_be_surer_gets_a_step_up() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let user = house.user("ada").await;
    let code = Authentication::new(house.app.now(), vec![Method::Pin], Aal::Aal1);
    let ada = house.browser_of(user, code).await;
    for change in [
        ("acr_values", imp_oauth::acr::AAL2),
        ("acr_values", "phr"),
        ("prompt", "login"),
        ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["phrh"]}}}"#),
    ] {
        interaction(&house.authorize(Some(&ada), &client, &[change]).await);
    }
    // Wishes that nobody knows, and one of several that is satisfied, need no page.
    let first = format!("{} {}", imp_oauth::acr::AAL3, imp_oauth::acr::AAL1);
    for wishes in ["urn:unknown", &first] {
        let answer = house.authorize(Some(&ada), &client, &[("acr_values", wishes)]).await;
        assert!(answer.sent("code").is_some(), "{}", answer.location());
    }
    house.advance(SignedDuration::from_secs(31));
    interaction(&house.authorize(Some(&ada), &client, &[("max_age", "30")]).await);
}

#[tokio::test]
async fn a_wish_that_cannot_be_granted_is_no_condition() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["http://idmanagement.gov/ns/assurance/aal/3"]}}}"#;
    for (change, code) in
        [(("acr_values", imp_oauth::acr::AAL3), true), (("claims", essential), false)]
    {
        let answer = house.authorize(Some(&ada), &client, &[change]).await;
        let (id, cookie) = interaction(&answer);
        let mut rng = app::rng();
        let context = &mut house.app.context(&mut rng);
        let unmet = InteractionAnswer::Failure(InteractionFailure::Unmet);
        command::answer_interaction(context, id, unmet).await.unwrap();
        let cookies = format!("{cookie}; {}", ada.cookie);
        let path = format!("/oauth/continue?interaction={id}");
        let answer = house.get(&path).header("cookie", &cookies).send().await;
        assert_eq!(answer.sent("code").is_some(), code, "{}", answer.location());
        if let Some(code) = answer.sent("code") {
            let tokens = house.redeem(&client, &code).await.ok();
            let id = tokens["id_token"].as_str().unwrap();
            let claims = house.claims(id, &client.id.to_string()).await;
            assert_eq!(claims["acr"], imp_oauth::acr::AAL2, "it says what is true");
        }
    }
}

#[tokio::test]
async fn an_answer_may_be_posted_and_a_request_too() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let answer = house.authorize(Some(&ada), &client, &[("response_mode", "form_post")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains(&format!("action=\"{BACK}\"")) && answer.text.contains("imp_ac_"));
    let pairs = house.request(&client, &[("state", "a&b\"<>")]);
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = house.post("/oauth/authorize").form(&pairs).send().await;
    let again = house.get(answer.location()).by(&ada).send().await;
    assert_eq!(again.sent("state").as_deref(), Some("a&b\"<>"));
}

#[tokio::test]
async fn a_pushed_request_is_used_once_in_time_by_its_application() {
    let house = House::open().await;
    let strict = json!({ "require_pushed_authorization_requests": true });
    let client = house.client(strict.clone()).await;
    let other = house.client(strict).await;
    let ada = house.browser("ada").await;
    let refused = house.authorize(Some(&ada), &client, &[]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "it must push");
    let push = async || {
        let pairs = house.request(&client, &[]);
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = house.post("/oauth/par").basic(&client).form(&pairs).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["request_uri"].as_str().unwrap().to_owned()
    };
    let open = async |client: &super::house::Registered, uri: &str| {
        let query =
            super::house::form(&[("client_id", &client.id.to_string()), ("request_uri", uri)]);
        house.get(&format!("/oauth/authorize?{query}")).by(&ada).send().await
    };
    let uri = push().await;
    assert_eq!(open(&other, &uri).await.status, StatusCode::BAD_REQUEST);
    let code = open(&client, &uri).await.sent("code").unwrap();
    house.redeem(&client, &code).await.ok();
    assert_eq!(open(&client, &uri).await.status, StatusCode::BAD_REQUEST, "used");
    let uri = push().await;
    house.advance(SignedDuration::from_secs(90));
    assert_eq!(open(&client, &uri).await.status, StatusCode::BAD_REQUEST, "expired");
    let wrong =
        house.post("/oauth/par").basic(&client).form(&[("redirect_uri", BACK)]).send().await;
    assert_eq!(wrong.error(), "invalid_request");
    let long = "x".repeat(20 * 1024);
    let pairs = house.request(&client, &[("state", &long)]);
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let large = house.post("/oauth/par").basic(&client).form(&pairs).send().await;
    assert_eq!(large.error(), "invalid_request");
}
