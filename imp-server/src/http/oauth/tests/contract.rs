//! The server's own contract, asked by applications and by browsers.
use axum::http::StatusCode;
use imp_identity::authentication::{Aal, Authentication, Method};
use imp_identity::user::{Role, User};
use serde_json::{Value, json};

use super::house::{Answer, Browser, House, Registered};
use crate::store::Tables as _;

/// A person with a role, in whose browser a tap signed her on.
pub(super) async fn signed_on(house: &House, name: &str, role: Role) -> Browser {
    let user = User { role, ..house.user(name).await };
    let mut transaction = house.app.storage.begin().await.unwrap();
    transaction.users().update(&user, house.app.now()).await.unwrap();
    transaction.commit().await.unwrap();
    house.browser_of(user, Authentication::tap(house.app.now())).await
}

/// An application of hers has a token with this scope.
async fn token(house: &House, browser: &Browser, client: &Registered, scope: &str) -> String {
    let answer = house.authorize(Some(browser), client, &[("scope", scope)]).await;
    let tokens = house.redeem(client, &answer.sent("code").unwrap()).await.ok();
    tokens["access_token"].as_str().unwrap().to_owned()
}

async fn users(house: &House, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    house.get("/v1/users").header("authorization", &bearer).send().await
}

fn code(answer: &Answer) -> String {
    let kind: Value = answer.json();
    kind["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_access_token_opens_the_contract_for_its_person_scope_and_audience() {
    let house = House::open().await;
    let (officer, staff) = (
        signed_on(&house, "olga", Role::Officer).await,
        signed_on(&house, "stan", Role::Staff).await,
    );
    let client = house.client(json!({ "scope": "openid imp" })).await;
    let hers = token(&house, &officer, &client, "openid imp").await;
    assert_eq!(users(&house, &hers).await.status, StatusCode::OK);
    // Her role counts, not the application's.
    let his = token(&house, &staff, &client, "openid imp").await;
    assert_eq!(code(&users(&house, &his).await), "role-insufficient");
    // Without the scope, it is for something else.
    let lesser = token(&house, &officer, &client, "openid").await;
    assert_eq!(code(&users(&house, &lesser).await), "access-refused");
    // For another audience, it is nobody's here.
    let fhir = json!({ "scope": "imp", "imp_audiences": ["https://fhir.example"] });
    let other = house.client(fhir).await;
    let elsewhere = token(&house, &officer, &other, "imp").await;
    let answer = users(&house, &elsewhere).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Bearer") && challenge.contains("invalid_token"), "{challenge}");
    // And what a resource server is shown, too, it cannot bring here.
    let both = json!({ "scope": "openid imp", "imp_audiences": ["https://fhir.example"] });
    let both = house.client(both).await;
    let shared = token(&house, &officer, &both, "openid imp").await;
    assert_eq!(code(&users(&house, &shared).await), "access-refused");
    // Neither is a changed one.
    let (head, _) = hers.rsplit_once('.').unwrap();
    let answer = users(&house, &format!("{head}.AAAA")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    house.advance(jiff::SignedDuration::from_secs(301));
    assert_eq!(users(&house, &hers).await.status, StatusCode::UNAUTHORIZED, "it has expired");
}

#[tokio::test]
async fn a_service_opens_what_its_scope_is_for_and_nothing_of_people() {
    let house = House::open().await;
    let service = house.service(json!({ "scope": "scim imp" })).await;
    let with = async |scope: &str| {
        let pairs = [("grant_type", "client_credentials"), ("scope", scope)];
        let tokens = house.token(&service, &pairs).await.ok();
        format!("Bearer {}", tokens["access_token"].as_str().unwrap())
    };
    let (scim, imp) = (with("scim").await, with("imp").await);
    let ask = |path: &'static str, bearer: &str| house.get(path).header("authorization", bearer);
    assert_eq!(ask("/scim/v2/Users", &scim).send().await.status, StatusCode::OK);
    assert_eq!(ask("/scim/v2/Users", &imp).send().await.status, StatusCode::FORBIDDEN);
    for bearer in [&scim, &imp] {
        assert_eq!(ask("/v1/users", bearer).send().await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_browser_opens_the_contract_from_our_own_pages_only() {
    let house = House::open().await;
    let officer = signed_on(&house, "olga", Role::Officer).await;
    let users = || house.get("/v1/users").by(&officer);
    let own = users().header("sec-fetch-site", "same-origin").send().await;
    assert_eq!(own.status, StatusCode::OK);
    for site in ["cross-site", "same-site", "none"] {
        let answer = users().header("sec-fetch-site", site).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{site}");
    }
    assert_eq!(users().send().await.status, StatusCode::UNAUTHORIZED, "no browser of today");
    // A form of ours, or of anybody's, changes nothing; a script of ours does.
    let id = officer.user.id;
    let path = format!("/v1/users/{id}/disablement");
    let form = house.post(&path).by(&officer).header("sec-fetch-site", "same-origin").form(&[]);
    assert_eq!(form.send().await.status, StatusCode::UNAUTHORIZED);
    let script = house.post(&path).by(&officer).header("sec-fetch-site", "same-origin");
    let answer = script.header("x-imp-script", "1").send().await;
    assert_eq!(code(&answer), "role-insufficient", "she is known, and no administrator");
}

#[tokio::test]
async fn a_browser_with_two_factors_does_what_one_factor_may_not() {
    let house = House::open_with(|config| config.access.require_aal2 = true).await;
    let strong = signed_on(&house, "ada", Role::Administrator).await;
    let now = house.app.now();
    let weak = Authentication::new(now, vec![Method::Code], Aal::Aal1);
    let weak = house.browser_of(strong.user.clone(), weak).await;
    let users = |browser: &Browser| {
        house.get("/v1/users").by(browser).header("sec-fetch-site", "same-origin")
    };
    assert_eq!(users(&strong).send().await.status, StatusCode::OK);
    assert_eq!(code(&users(&weak).send().await), "stronger-sign-in-required");
}

#[tokio::test]
async fn an_emergency_opens_nothing_of_the_contract() {
    let house = House::open().await;
    let known = signed_on(&house, "ada", Role::Administrator).await;
    let now = house.app.now();
    let emergency = Authentication::new(now, vec![Method::BreakGlass], Aal::Aal1);
    let browser = house.browser_of(known.user.clone(), emergency).await;
    let answer = house.get("/v1/users").by(&browser).header("sec-fetch-site", "same-origin");
    assert_eq!(code(&answer.send().await), "stronger-sign-in-required");
}

#[tokio::test]
async fn an_application_hands_out_no_power_in_an_administrators_name() {
    let house = House::open().await;
    let administrator = signed_on(&house, "ada", Role::Administrator).await;
    let client = house.client(json!({ "scope": "openid imp" })).await;
    let token = token(&house, &administrator, &client, "openid imp").await;
    let bearer = format!("Bearer {token}");
    let own = house.get("/v1/users").header("authorization", &bearer).send().await;
    assert_eq!(own.status, StatusCode::OK);
    let code_for = format!("/v1/users/{}/sign-in-code", administrator.user.id);
    let answer = house.post(&code_for).header("authorization", &bearer).send().await;
    assert_eq!(code(&answer), "access-refused");
    assert!(answer.text.contains("do it yourself"), "{}", answer.text);
}

#[tokio::test]
async fn a_token_that_is_bound_to_no_key_opens_nothing_where_the_configuration_wants_one() {
    let house = House::open_with(|config| config.oauth.bound_tokens_only = true).await;
    let officer = signed_on(&house, "olga", Role::Officer).await;
    let client = house.client(json!({ "scope": "openid imp" })).await;
    let hers = token(&house, &officer, &client, "openid imp").await;
    let answer = users(&house, &hers).await;
    assert_eq!(code(&answer), "access-refused");
    assert!(answer.text.contains("a key"), "{}", answer.text);
}
