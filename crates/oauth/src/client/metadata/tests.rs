use serde_json::{Value, json};

use super::*;

fn parse(value: &Value) -> Result<Metadata, InvalidMetadata> {
    Metadata::parse(value.to_string().as_bytes())
}

fn with(changes: &Value) -> Result<Metadata, InvalidMetadata> {
    let mut document =
        json!({"client_name": "Chart", "redirect_uris": ["https://chart.example/cb"]});
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    parse(&document)
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_rfc() {
    let metadata = with(&json!({})).unwrap();
    assert_eq!(metadata.auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(metadata.id_token_algorithm, Algorithm::Es256);
    assert_eq!(metadata.on_suspend, OnSuspend::Logout);
    assert!(metadata.admits_redirect("https://chart.example/cb"));
    assert_eq!(metadata.sector(), None);
}

#[test]
fn metadata_survives_being_stored() {
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"});
    let metadata = with(&json!({
        "application_type": "native",
        "redirect_uris": ["com.example.chart:/cb", "http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "RS384",
        "jwks": {"keys": [key]},
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid offline_access",
        "imp_offline_access": "allowed",
        "imp_consent": "first",
        "imp_on_suspend": "ignore",
        "imp_audiences": ["https://fhir.example/r4"],
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://chart.example/sector.json",
        "backchannel_logout_uri": "https://chart.example/logout",
        "backchannel_logout_session_required": true,
        "post_logout_redirect_uris": ["https://chart.example/bye"],
        "dpop_bound_access_tokens": true,
        "default_max_age": 3600,
    }))
    .unwrap();
    let stored = serde_json::to_string(&metadata).unwrap();
    assert_eq!(serde_json::from_str::<Metadata>(&stored).unwrap(), metadata);
    assert_eq!(metadata.sector().as_deref(), Some("chart.example"));
    assert!(metadata.admits_post_logout("https://chart.example/bye"));
    assert!(!metadata.admits_post_logout("https://chart.example/bye/"));
    let listed = ["com.example.chart:/cb".to_owned()];
    assert!(!metadata.is_in_sector(&listed));
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (changes, member) in [
        (json!({"client_name": ""}), "client_name"),
        (json!({"grant_types": []}), "grant_types"),
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"grant_types": ["client_credentials"]}), "redirect_uris"),
        (json!({"grant_types": ["refresh_token"], "redirect_uris": []}), "grant_types"),
        (
            json!({"grant_types": ["client_credentials"], "redirect_uris": [], "token_endpoint_auth_method": "none"}),
            "grant_types",
        ),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
        (json!({"token_endpoint_auth_method": "tls_client_auth"}), "tls_client_auth_san_uri"),
        (json!({"tls_client_auth_san_dns": "a.example"}), "tls_client_auth_san_uri"),
        (json!({"id_token_signed_response_alg": "RS256"}), "id_token_signed_response_alg"),
        (json!({"id_token_signed_response_alg": "none"}), "id_token_signed_response_alg"),
        (json!({"response_types": ["code", "id_token"]}), "response_types"),
        (json!({"jwks": {"keys": []}, "jwks_uri": "https://a.example"}), "jwks_uri"),
        (json!({"jwks": {"keys": []}}), "jwks"),
        (json!({"scope": "openid offline_access"}), "scope"),
        (
            json!({"backchannel_logout_session_required": true}),
            "backchannel_logout_session_required",
        ),
        (json!({"software_statement": "e30"}), "software_statement"),
        (
            json!({"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]}),
            "sector_identifier_uri",
        ),
    ] {
        let error = with(&changes).unwrap_err();
        assert!(
            matches!(error, InvalidMetadata::Rule { member: named, .. } if named == member),
            "{changes}: {error}"
        );
    }
}

#[test]
fn uris_are_checked() {
    let error = with(&json!({"redirect_uris": ["http://chart.example/cb"]})).unwrap_err();
    assert_eq!(
        error,
        InvalidMetadata::RedirectUri { member: "redirect_uris", source: InvalidUri::Scheme }
    );
    for member in [
        "backchannel_logout_uri",
        "jwks_uri",
        "client_uri",
        "initiate_login_uri",
        "sector_identifier_uri",
    ] {
        let error = with(&json!({member: "http://intranet.example/"})).unwrap_err();
        assert_eq!(error, InvalidMetadata::Uri { member, source: InvalidUri::Scheme });
    }
    with(&json!({"backchannel_logout_uri": "http://127.0.0.1:8080/logout"})).unwrap();
}

#[test]
fn what_is_no_metadata_is_malformed() {
    for text in ["", "[]", "{\"redirect_uris\": 1}", "{\"grant_types\": [\"implicit\"]}"] {
        assert!(
            matches!(Metadata::parse(text.as_bytes()), Err(InvalidMetadata::Malformed(_))),
            "{text}"
        );
    }
}
