//! The JSON of RFC 7591 §2, unchecked.
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metadata::{
    ApplicationType, AuthMethod, CertificateName, ClientKeys, Consent, GrantType, InvalidMetadata,
    Metadata, OfflineAccess, OnSuspend, SignOutSignal, SubjectType, rule,
};
use super::redirect::RedirectUri;
use crate::jose::{Algorithm, JwkSet};

/// Members as they are written. Unknown ones are ignored (RFC 7591 §2).
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the members of RFC 7591 and its successors"
)]
pub(super) struct Document {
    client_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirect_uris: Vec<String>,
    application_type: ApplicationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_method: Option<AuthMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_auth_san_dns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_auth_san_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_types: Option<Vec<GrantType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    subject_type: SubjectType,
    #[serde(skip_serializing_if = "Option::is_none")]
    sector_identifier_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_age: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    default_acr_values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: bool,
    dpop_bound_access_tokens: bool,
    tls_client_certificate_bound_access_tokens: bool,
    require_pushed_authorization_requests: bool,
    imp_consent: Consent,
    imp_on_suspend: OnSuspend,
    imp_sign_out_signal: SignOutSignal,
    imp_offline_access: OfflineAccess,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imp_audiences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    // What would change what the server answers, and is not offered: refused, not ignored.
    #[serde(skip_serializing)]
    id_token_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing)]
    userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing)]
    userinfo_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing)]
    request_object_signing_alg: Option<String>,
    #[serde(skip_serializing)]
    tls_client_auth_subject_dn: Option<String>,
    #[serde(skip_serializing)]
    software_statement: Option<String>,
}

/// What an application may ask for that names nothing.
const DEFAULT_SCOPE: &[&str] = &["openid", "profile"];

impl TryFrom<Document> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(document: Document) -> Result<Self, InvalidMetadata> {
        document.refuse_what_is_not_offered()?;
        let application = document.application_type;
        let register = |uri: &String| {
            RedirectUri::register(uri, application)
                .map_err(|source| InvalidMetadata::RedirectUri { member: "redirect_uris", source })
        };
        let keys = document.keys()?;
        let certificate_name = document.certificate_name()?;
        let metadata = Self {
            redirect_uris: document.redirect_uris.iter().map(register).collect::<Result<_, _>>()?,
            application,
            // RFC 7591 §2.
            auth_method: document
                .token_endpoint_auth_method
                .unwrap_or(AuthMethod::ClientSecretBasic),
            auth_algorithm: document
                .token_endpoint_auth_signing_alg
                .map(|code| algorithm("token_endpoint_auth_signing_alg", &code))
                .transpose()?,
            certificate_name,
            grant_types: document.grant_types.unwrap_or_else(|| vec![GrantType::AuthorizationCode]),
            scope: match document.scope {
                Some(scope) => scope.parse().map_err(|_| rule("scope", "malformed"))?,
                None => DEFAULT_SCOPE.iter().copied().collect(),
            },
            keys,
            // RS256 would be the default of OpenID Connect Registration §2.
            id_token_algorithm: match document.id_token_signed_response_alg {
                Some(code) => algorithm("id_token_signed_response_alg", &code)?,
                None => Algorithm::Es256,
            },
            name: document.client_name,
            subject_type: document.subject_type,
            sector_uri: document.sector_identifier_uri,
            default_max_age: document.default_max_age,
            default_acr_values: document.default_acr_values,
            post_logout_redirect_uris: document.post_logout_redirect_uris,
            backchannel_logout_uri: document.backchannel_logout_uri,
            backchannel_logout_session_required: document.backchannel_logout_session_required,
            dpop_bound: document.dpop_bound_access_tokens,
            certificate_bound: document.tls_client_certificate_bound_access_tokens,
            par_required: document.require_pushed_authorization_requests,
            consent: document.imp_consent,
            on_suspend: document.imp_on_suspend,
            sign_out_signal: document.imp_sign_out_signal,
            offline_access: document.imp_offline_access,
            audiences: document.imp_audiences,
            client_uri: document.client_uri,
            initiate_login_uri: document.initiate_login_uri,
            contacts: document.contacts,
        };
        metadata.check()
    }
}

impl Document {
    fn refuse_what_is_not_offered(&self) -> Result<(), InvalidMetadata> {
        for (member, value) in [
            ("id_token_encrypted_response_alg", &self.id_token_encrypted_response_alg),
            ("userinfo_signed_response_alg", &self.userinfo_signed_response_alg),
            ("userinfo_encrypted_response_alg", &self.userinfo_encrypted_response_alg),
            ("request_object_signing_alg", &self.request_object_signing_alg),
            ("tls_client_auth_subject_dn", &self.tls_client_auth_subject_dn),
            ("software_statement", &self.software_statement),
        ] {
            if value.is_some() {
                return Err(rule(member, "not offered"));
            }
        }
        match &self.response_types {
            Some(types) if types.iter().any(|value| value != "code") => {
                Err(rule("response_types", "only code is offered"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn keys(&self) -> Result<Option<ClientKeys>, InvalidMetadata> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => Err(rule("jwks_uri", "jwks and jwks_uri exclude each other")),
            (Some(set), None) => Ok(Some(ClientKeys::Inline(JwkSet::from_json(set)?))),
            (None, Some(uri)) => Ok(Some(ClientKeys::Uri(uri.clone()))),
            (None, None) => Ok(None),
        }
    }

    fn certificate_name(&self) -> Result<Option<CertificateName>, InvalidMetadata> {
        match (&self.tls_client_auth_san_dns, &self.tls_client_auth_san_uri) {
            (Some(_), Some(_)) => Err(rule("tls_client_auth_san_uri", "one name is expected")),
            (Some(dns), None) => Ok(Some(CertificateName::Dns(dns.clone()))),
            (None, Some(uri)) => Ok(Some(CertificateName::Uri(uri.clone()))),
            (None, None) => Ok(None),
        }
    }
}

fn algorithm(member: &'static str, code: &str) -> Result<Algorithm, InvalidMetadata> {
    Algorithm::from_code(code).ok_or_else(|| rule(member, "the algorithm is not offered"))
}

impl From<Metadata> for Document {
    fn from(metadata: Metadata) -> Self {
        let (jwks, jwks_uri) = match metadata.keys {
            Some(ClientKeys::Inline(set)) => (Some(set.to_json()), None),
            Some(ClientKeys::Uri(uri)) => (None, Some(uri)),
            None => (None, None),
        };
        let (dns, uri) = match metadata.certificate_name {
            Some(CertificateName::Dns(dns)) => (Some(dns), None),
            Some(CertificateName::Uri(uri)) => (None, Some(uri)),
            None => (None, None),
        };
        let code = metadata.grant_types.contains(&GrantType::AuthorizationCode);
        Self {
            client_name: metadata.name,
            redirect_uris: metadata
                .redirect_uris
                .iter()
                .map(|uri| uri.as_str().to_owned())
                .collect(),
            application_type: metadata.application,
            token_endpoint_auth_method: Some(metadata.auth_method),
            token_endpoint_auth_signing_alg: metadata
                .auth_algorithm
                .map(|algorithm| algorithm.code().to_owned()),
            tls_client_auth_san_dns: dns,
            tls_client_auth_san_uri: uri,
            grant_types: Some(metadata.grant_types),
            response_types: Some(if code { vec!["code".to_owned()] } else { Vec::new() }),
            scope: Some(metadata.scope.to_string()),
            jwks,
            jwks_uri,
            subject_type: metadata.subject_type,
            sector_identifier_uri: metadata.sector_uri,
            id_token_signed_response_alg: Some(metadata.id_token_algorithm.code().to_owned()),
            default_max_age: metadata.default_max_age,
            default_acr_values: metadata.default_acr_values,
            post_logout_redirect_uris: metadata.post_logout_redirect_uris,
            backchannel_logout_uri: metadata.backchannel_logout_uri,
            backchannel_logout_session_required: metadata.backchannel_logout_session_required,
            dpop_bound_access_tokens: metadata.dpop_bound,
            tls_client_certificate_bound_access_tokens: metadata.certificate_bound,
            require_pushed_authorization_requests: metadata.par_required,
            imp_consent: metadata.consent,
            imp_on_suspend: metadata.on_suspend,
            imp_sign_out_signal: metadata.sign_out_signal,
            imp_offline_access: metadata.offline_access,
            imp_audiences: metadata.audiences,
            client_uri: metadata.client_uri,
            initiate_login_uri: metadata.initiate_login_uri,
            contacts: metadata.contacts,
            ..Self::default()
        }
    }
}
