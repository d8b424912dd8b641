//! Refreshing, asking about and taking back tokens; services in their own name.
use axum::http::StatusCode;
use imp_identity::user::State;
use jiff::SignedDuration;
use serde_json::json;

use super::house::{House, Registered};
use crate::store::Tables as _;

#[tokio::test]
async fn a_refresh_token_is_replaced_and_its_second_use_ends_the_family() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let first = house.tokens(&ada, &client).await;
    let second = house.refresh(&client, first["refresh_token"].as_str().unwrap()).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let id = house.claims(second["id_token"].as_str().unwrap(), &client.id.to_string()).await;
    assert_eq!(id.get("nonce"), None, "it answers no request");
    let reused = house.refresh(&client, first["refresh_token"].as_str().unwrap()).await;
    assert_eq!(reused.error(), "invalid_grant");
    let newest = house.refresh(&client, second["refresh_token"].as_str().unwrap()).await;
    assert_eq!(newest.error(), "invalid_grant", "the whole family");
    assert!(!house.is_active(&client, second["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn a_refreshed_token_may_be_good_for_less_and_never_for_more() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let pairs =
        [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", "openid email")];
    assert_eq!(house.token(&client, &pairs).await.error(), "invalid_scope");
    // The refusal did not use it up.
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", "openid")];
    assert_eq!(house.token(&client, &pairs).await.ok()["scope"], "openid");
}

#[tokio::test]
async fn another_applications_refresh_token_is_unknown() {
    let house = House::open().await;
    let (client, thief) = (house.client(json!({})).await, house.client(json!({})).await);
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&thief, token).await.error(), "invalid_grant");
    house.refresh(&client, token).await.ok();
}

#[tokio::test]
async fn what_was_granted_ends_with_its_time_and_its_user() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let access = tokens["access_token"].as_str().unwrap();
    let mut transaction = house.app.storage.begin().await.unwrap();
    let mut user = ada.user.clone();
    user.state = State::Disabled { at: house.app.now() };
    transaction.users().update(&user, house.app.now()).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(!house.is_active(&client, access).await);
    assert_eq!(house.userinfo(access).await.status, StatusCode::UNAUTHORIZED);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");

    let bea = house.browser("bea").await;
    let tokens = house.tokens(&bea, &client).await;
    house.advance(SignedDuration::from_hours(12));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_service_gets_tokens_in_its_own_name() {
    let house = House::open().await;
    let fhir = "https://fhir.example";
    let service = house.service(json!({ "imp_audiences": [fhir] })).await;
    let tokens = house.token(&service, &[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(tokens["scope"], "system/Observation.rs");
    let claims = house.claims(tokens["access_token"].as_str().unwrap(), fhir).await;
    assert_eq!(claims["sub"], service.id.to_string());
    assert_eq!((claims.get("imp_grant"), claims.get("acr")), (None, None));
    let pairs = [("grant_type", "client_credentials"), ("resource", "https://evil.example")];
    assert_eq!(house.token(&service, &pairs).await.error(), "invalid_target");
    let pairs = [("grant_type", "client_credentials"), ("scope", "system/Patient.rs")];
    assert_eq!(house.token(&service, &pairs).await.error(), "invalid_scope");
    // It has no person: userinfo has nothing to say.
    let answer = house.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "it is for the FHIR server");
    let person = house.client(json!({})).await;
    let refused = house.token(&person, &[("grant_type", "client_credentials")]).await;
    assert_eq!(refused.error(), "unauthorized_client");
    let refused = house.token(&service, &[("grant_type", "password")]).await;
    assert_eq!(refused.error(), "unsupported_grant_type");
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_application_are_answered_alike() {
    let house = House::open().await;
    let service = house.service(json!({})).await;
    let wrong = Registered { secret: Some("imp_cs_wrong".to_owned()), ..service.clone() };
    let unknown = Registered {
        id: imp_identity::ClientId::from_bytes([9; 16]),
        secret: wrong.secret.clone(),
    };
    let pairs = [("grant_type", "client_credentials")];
    let (wrong, unknown) = (house.token(&wrong, &pairs).await, house.token(&unknown, &pairs).await);
    assert_eq!((wrong.status, &wrong.text), (unknown.status, &unknown.text));
    assert_eq!(wrong.error(), "invalid_client");
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.headers["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    // Without its secret, and by another method than it is registered for.
    let id = service.id.to_string();
    let secret = service.secret.clone().unwrap();
    for extra in [vec![], vec![("client_secret", secret.as_str())]] {
        let pairs =
            [vec![("grant_type", "client_credentials"), ("client_id", &id)], extra].concat();
        let answer = house.post("/oauth/token").form(&pairs).send().await;
        assert_eq!(answer.error(), "invalid_client");
    }
    assert!(house.events().await.contains(&"client-refused".to_owned()));
}

#[tokio::test]
async fn who_tries_secrets_has_to_wait_and_others_do_not() {
    let house = House::open_with(|config| config.limits.failures_per_minute = 5).await;
    let (service, other) = (house.service(json!({})).await, house.service(json!({})).await);
    let wrong = Registered { secret: Some("imp_cs_wrong".to_owned()), ..service.clone() };
    let pairs = [("grant_type", "client_credentials")];
    for _ in 0..5 {
        assert_eq!(house.token(&wrong, &pairs).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = house.token(&wrong, &pairs).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key("retry-after"));
    house.token(&other, &pairs).await.ok();
    house.advance(SignedDuration::from_mins(1));
    house.token(&service, &pairs).await.ok();
}

#[tokio::test]
async fn a_body_that_is_no_form_or_says_a_thing_twice_is_refused() {
    let house = House::open().await;
    let service = house.service(json!({})).await;
    let answer = house.post("/oauth/token").basic(&service).json(&json!({})).send().await;
    assert_eq!(answer.error(), "invalid_request");
    let pairs = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    assert_eq!(house.token(&service, &pairs).await.error(), "invalid_request");
    let long = "x".repeat(60 * 1024);
    let pairs = [("grant_type", "client_credentials"), ("scope", &long)];
    assert_eq!(house.token(&service, &pairs).await.error(), "invalid_request");
}

#[tokio::test]
async fn an_application_sees_its_own_tokens_and_a_resource_server_all_of_them() {
    let house = House::open().await;
    let (client, other) = (house.client(json!({})).await, house.client(json!({})).await);
    let server = house.service(json!({ "scope": "introspect" })).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    for token in ["access_token", "refresh_token"] {
        let token = tokens[token].as_str().unwrap();
        assert!(house.is_active(&client, token).await);
        assert!(house.is_active(&server, token).await);
        assert!(!house.is_active(&other, token).await);
    }
    let access = tokens["access_token"].as_str().unwrap();
    let asked = house.post("/oauth/introspect").basic(&server).form(&[("token", access)]);
    let answer = asked.send().await.ok();
    assert_eq!(answer["username"], "ada");
    assert_eq!(answer["amr"], json!(["face", "hwk", "mfa"]));
    // What the scope does not say, the application does not learn here either.
    let narrow = house.authorize(Some(&ada), &client, &[("scope", "openid")]).await;
    let narrow = house.redeem(&client, &narrow.sent("code").unwrap()).await.ok();
    let token = narrow["access_token"].as_str().unwrap();
    let asked = house.post("/oauth/introspect").basic(&client).form(&[("token", token)]);
    assert_eq!(asked.send().await.ok().get("username"), None);
    assert!(!house.is_active(&server, "nonsense").await);
    let public = house.client(json!({ "token_endpoint_auth_method": "none" })).await;
    let id = public.id.to_string();
    let asked = house.post("/oauth/introspect").form(&[("token", access), ("client_id", &id)]);
    assert_eq!(asked.send().await.error(), "invalid_client");
    house.advance(SignedDuration::from_secs(300));
    assert!(!house.is_active(&server, access).await, "expired");
}

#[tokio::test]
async fn an_application_takes_back_its_own_tokens_only() {
    let house = House::open().await;
    let (client, other) = (house.client(json!({})).await, house.client(json!({})).await);
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let revoke = async |client: &Registered, token: &str| {
        let ask = house.post("/oauth/revoke").basic(client).form(&[("token", token)]);
        assert_eq!(ask.send().await.status, StatusCode::OK);
    };
    for token in [access, refresh, "nonsense"] {
        revoke(&other, token).await;
    }
    assert!(house.is_active(&client, access).await && house.is_active(&client, refresh).await);
    revoke(&client, access).await;
    assert!(!house.is_active(&client, access).await);
    let renewed = house.refresh(&client, refresh).await.ok();
    let renewed_access = renewed["access_token"].as_str().unwrap();
    revoke(&client, renewed["refresh_token"].as_str().unwrap()).await;
    assert!(!house.is_active(&client, renewed_access).await, "all of the grant");
}

#[tokio::test]
async fn userinfo_says_what_was_asked_for_and_is_open_to_scripts() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let ada = house.browser("ada").await;
    let claims = r#"{"userinfo":{"email":null}}"#;
    let answer = house.authorize(Some(&ada), &client, &[("claims", claims)]).await;
    let tokens = house.redeem(&client, &answer.sent("code").unwrap()).await.ok();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(house.userinfo(access).await.ok()["email"], "ada@ward.example");
    let posted = house.post("/oauth/userinfo").form(&[("access_token", access)]).send().await;
    assert_eq!(posted.headers["access-control-allow-origin"], "*");
    assert_eq!(posted.headers["cache-control"], "no-store");
    assert_eq!(posted.ok()["preferred_username"], "ada");
    let preflight = house.ask(axum::http::Method::OPTIONS, "/oauth/userinfo");
    let preflight = preflight.header("access-control-request-method", "GET").send().await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert!(preflight.headers.get("access-control-allow-credentials").is_none());
    let bare = house.get("/oauth/userinfo").send().await;
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bare.headers["www-authenticate"], "Bearer realm=\"imp\"");
    // Pages and administration are not.
    let page = house.get("/oauth/authorize").send().await;
    assert!(page.headers.get("access-control-allow-origin").is_none());
}
