//! Applications over TLS: registered by an administrator, with the certificates of machines, and from the command line.
use data_encoding::BASE64URL_NOPAD;
use imp_api::device::{Device, SetDeviceState};
use imp_authenticator::tls::{first_meeting, machine_to_server};
use imp_authenticator::{MachineIdentity, TrustAnchors};
use imp_identity::device::{DeviceClass, Lifecycle};
use imp_identity::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::devices;
use crate::hospital::{Hospital, Machine};

/// Speaks HTTP to the server, with a certificate or without.
struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    fn new(hospital: &Hospital, tls: rustls::ClientConfig) -> Self {
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        Self { http, url: hospital.server.url().to_owned() }
    }

    fn stranger(hospital: &Hospital) -> Self {
        Self::new(hospital, first_meeting(hospital.server.ca(), hospital.clock.clone()).unwrap())
    }

    fn machine(hospital: &Hospital, machine: &Machine) -> Self {
        let credentials = &machine.credentials;
        let bytes = |all: &[imp_api::Base64]| all.iter().map(|b| b.0.clone()).collect();
        let anchors = TrustAnchors {
            trust_domain: credentials.spiffe_id.trust_domain.clone(),
            roots: bytes(&credentials.trust_anchors),
        };
        let identity = MachineIdentity {
            spiffe_id: credentials.spiffe_id.clone(),
            chain: bytes(&credentials.certificate_chain),
            signer: machine.signer.clone(),
        };
        let tls = machine_to_server(Some(&identity), &anchors, hospital.clock.clone()).unwrap();
        Self::new(hospital, tls)
    }

    async fn form(&self, path: &str, body: String) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(body).send().await.unwrap()).await
    }
}

async fn read(answer: reqwest::Response) -> (StatusCode, Value) {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// An administrator's desk.
struct Desk {
    caller: Caller,
    token: String,
}

impl Desk {
    async fn open(hospital: &Hospital, administrator: &imp_api::Client) -> Self {
        let (_, token) = hospital.person(administrator, "root", Role::Administrator).await;
        Self { caller: Caller::stranger(hospital), token: token.expose().clone() }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.caller.http.request(method, format!("{}{path}", self.caller.url));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        read(request.send().await.unwrap()).await
    }
}

fn service() -> Value {
    json!({
        "client_name": "Laboratory",
        "grant_types": ["client_credentials"],
        "scope": "introspect",
    })
}

#[tokio::test]
async fn an_administrator_registers_changes_and_removes_applications() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let desk = Desk::open(&hospital, &administrator).await;
    let (status, made) = desk.ask(Method::POST, "/v1/clients", Some(service())).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (id, secret) =
        (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let path = format!("/v1/clients/{id}");
    let token = |secret: &str| {
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
    };
    let application = Caller::stranger(&hospital);
    let (status, _) = application.form("/oauth/token", token(secret)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is registered for the header");
    let mut changed = service();
    changed["token_endpoint_auth_method"] = json!("client_secret_post");
    let (status, body) = desk.ask(Method::PUT, &path, Some(changed)).await;
    assert_eq!((status, body["revision"].as_u64()), (StatusCode::OK, Some(1)), "{body}");
    let (status, tokens) = application.form("/oauth/token", token(secret)).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let (_, renewed) = desk.ask(Method::POST, &format!("{path}/secret"), None).await;
    let (status, _) = application.form("/oauth/token", token(secret)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let secret = renewed["client_secret"].as_str().unwrap();
    let (status, _) = application.form("/oauth/token", token(secret)).await;
    assert_eq!(status, StatusCode::OK);
    let (_, page) = desk.ask(Method::GET, "/v1/clients", None).await;
    assert_eq!(page["clients"][0]["metadata"]["client_name"], "Laboratory");
    assert!(!page.to_string().contains("secret\":\"imp"), "secrets are shown once");
    let wrong = json!({ "client_name": "x", "redirect_uris": ["http://x.example/"] });
    let (status, body) = desk.ask(Method::POST, "/v1/clients", Some(wrong)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body["detail"].as_str().unwrap().contains("redirect_uris"), "{body}");
    assert_eq!(desk.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(desk.ask(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
    let (status, _) = application.form("/oauth/token", token(secret)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_machines_certificate_proves_an_application_and_binds_its_tokens() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let desk = Desk::open(&hospital, &administrator).await;
    let (_, machine) = hospital.workstation(&administrator).await;
    let mut document = service();
    document["token_endpoint_auth_method"] = json!("tls_client_auth");
    document["tls_client_auth_san_uri"] = json!(machine.credentials.spiffe_id.to_string());
    document["tls_client_certificate_bound_access_tokens"] = json!(true);
    let (status, made) = desk.ask(Method::POST, "/v1/clients", Some(document)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["client_id"].as_str().unwrap();
    assert_eq!(made.get("client_secret"), None);
    let body = format!("grant_type=client_credentials&client_id={id}");
    let (stranger, own) = (Caller::stranger(&hospital), Caller::machine(&hospital, &machine));
    let (status, _) = stranger.form("/oauth/token", body.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, tokens) = own.form("/oauth/token", body).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    for (caller, error) in [(&stranger, "invalid_token"), (&own, "insufficient_scope")] {
        let request = caller.http.get(format!("{}/oauth/userinfo", caller.url));
        let (_, body) = read(request.bearer_auth(token).send().await.unwrap()).await;
        assert_eq!(body["error"], error);
    }
    let asked = format!("client_id={id}&token={token}");
    let (_, answer) = own.form("/oauth/introspect", asked).await;
    assert_eq!(answer["active"], true);
    assert!(answer["cnf"]["x5t#S256"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_devices_certificate_proves_an_application_until_the_device_is_quarantined() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let desk = Desk::open(&hospital, &administrator).await;
    let class = DeviceClass::Server;
    let (device, machine) = devices::enrolled(&hospital, &administrator, "mirth", class).await;
    let mut document = service();
    document["token_endpoint_auth_method"] = json!("tls_client_auth");
    document["tls_client_auth_san_uri"] = json!(device.spiffe_id.to_string());
    document["tls_client_certificate_bound_access_tokens"] = json!(true);
    let (status, made) = desk.ask(Method::POST, "/v1/clients", Some(document)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["client_id"].as_str().unwrap();
    let body = format!("grant_type=client_credentials&client_id={id}");
    let own = Caller::machine(&hospital, &machine);
    let (status, tokens) = own.form("/oauth/token", body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let state = SetDeviceState { state: Lifecycle::Quarantined, reason: "odd traffic".to_owned() };
    let path = format!("v1/devices/{}/state", device.id);
    administrator.post::<Device>(&path, &state).await.unwrap();
    let (status, refused) = own.form("/oauth/token", body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{refused}");
}

#[tokio::test]
async fn an_application_has_its_access_tokens_signed_as_its_id_tokens() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let desk = Desk::open(&hospital, &administrator).await;
    let stranger = Caller::stranger(&hospital);
    for algorithm in ["ES256", "EdDSA"] {
        let mut document = service();
        document["token_endpoint_auth_method"] = json!("client_secret_post");
        document["id_token_signed_response_alg"] = json!(algorithm);
        let (status, made) = desk.ask(Method::POST, "/v1/clients", Some(document)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let member = |name: &str| made[name].as_str().unwrap().to_owned();
        let who =
            format!("client_id={}&client_secret={}", member("client_id"), member("client_secret"));
        let body = format!("grant_type=client_credentials&{who}");
        let (status, tokens) = stranger.form("/oauth/token", body).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let token = tokens["access_token"].as_str().unwrap();
        let header = BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("at+jwt")));
        let (_, answer) = stranger.form("/oauth/introspect", format!("{who}&token={token}")).await;
        assert_eq!(answer["active"], true, "{answer}");
    }
}

#[tokio::test]
async fn everybody_finds_the_provider_and_its_keys() {
    let hospital = Hospital::open().await;
    let caller = Caller::stranger(&hospital);
    let get = async |path: &str| {
        read(caller.http.get(format!("{}{path}", caller.url)).send().await.unwrap()).await.1
    };
    let found = get("/.well-known/openid-configuration").await;
    assert_eq!(found, get("/.well-known/oauth-authorization-server").await);
    let issuer = found["issuer"].as_str().unwrap().to_owned();
    assert!(issuer.starts_with("https://localhost:"), "{issuer}");
    for (member, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/oauth/token"),
        ("jwks_uri", "/oauth/jwks"),
        ("userinfo_endpoint", "/oauth/userinfo"),
        ("end_session_endpoint", "/oauth/logout"),
        ("pushed_authorization_request_endpoint", "/oauth/par"),
        ("device_authorization_endpoint", "/oauth/device_authorization"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
    ] {
        assert_eq!(found[member], format!("{issuer}{path}"), "{member}");
    }
    let keys = get("/oauth/jwks").await;
    let mut algorithms: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
    algorithms.sort_unstable();
    assert_eq!(algorithms, ["ES256", "EdDSA"]);
    assert!(!keys.to_string().contains("\"d\":"), "no private part");
}
