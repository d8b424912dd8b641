//! openid-client, certified by the OpenID Foundation, and a browser with a passkey, through the provider's flows.
use serde_json::{Map, Value, json};

use super::house::{House, certificate, free_port, shots};

/// A new P-256 key in JWK, private and public.
fn key(name: &str) -> (Value, Value) {
    use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let point = pair.public_key().as_ref();
    let public = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": name,
        "x": encode(&point[1..33]), "y": encode(&point[33..65]),
    });
    let secret: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
    let mut private = public.clone();
    private["d"] = json!(encode(secret.as_ref()));
    private.as_object_mut().unwrap().remove("use");
    (private, public)
}

/// The applications of the test, as RFC 7591 writes them.
fn applications(backchannel: u16, public: &Value) -> Vec<(&'static str, Value)> {
    let charts = json!({
        "client_name": "Charts",
        "redirect_uris": ["https://charts.example/callback"],
        "post_logout_redirect_uris": ["https://charts.example/bye"],
        "backchannel_logout_uri": format!("http://127.0.0.1:{backchannel}/charts"),
        "backchannel_logout_session_required": true,
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile offline_access",
        "imp_offline_access": "allowed",
    });
    let native = json!({
        "client_name": "Ward app",
        "application_type": "native",
        "redirect_uris": ["https://charts.example/native"],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile",
        "dpop_bound_access_tokens": true,
    });
    let backend = json!({
        "client_name": "Laboratory",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "jwks": { "keys": [public] },
        "scope": "system/Observation.rs",
    });
    let gateway = json!({
        "client_name": "Gateway",
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["client_credentials"],
        "scope": "introspect",
    });
    let monitor = json!({
        "client_name": "Monitor",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid profile",
    });
    vec![
        ("charts", charts),
        ("native", native),
        ("backend", backend),
        ("gateway", gateway),
        ("monitor", monitor),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_client_goes_through_every_flow() {
    let house = House::open().await;
    let backchannel = free_port();
    let (private, public) = key("laboratory-1");
    let mut clients = Map::new();
    for (name, metadata) in applications(backchannel, &public) {
        let registered = house.register(&metadata).await;
        let mut client = metadata;
        for (member, value) in registered.as_object().unwrap() {
            client[member] = value.clone();
        }
        clients.insert(name.to_owned(), client);
    }
    let folder = house.folder.path();
    certificate(folder, "pages");
    let settings = json!({
        "issuer": house.issuer(),
        "code": house.nurse("nurse").await,
        "username": "nurse",
        "shots": shots("openid"),
        "clients": clients,
        "keys": { "backend": private },
        "backchannel": backchannel,
        "tls": { "key": folder.join("pages.key"), "certificate": folder.join("pages.pem") },
    });
    house.run("openid.mjs", &settings, 18).await;
}
