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
fn applications(backchannel: u16, public: &Value, machine: &str) -> Vec<(&'static str, Value)> {
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
    let bound = json!({
        "client_name": "Ward terminal",
        "redirect_uris": ["https://charts.example/bound"],
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_san_uri": machine,
        "tls_client_certificate_bound_access_tokens": true,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile",
    });
    let rounds = json!({
        "client_name": "Rounds",
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": ["https://charts.example/rounds"],
        "id_token_signed_response_alg": "EdDSA",
        "scope": "openid profile",
    });
    vec![
        ("bound", bound),
        ("charts", charts),
        ("native", native),
        ("backend", backend),
        ("gateway", gateway),
        ("monitor", monitor),
        ("rounds", rounds),
    ]
}

/// With it, applications register themselves.
const TOKEN: &str = "0123456789abcdef0123456789abcdef-initial";

/// Enrols a machine with a key that OpenSSL made, as `machine.key` and `machine.pem`; answers its name.
pub(super) async fn machine(house: &House) -> String {
    let folder = house.folder.path();
    let mut command = std::process::Command::new("openssl");
    command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-subj", "/CN=terminal", "-outform", "DER"]);
    command.arg("-keyout").arg(folder.join("machine.key"));
    command.arg("-out").arg(folder.join("machine.csr"));
    assert_eq!(imp_tests::process::run(&mut command).unwrap().code, Some(0));
    let invited = house.ask("/v1/workstations", Some(json!({ "name": "Terminal" }))).await;
    let invitation: imp_authenticator::InvitationUri =
        invited["invitation"].as_str().unwrap().parse().unwrap();
    let request = std::fs::read(folder.join("machine.csr")).unwrap();
    let body = imp_api::machine::EnrolWorkstation {
        code: invitation.code,
        certificate_request: request.into(),
    };
    let enrolled = house.ask("/v1/workstations/enrolment", Some(json!(body))).await;
    let enrolled: imp_api::machine::WorkstationEnrolled = serde_json::from_value(enrolled).unwrap();
    let chain = enrolled.credentials.certificate_chain.iter().map(|certificate| {
        let text = data_encoding::BASE64_MIME.encode(&certificate.0);
        format!("-----BEGIN CERTIFICATE-----\r\n{text}-----END CERTIFICATE-----\r\n")
    });
    std::fs::write(folder.join("machine.pem"), chain.collect::<String>()).unwrap();
    enrolled.credentials.spiffe_id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_client_goes_through_every_flow() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), TOKEN).unwrap();
    let path = token.path().to_owned();
    let house = House::open_with(|config| config.oauth.registration_token_file = Some(path)).await;
    let machine = machine(&house).await;
    let backchannel = free_port();
    let (private, public) = key("laboratory-1");
    let mut clients = Map::new();
    for (name, metadata) in applications(backchannel, &public, &machine) {
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
        "machine": { "key": folder.join("machine.key"), "certificate": folder.join("machine.pem") },
        "registration": TOKEN,
    });
    house.run("openid.mjs", &settings, 22).await;
}
