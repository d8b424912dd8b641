//! Administrators register applications that speak SAML.
use axum::http::Method;
use imp_identity::user::User;
use serde_json::{Value, json};

use super::*;

async fn ask(
    house: &House,
    cookies: &str,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::COOKIE, cookies)
        .header("sec-fetch-site", "same-origin")
        .header("x-imp-script", "1")
        .header(header::CONTENT_TYPE, "application/json");
    let got = house.ask(request.body(Body::from(body.to_string())).unwrap()).await;
    (got.status, serde_json::from_str(&got.body).unwrap_or(Value::Null))
}

async fn signed_on(house: &House, role: Role) -> String {
    let (sign_on, value) = house.sign_on(role.code(), tap(house)).await;
    let mut transaction = house.app.storage.begin().await.unwrap();
    let user = transaction.users().find(sign_on.user).await.unwrap().unwrap();
    transaction.users().update(&User { role, ..user }, house.app.now()).await.unwrap();
    transaction.commit().await.unwrap();
    cookie(&value)
}

fn metadata(entity: &str) -> String {
    format!(
        "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{entity}'>\
         <SPSSODescriptor protocolSupportEnumeration='{PROTOCOL}'>\
         <SingleLogoutService Binding='urn:oasis:names:tc:SAML:2.0:bindings:SOAP' Location='https://x.example/soap'/>\
         <AssertionConsumerService index='0' Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' \
         Location='https://x.example/acs'/></SPSSODescriptor></EntityDescriptor>"
    )
}

#[tokio::test]
async fn an_administrator_registers_changes_and_removes_applications_that_speak_saml() {
    const PATH: &str = "/v1/service-providers";
    let house = House::new().await;
    let (administrator, staff) =
        (signed_on(&house, Role::Administrator).await, signed_on(&house, Role::Staff).await);
    let by = async |cookies: &str, method, path: &str, body| {
        ask(&house, cookies, method, path, body).await
    };
    let wish = json!({ "name": "Radiology", "metadata": metadata("https://x.example"),
        "name_id": "username", "session_minutes": 30 });
    let (status, _) = by(&staff, Method::POST, PATH, wish.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, made) = by(&administrator, Method::POST, PATH, wish.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["sign_out"], &made["name_id"]), (&json!("soap"), &json!("username")));
    assert_eq!(made["assertion_consumers"], json!(["https://x.example/acs"]));
    let (status, _) = by(&administrator, Method::POST, PATH, wish.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT, "there is one with this entity ID");
    let own = format!("{PATH}/{}", made["client_id"].as_str().unwrap());
    let mut bad = wish.clone();
    bad["metadata"] = json!("<!DOCTYPE x><x/>");
    let (status, refused) = by(&administrator, Method::PUT, &own, bad).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let mut changed = wish;
    changed["ignores_walk_away"] = json!(true);
    let (status, answer) = by(&administrator, Method::PUT, &own, changed).await;
    assert_eq!((status, &answer["ignores_walk_away"]), (StatusCode::OK, &json!(true)));
    let (_, page) = by(&administrator, Method::GET, PATH, Value::Null).await;
    assert_eq!(page["service_providers"].as_array().unwrap().len(), 2, "and the laboratory");
    let (status, _) = by(&administrator, Method::DELETE, &own, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = by(&administrator, Method::GET, &own, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
