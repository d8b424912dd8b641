//! Registering applications, and what every one of them sees of a person.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::{Method, StatusCode};
use imp_delivery::Voucher;
use imp_identity::user::Role;
use serde_json::{Value, json};

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

/// Serves a document, and counts who asks.
async fn publish(document: Value) -> (String, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let count = asked.clone();
    let answer = move || {
        count.fetch_add(1, Ordering::SeqCst);
        let document = document.clone();
        async move {
            if document.is_null() {
                Err(StatusCode::SERVICE_UNAVAILABLE)
            } else {
                Ok(axum::Json(document))
            }
        }
    };
    let router = axum::Router::new().route("/document", axum::routing::get(answer));
    #[expect(clippy::disallowed_methods, reason = "the application ends with its test")]
    tokio::task::spawn(async move { axum::serve(socket, router).await });
    (format!("http://{address}/document"), asked)
}

#[tokio::test]
async fn an_application_is_in_no_sector_that_does_not_name_it() {
    let house = House::open().await;
    let document = json!({ "client_name": "Charts", "redirect_uris": [BACK],
        "subject_type": "pairwise", "sector_identifier_uri": "https://sector.example/" });
    let mut metadata = imp_oauth::client::Metadata::parse(document.to_string().as_bytes()).unwrap();
    let mut check = async |listed: Value, voucher| {
        metadata.sector_uri = Some(publish(listed).await.0);
        house.app.oauth.check_sector(&metadata, voucher).await.map_err(|error| error.told())
    };
    check(json!(["https://other.example/", BACK]), Voucher::Administrator).await.unwrap();
    let error = check(json!(["https://other.example/"]), Voucher::Administrator).await;
    assert!(error.unwrap_err().contains("does not name every redirect URI"));
    let error = check(json!({ "redirect_uris": [BACK] }), Voucher::Administrator).await;
    assert!(error.unwrap_err().contains("not an array"));
    // Whoever registers itself does not make this server call its own neighbours.
    let error = check(json!([BACK]), Voucher::Nobody).await.unwrap_err();
    assert!(error.contains("not called"), "{error}");
    // By the contract, too: an administrator's mistake is told.
    let administrator = super::contract::signed_on(&house, "ada", Role::Administrator).await;
    let ask = house.post("/v1/clients").by(&administrator);
    let ask = ask.header("sec-fetch-site", "same-origin").header("x-imp-script", "1");
    let mut dead = document.clone();
    dead["sector_identifier_uri"] = json!("https://127.0.0.1:9/sector");
    let answer = ask.json(&dead).send().await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("sector_identifier_uri cannot be read"), "{}", answer.text);
}

#[tokio::test]
async fn many_who_ask_for_an_applications_keys_make_one_request() {
    let house = House::open().await;
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "1",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let (uri, asked) = publish(json!({ "keys": [key] })).await;
    let outside = &house.app.oauth.outside;
    let ask = || outside.keys((&uri, Voucher::Administrator), |_| false);
    let answers = futures::future::join_all((0..20).map(|_| ask())).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "and a key that nobody knows is no reason to ask on"
    );
}

#[tokio::test]
async fn an_application_whose_keys_cannot_be_had_is_not_asked_for_each_request() {
    let house = House::open().await;
    let (uri, asked) = publish(Value::Null).await;
    let outside = &house.app.oauth.outside;
    for _ in 0..5 {
        let answer = outside.keys((&uri, Voucher::Administrator), |_| true).await;
        assert!(answer.is_err());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the failure is remembered for half a minute");
}
