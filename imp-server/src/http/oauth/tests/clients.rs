//! Registering applications, and what every one of them sees of a person.
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::house::{BACK, House};
use crate::app;
use crate::command;

const TOKEN: &str = "0123456789abcdef0123456789abcdef-initial";

#[tokio::test]
async fn applications_do_not_register_themselves_unless_the_configuration_lets_them() {
    let house = House::open().await;
    let metadata = house.get("/.well-known/openid-configuration").send().await.ok();
    assert_eq!(metadata.get("registration_endpoint"), None);
    let document = json!({ "client_name": "Charts", "redirect_uris": [BACK] });
    let ask = house.post("/oauth/register").header("authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(ask.json(&document).send().await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_application_with_the_token_registers_itself_for_a_persons_own_things_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let path = file.path().to_owned();
    let house = House::open_with(|config| config.oauth.registration_token_file = Some(path)).await;
    let register = async |token: &str, document| {
        let ask = house.post("/oauth/register").header("authorization", &format!("Bearer {token}"));
        ask.json(&document).send().await
    };
    let document = json!({ "client_name": "Charts", "redirect_uris": [BACK] });
    assert_eq!(register("wrong", document.clone()).await.status, StatusCode::UNAUTHORIZED);
    let machine = json!({ "client_name": "Charts", "grant_types": ["client_credentials"] });
    assert_eq!(register(TOKEN, machine).await.error(), "invalid_client_metadata");
    let open = json!({ "client_name": "Charts", "redirect_uris": ["http://charts.example/"] });
    assert_eq!(register(TOKEN, open).await.error(), "invalid_redirect_uri");
    let answer = register(TOKEN, document).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let registered = answer.json();
    let own = registered["registration_access_token"].as_str().unwrap();
    let path = format!("/oauth/register/{}", registered["client_id"].as_str().unwrap());
    let ask = |method, token: &str| {
        house.ask(method, &path).header("authorization", &format!("Bearer {token}"))
    };
    assert_eq!(ask(Method::GET, TOKEN).send().await.status, StatusCode::UNAUTHORIZED);
    let shown = ask(Method::GET, own).send().await.ok();
    assert_eq!(shown["client_name"], "Charts");
    assert_eq!(shown.get("client_secret"), None, "it is shown once");
    assert_eq!(ask(Method::DELETE, own).send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, own).send().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_application_that_is_removed_or_has_a_new_secret_is_known_so_at_once() {
    let house = House::open().await;
    let client = house.client(json!({})).await;
    let service = house.service(json!({ "scope": "introspect" })).await;
    let ada = house.browser("ada").await;
    let tokens = house.tokens(&ada, &client).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(house.is_active(&service, access).await);
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let actor = imp_identity::Actor::Server;
    let renewed = command::renew_client_secret(context, &actor, client.id).await.unwrap();
    house.app.oauth.expire();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(house.refresh(&client, refresh).await.error(), "invalid_client");
    let secret = renewed.secret.map(|secret| secret.expose().clone());
    let renewed = super::house::Registered { secret, ..client.clone() };
    house.refresh(&renewed, refresh).await.ok();
    let context = &mut house.app.context(&mut rng);
    command::remove_client(context, &actor, client.id).await.unwrap();
    house.app.oauth.expire();
    assert!(!house.is_active(&service, access).await);
    assert_eq!(house.refresh(&renewed, refresh).await.error(), "invalid_client");
    let events = house.events().await;
    for kind in ["client-registered", "client-changed", "grant-revoked", "client-removed"] {
        assert!(events.contains(&kind.to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn applications_cannot_compare_pairwise_subjects() {
    let house = House::open().await;
    let one = house.client(json!({ "subject_type": "pairwise" })).await;
    let other = house
        .client(json!({ "subject_type": "pairwise", "sector_identifier_uri": "https://other.example/uris" }))
        .await;
    let ada = house.browser("ada").await;
    let mut subjects = vec![ada.user.id.to_string()];
    for client in [&one, &other] {
        let tokens = house.tokens(&ada, client).await;
        let id = house.claims(tokens["id_token"].as_str().unwrap(), &client.id.to_string()).await;
        let person = house.userinfo(tokens["access_token"].as_str().unwrap()).await.ok();
        assert_eq!(person["sub"], id["sub"]);
        subjects.push(id["sub"].as_str().unwrap().to_owned());
    }
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 3);
}
