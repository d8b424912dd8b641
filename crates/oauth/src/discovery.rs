//! What the server says it offers (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
use serde::Serialize;

use crate::acr;
use crate::claims;
use crate::client::{AuthMethod, GrantType};
use crate::jose::Algorithm;

/// What depends on configuration.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Whether applications may register themselves.
    pub registration: bool,
    /// `scopes_supported`: the scopes that are named to everybody.
    pub scopes: Vec<String>,
    /// Where the documentation is.
    pub documentation: Option<String>,
}

/// The document of `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the members of the specifications")]
pub struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: Vec<GrantType>,
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    acr_values_supported: &'static [&'static str],
    claims_supported: Vec<&'static str>,
    claim_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: Vec<AuthMethod>,
    token_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    introspection_endpoint_auth_methods_supported: Vec<AuthMethod>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    revocation_endpoint_auth_methods_supported: Vec<AuthMethod>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    dpop_signing_alg_values_supported: Vec<Algorithm>,
    claims_parameter_supported: bool,
    ui_locales_supported: [&'static str; 3],
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_request_uri_registration: bool,
    require_pushed_authorization_requests: bool,
    tls_client_certificate_bound_access_tokens: bool,
    authorization_response_iss_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    frontchannel_logout_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_documentation: Option<String>,
    /// SMART App Launch 2.2: what the server can do for FHIR servers behind it.
    capabilities: [&'static str; 4],
}

const AUTH_METHODS: &[AuthMethod] = &[
    AuthMethod::ClientSecretBasic,
    AuthMethod::ClientSecretPost,
    AuthMethod::PrivateKeyJwt,
    AuthMethod::TlsClientAuth,
];

const GRANT_TYPES: &[GrantType] = &[
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::DeviceCode,
    GrantType::TokenExchange,
];

impl Document {
    /// The document of a server. Endpoints are `/oauth/…` below the issuer.
    pub fn new(issuer: &str, offered: Offered) -> Self {
        let endpoint = |name: &str| format!("{issuer}/oauth/{name}");
        let with_none: Vec<_> = AUTH_METHODS.iter().copied().chain([AuthMethod::None]).collect();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: endpoint("authorize"),
            token_endpoint: endpoint("token"),
            userinfo_endpoint: endpoint("userinfo"),
            jwks_uri: endpoint("jwks"),
            registration_endpoint: offered.registration.then(|| endpoint("register")),
            pushed_authorization_request_endpoint: endpoint("par"),
            device_authorization_endpoint: endpoint("device_authorization"),
            introspection_endpoint: endpoint("introspect"),
            revocation_endpoint: endpoint("revoke"),
            end_session_endpoint: endpoint("logout"),
            scopes_supported: offered.scopes,
            response_types_supported: ["code"],
            response_modes_supported: ["query", "form_post"],
            grant_types_supported: GRANT_TYPES.to_vec(),
            subject_types_supported: ["public", "pairwise"],
            id_token_signing_alg_values_supported: Algorithm::SIGNING.to_vec(),
            acr_values_supported: acr::SUPPORTED,
            claims_supported: claims::supported(),
            claim_types_supported: ["normal"],
            token_endpoint_auth_methods_supported: with_none.clone(),
            token_endpoint_auth_signing_alg_values_supported: Algorithm::ALL.to_vec(),
            introspection_endpoint_auth_methods_supported: AUTH_METHODS.to_vec(),
            introspection_endpoint_auth_signing_alg_values_supported: Algorithm::ALL.to_vec(),
            revocation_endpoint_auth_methods_supported: with_none,
            revocation_endpoint_auth_signing_alg_values_supported: Algorithm::ALL.to_vec(),
            code_challenge_methods_supported: ["S256"],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            dpop_signing_alg_values_supported: Algorithm::ALL.to_vec(),
            claims_parameter_supported: true,
            // The languages of the sign-in pages.
            ui_locales_supported: ["en", "it", "el"],
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            require_request_uri_registration: false,
            require_pushed_authorization_requests: false,
            tls_client_certificate_bound_access_tokens: true,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            frontchannel_logout_supported: false,
            service_documentation: offered.documentation,
            capabilities: [
                "client-confidential-asymmetric",
                "client-confidential-symmetric",
                "client-public",
                "sso-openid-connect",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_document_says_what_is_offered_and_what_is_not() {
        let offered =
            Offered { registration: false, scopes: vec!["openid".to_owned()], documentation: None };
        let document = serde_json::to_value(Document::new("https://imp.example", offered)).unwrap();
        assert_eq!(document["issuer"], "https://imp.example");
        assert_eq!(document["jwks_uri"], "https://imp.example/oauth/jwks");
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256", "EdDSA"]));
        assert_eq!(document["request_parameter_supported"], false);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert!(document.get("registration_endpoint").is_none());
        let signing =
            document["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
        assert!(!signing.contains(&json!("none")) && signing.contains(&json!("RS384")));
    }
}
