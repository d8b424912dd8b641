use serde_json::json;

use super::*;

const CLIENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const ISSUER: &str = "https://imp.example";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn metadata() -> Metadata {
    serde_json::from_value(json!({
        "client_name": "Chart", "redirect_uris": ["https://chart.example/cb"], "scope": "openid profile email",
        "default_max_age": 3600, "default_acr_values": ["phr"], "imp_audiences": ["https://fhir.example/r4"],
    }))
    .unwrap()
}

/// A good request with changes: an empty value leaves a parameter out.
fn request(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, Refusal> {
    let mut pairs = vec![
        ("client_id", CLIENT),
        ("redirect_uri", "https://chart.example/cb"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "xyz"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    pairs.extend(changes);
    let form = Form::from_pairs(
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    validate(&form, client_id(&form).map_err(Refusal::Page)?, &metadata(), ISSUER)
}

fn error_of(refusal: Refusal) -> String {
    let Refusal::Return(answer) = refusal else { panic!("{refusal:?}") };
    assert_eq!(answer.redirect_uri, "https://chart.example/cb");
    let find = |name| {
        answer.parameters.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
    };
    assert_eq!((find("state").as_deref(), find("iss").as_deref()), (Some("xyz"), Some(ISSUER)));
    find("error").unwrap()
}

#[test]
fn a_plain_request_is_taken_with_the_defaults_of_its_client() {
    let taken = request(&[]).unwrap();
    assert_eq!(
        (taken.max_age, taken.acr_values.as_slice()),
        (Some(3600), ["phr".to_owned()].as_slice())
    );
    assert!(taken.is_openid() && taken.nonce.is_none() && !taken.acr_is_essential());
    let stored = serde_json::to_string(&taken).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), taken);
    let answer = taken.succeed(ISSUER, "c");
    assert_eq!(
        answer.location(),
        "https://chart.example/cb?code=c&state=xyz&iss=https%3A%2F%2Fimp.example"
    );
}

#[test]
fn what_a_request_says_comes_before_defaults() {
    let taken = request(&[
        ("max_age", "0"),
        ("acr_values", "a b"),
        ("prompt", "login consent"),
        ("nonce", "n"),
        ("login_hint", "alice"),
        ("response_mode", "form_post"),
        ("scope", "openid unknown"),
        ("resource", "https://fhir.example/r4"),
        ("display", "popup"),
        ("ui_locales", "de"),
        ("extra", "foobar"),
    ])
    .unwrap();
    assert_eq!(
        (taken.max_age, taken.acr_values.as_slice()),
        (Some(0), ["a".to_owned(), "b".to_owned()].as_slice())
    );
    assert_eq!(taken.prompt, Prompt { none: false, login: true, consent: true });
    assert_eq!((taken.mode, taken.scope.to_string().as_str()), (ResponseMode::FormPost, "openid"));
    assert_eq!(taken.resources, ["https://fhir.example/r4"]);
}

#[test]
fn without_a_registered_redirect_uri_the_person_is_told() {
    for changes in [
        [("redirect_uri", "https://chart.example/cb2")],
        [("redirect_uri", "https://chart.example/cb?x=1")],
        [("redirect_uri", "")],
        [("client_id", "chart")],
        [("client_id", "")],
    ] {
        assert!(matches!(request(&changes), Err(Refusal::Page(_))), "{changes:?}");
    }
}

#[test]
fn every_other_error_goes_to_the_application() {
    let essential = r#"{"id_token": {"acr": {"essential": true, "values": ["urn:none"]}}}"#;
    for (name, value, code) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "unknown", "invalid_scope"),
        ("scope", "open\"id", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("request", "e30.e30.", "request_not_supported"),
        ("request_uri", "https://a.example/r", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
        ("claims", "[]", "invalid_request"),
        ("claims", essential, "unmet_authentication_requirements"),
        ("dpop_jkt", "x", "invalid_request"),
        ("resource", "https://other.example/", "invalid_target"),
    ] {
        assert_eq!(error_of(request(&[(name, value)]).unwrap_err()), code, "{name}={value}");
    }
}

#[test]
fn an_essential_acr_comes_before_wishes() {
    let claims = r#"{"id_token": {"acr": {"essential": true, "values": ["phrh"]}}}"#;
    let taken = request(&[("claims", claims), ("acr_values", "phr")]).unwrap();
    assert!(taken.acr_is_essential());
    assert_eq!(taken.acr_values, ["phrh"]);
}

proptest::proptest! {
    #[test]
    fn any_parameters_are_taken_or_refused(pairs: Vec<(String, String)>, at in 0_usize..20, value: String) {
        const NAMES: [&str; 20] = [
            "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt",
            "max_age", "acr_values", "claims", "login_hint", "id_token_hint", "dpop_jkt", "resource", "response_mode",
            "request", "request_uri", "registration", "audience",
        ];
        let _taken_or_refused = request(&[(NAMES[at], &value)]);
        let _taken_or_refused = validate(&Form::from_pairs(pairs), CLIENT.parse().unwrap(), &metadata(), ISSUER);
    }
}
