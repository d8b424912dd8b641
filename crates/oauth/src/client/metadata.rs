//! What is registered of an application, checked.
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::redirect::{self, InvalidUri, RedirectUri};
use crate::jose::{Algorithm, InvalidJwk, JwkSet};
use crate::json;
use crate::scope::{OFFLINE_ACCESS, Scope};

/// Where an application runs (OpenID Connect Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// On a server of its own.
    #[default]
    Web,
    /// On the user's machine.
    Native,
}

/// How an application proves who it is (RFC 7591 §2, RFC 8705 §2.1, OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// It cannot: a public client.
    None,
    /// A secret in the `Authorization` header.
    ClientSecretBasic,
    /// A secret in the body.
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// A certificate of the server's own authority.
    TlsClientAuth,
}

/// What an application may ask tokens for (RFC 7591 §2, RFC 8628 §3.4, RFC 8693 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantType {
    /// A code that a browser brought.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// Nobody but itself.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// A code that a person typed elsewhere.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// Another token.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

/// Who sees which subject (OpenID Connect Core §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// Everybody the same.
    #[default]
    Public,
    /// Every sector another.
    Pairwise,
}

/// When the person is asked before an application learns of her.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Never: the hospital decided.
    #[default]
    Never,
    /// Once for each set of scopes.
    First,
    /// Every time.
    Always,
}

/// What an application hears when the person walks away from her desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSuspend {
    /// The same as when she signs out.
    #[default]
    Logout,
    /// Nothing until the session ends.
    Ignore,
}

/// How an application hears that a person is signed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignOutSignal {
    /// By a logout token, if it has a `backchannel_logout_uri`.
    #[default]
    Backchannel,
    /// By CAEP `session-revoked`, on a stream whose audience is its `client_id`.
    Caep,
    /// Not at all: what it was granted ends, and it finds out.
    None,
}

/// Whether a grant with `offline_access` outlives the sign-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfflineAccess {
    /// The application cannot have the scope.
    #[default]
    Refused,
    /// It can, and the grant outlives the sign-on.
    Allowed,
}

/// Keys of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// Registered.
    Inline(JwkSet),
    /// Published by the application.
    Uri(String),
}

/// The name in the certificate of an application that proves itself by one (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// A DNS name.
    Dns(String),
    /// A URI, such as a SPIFFE ID.
    Uri(String),
}

/// What is registered of an application. Reads and writes as the JSON of RFC 7591 §2; `imp_…` members are our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the members of RFC 7591 and its successors"
)]
pub struct Metadata {
    /// `client_name`: 1 to 128 printable characters.
    pub name: String,
    /// `redirect_uris`.
    pub redirect_uris: Vec<RedirectUri>,
    /// `application_type`.
    pub application: ApplicationType,
    /// `token_endpoint_auth_method`.
    pub auth_method: AuthMethod,
    /// `token_endpoint_auth_signing_alg`: if set, the only algorithm of assertions.
    pub auth_algorithm: Option<Algorithm>,
    /// `tls_client_auth_san_dns` or `tls_client_auth_san_uri`.
    pub certificate_name: Option<CertificateName>,
    /// `grant_types`.
    pub grant_types: Vec<GrantType>,
    /// `scope`: all that it may ask for.
    pub scope: Scope,
    /// `jwks` or `jwks_uri`.
    pub keys: Option<ClientKeys>,
    /// `subject_type`.
    pub subject_type: SubjectType,
    /// `sector_identifier_uri`.
    pub sector_uri: Option<String>,
    /// `id_token_signed_response_alg`: ES256 or `EdDSA`.
    pub id_token_algorithm: Algorithm,
    /// `default_max_age` in seconds.
    pub default_max_age: Option<u32>,
    /// `default_acr_values`.
    pub default_acr_values: Vec<String>,
    /// `post_logout_redirect_uris`.
    pub post_logout_redirect_uris: Vec<String>,
    /// `backchannel_logout_uri`.
    pub backchannel_logout_uri: Option<String>,
    /// `backchannel_logout_session_required`.
    pub backchannel_logout_session_required: bool,
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2).
    pub dpop_bound: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4).
    pub certificate_bound: bool,
    /// `require_pushed_authorization_requests` (RFC 9126 §6).
    pub par_required: bool,
    /// `imp_consent`.
    pub consent: Consent,
    /// `imp_on_suspend`.
    pub on_suspend: OnSuspend,
    /// `imp_sign_out_signal`.
    pub sign_out_signal: SignOutSignal,
    /// `imp_offline_access`.
    pub offline_access: OfflineAccess,
    /// `imp_audiences`: resource servers, by URI, that its access tokens may be for (RFC 8707). Without any, the server itself.
    pub audiences: Vec<String>,
    /// `client_uri`.
    pub client_uri: Option<String>,
    /// `initiate_login_uri`.
    pub initiate_login_uri: Option<String>,
    /// `contacts`.
    pub contacts: Vec<String>,
}

/// Why an application cannot be registered like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// No JSON of RFC 7591 §2.
    #[error("the metadata is malformed: {0}")]
    Malformed(String),
    /// A redirect URI. RFC 7591 §3.2.2 has a code of its own for it.
    #[error("{member} has a URI that cannot be registered")]
    RedirectUri {
        /// Which member.
        member: &'static str,
        /// Why.
        source: InvalidUri,
    },
    /// Another URI.
    #[error("{member} cannot be registered")]
    Uri {
        /// Which member.
        member: &'static str,
        /// Why.
        source: InvalidUri,
    },
    /// A key.
    #[error("jwks cannot be registered")]
    Keys(#[from] InvalidJwk),
    /// Members that do not go together, or a value that is not offered.
    #[error("{member}: {reason}")]
    Rule {
        /// Which member.
        member: &'static str,
        /// Why.
        reason: &'static str,
    },
}

pub(super) const fn rule(member: &'static str, reason: &'static str) -> InvalidMetadata {
    InvalidMetadata::Rule { member, reason }
}

impl Metadata {
    /// Reads metadata as an administrator or an application wrote it.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidMetadata> {
        let document: Document =
            json::object(text).map_err(|error| InvalidMetadata::Malformed(error.to_string()))?;
        Self::try_from(document)
    }

    /// The registered redirect URI that admits `requested`.
    pub fn admits_redirect(&self, requested: &str) -> bool {
        self.redirect_uris.iter().any(|uri| uri.admits(requested, self.application))
    }

    /// Whether a browser may be sent here after signing out. Compared letter by letter.
    pub fn admits_post_logout(&self, requested: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|uri| uri == requested)
    }

    /// Whether it may use this grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether it cannot keep a secret.
    pub fn is_public(&self) -> bool {
        self.auth_method == AuthMethod::None
    }

    /// The sector for pairwise subjects: the host of `sector_identifier_uri`, else that of the redirect URIs (OpenID Connect
    /// Core §8.1); nothing for public subjects.
    pub fn sector(&self) -> Option<String> {
        match (self.subject_type, &self.sector_uri) {
            (SubjectType::Public, _) => None,
            (SubjectType::Pairwise, Some(uri)) => {
                url::Url::parse(uri).ok()?.host_str().map(str::to_owned)
            }
            (SubjectType::Pairwise, None) => self.redirect_uris.first()?.host(),
        }
    }

    /// Whether the document at `sector_identifier_uri` names every redirect URI (OpenID Connect Registration §5).
    pub fn is_in_sector(&self, document: &[String]) -> bool {
        self.redirect_uris.iter().all(|uri| document.iter().any(|listed| listed == uri.as_str()))
    }

    /// Checks what holds between members.
    pub(super) fn check(self) -> Result<Self, InvalidMetadata> {
        let printable = |c: char| !c.is_control();
        if !(1..=128).contains(&self.name.chars().count()) || !self.name.chars().all(printable) {
            return Err(rule("client_name", "1 to 128 printable characters are expected"));
        }
        self.check_grants()?;
        self.check_authentication()?;
        self.check_subject()?;
        self.check_uris()?;
        if self.scope.contains(OFFLINE_ACCESS) && self.offline_access == OfflineAccess::Refused {
            return Err(rule("scope", "offline_access needs imp_offline_access to be allowed"));
        }
        if self.backchannel_logout_session_required && self.backchannel_logout_uri.is_none() {
            return Err(rule(
                "backchannel_logout_session_required",
                "it needs backchannel_logout_uri",
            ));
        }
        Ok(self)
    }

    fn check_grants(&self) -> Result<(), InvalidMetadata> {
        use GrantType::{AuthorizationCode, ClientCredentials, RefreshToken, TokenExchange};
        if self.grant_types.is_empty() {
            return Err(rule("grant_types", "at least one is expected"));
        }
        if self.may_use(AuthorizationCode) == self.redirect_uris.is_empty() {
            return Err(rule(
                "redirect_uris",
                "they are needed with authorization_code, and only then",
            ));
        }
        if self.grant_types == [RefreshToken] {
            return Err(rule("grant_types", "refresh_token needs a grant that gives one"));
        }
        if self.is_public() && (self.may_use(ClientCredentials) || self.may_use(TokenExchange)) {
            return Err(rule(
                "grant_types",
                "client_credentials and token-exchange need a client that proves itself",
            ));
        }
        if self.redirect_uris.len() > 20
            || self.post_logout_redirect_uris.len() > 20
            || self.audiences.len() > 50
        {
            return Err(rule("redirect_uris", "too many URIs"));
        }
        Ok(())
    }

    fn check_authentication(&self) -> Result<(), InvalidMetadata> {
        if self.auth_method == AuthMethod::PrivateKeyJwt && self.keys.is_none() {
            return Err(rule("jwks", "private_key_jwt needs jwks or jwks_uri"));
        }
        if (self.auth_method == AuthMethod::TlsClientAuth) != self.certificate_name.is_some() {
            return Err(rule(
                "tls_client_auth_san_uri",
                "tls_client_auth needs exactly one of tls_client_auth_san_uri and tls_client_auth_san_dns",
            ));
        }
        if let Some(ClientKeys::Inline(set)) = &self.keys
            && set.0.is_empty()
        {
            return Err(rule("jwks", "no key in it can be used"));
        }
        Ok(())
    }

    fn check_subject(&self) -> Result<(), InvalidMetadata> {
        if !Algorithm::SIGNING.contains(&self.id_token_algorithm) {
            return Err(rule(
                "id_token_signed_response_alg",
                "ES256 and EdDSA are offered; RSA is not, as no key of the server is one",
            ));
        }
        if self.subject_type == SubjectType::Pairwise && self.sector_uri.is_none() {
            let hosts: Vec<_> = self.redirect_uris.iter().map(RedirectUri::host).collect();
            let same = hosts
                .first()
                .is_some_and(|first| first.is_some() && hosts.iter().all(|host| host == first));
            if !same {
                return Err(rule(
                    "sector_identifier_uri",
                    "pairwise subjects need it unless all redirect URIs have one host",
                ));
            }
        }
        Ok(())
    }

    fn check_uris(&self) -> Result<(), InvalidMetadata> {
        if let Some(uri) = &self.sector_uri
            && !uri.starts_with("https://")
        {
            return Err(InvalidMetadata::Uri {
                member: "sector_identifier_uri",
                source: InvalidUri::Scheme,
            });
        }
        let keys = match &self.keys {
            Some(ClientKeys::Uri(uri)) => Some(uri),
            Some(ClientKeys::Inline(_)) | None => None,
        };
        for (member, uri) in [
            ("sector_identifier_uri", self.sector_uri.as_ref()),
            ("jwks_uri", keys),
            ("backchannel_logout_uri", self.backchannel_logout_uri.as_ref()),
            ("client_uri", self.client_uri.as_ref()),
            ("initiate_login_uri", self.initiate_login_uri.as_ref()),
        ] {
            if let Some(uri) = uri {
                redirect::check_web_uri(uri)
                    .map_err(|source| InvalidMetadata::Uri { member, source })?;
            }
        }
        for uri in &self.post_logout_redirect_uris {
            RedirectUri::register(uri, self.application).map_err(|source| {
                InvalidMetadata::RedirectUri { member: "post_logout_redirect_uris", source }
            })?;
        }
        for uri in &self.audiences {
            redirect::check_web_uri(uri)
                .map_err(|source| InvalidMetadata::Uri { member: "imp_audiences", source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
