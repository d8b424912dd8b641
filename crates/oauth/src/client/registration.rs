//! Dynamic registration (RFC 7591) behind a policy.
use imp_identity::{ClientId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AuthMethod, ClientKeys, Consent, GrantType, InvalidMetadata, Metadata, OfflineAccess};
use crate::error::{ErrorCode, OAuthError};
use crate::scope::Scope;

/// Who may register applications without an administrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationPolicy {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever has an initial access token (RFC 7591 §3.1).
    Token,
    /// Everybody. The person is always asked before such an application learns of her.
    Open,
}

/// The answer to a registration (RFC 7591 §3.2.1).
#[derive(Debug, Serialize)]
pub struct Registration<'a> {
    /// The new client.
    pub client_id: ClientId,
    /// Its secret, if its method needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret<String>>,
    /// 0: secrets do not expire. Only with a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<u8>,
    /// Seconds since 1970.
    pub client_id_issued_at: i64,
    /// What was registered, with defaults filled in.
    #[serde(flatten)]
    pub metadata: &'a Metadata,
}

impl<'a> Registration<'a> {
    /// The answer for a client that is new.
    pub fn new(
        client_id: ClientId,
        secret: Option<Secret<String>>,
        metadata: &'a Metadata,
        now: Timestamp,
    ) -> Self {
        Self {
            client_id,
            client_secret_expires_at: secret.is_some().then_some(0),
            client_secret: secret,
            client_id_issued_at: now.as_second(),
            metadata,
        }
    }
}

impl Metadata {
    /// Whether the client gets a secret.
    pub fn needs_secret(&self) -> bool {
        matches!(self.auth_method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost)
    }

    /// What an application may register on its own, when `scopes` are free for all: it acts in a person's name and with her
    /// consent only, and for no longer than she is there.
    pub fn restrict(
        mut self,
        policy: RegistrationPolicy,
        scopes: &Scope,
    ) -> Result<Self, OAuthError> {
        let metadata = |text: &'static str| OAuthError::new(ErrorCode::InvalidClientMetadata, text);
        // A device acts in her name where she is not: somebody vouches for it first.
        let unvouched = [GrantType::AuthorizationCode, GrantType::RefreshToken];
        if !self.grant_types.iter().all(|grant| unvouched.contains(grant)) {
            return Err(metadata(
                "an administrator registers clients for other grants than codes and refresh tokens",
            ));
        }
        // The server itself calls these: not its neighbours on its own machine.
        let keys = match &self.keys {
            Some(ClientKeys::Uri(uri)) => Some(uri),
            Some(ClientKeys::Inline(_)) | None => None,
        };
        let mut called = keys.into_iter().chain(&self.backchannel_logout_uri);
        if !called.all(|uri| uri.starts_with("https://")) {
            return Err(metadata("jwks_uri and backchannel_logout_uri need https"));
        }
        if self.auth_method == AuthMethod::TlsClientAuth {
            return Err(metadata("an administrator registers clients with tls_client_auth"));
        }
        if self.offline_access == OfflineAccess::Allowed || !self.audiences.is_empty() {
            return Err(metadata(
                "an administrator registers clients with imp_offline_access and imp_audiences",
            ));
        }
        self.scope = self.scope.intersect(scopes);
        if self.scope.is_empty() {
            return Err(metadata("no scope is left that a client may register on its own"));
        }
        self.consent = match (policy, self.consent) {
            (RegistrationPolicy::Token, Consent::Never | Consent::First) => Consent::First,
            (RegistrationPolicy::Token, Consent::Always)
            | (RegistrationPolicy::Open | RegistrationPolicy::Closed, _) => Consent::Always,
        };
        Ok(self)
    }
}

impl From<InvalidMetadata> for OAuthError {
    fn from(error: InvalidMetadata) -> Self {
        let code = match &error {
            InvalidMetadata::RedirectUri { .. } => ErrorCode::InvalidRedirectUri,
            InvalidMetadata::Malformed(_)
            | InvalidMetadata::Uri { .. }
            | InvalidMetadata::Keys(_)
            | InvalidMetadata::Rule { .. } => ErrorCode::InvalidClientMetadata,
        };
        let why = std::error::Error::source(&error).map(|source| format!("{error}: {source}"));
        Self::new(code, why.unwrap_or_else(|| error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(document: serde_json::Value) -> Metadata {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn applications_that_register_themselves_must_ask_the_person() {
        let asked = metadata(
            json!({"client_name": "a", "redirect_uris": ["https://a.example/"], "scope": "openid scim"}),
        );
        let free: Scope = "openid profile".parse().unwrap();
        let registered = asked.clone().restrict(RegistrationPolicy::Open, &free).unwrap();
        assert_eq!(
            (registered.consent, registered.scope.to_string().as_str()),
            (Consent::Always, "openid")
        );
        let trusted = asked.restrict(RegistrationPolicy::Token, &free).unwrap();
        assert_eq!(trusted.consent, Consent::First);
        for refused in [
            json!({"client_name": "a", "grant_types": ["client_credentials"]}),
            json!({"client_name": "a", "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}),
            json!({"client_name": "a", "redirect_uris": ["https://a.example/"], "jwks_uri": "http://127.0.0.1:9/"}),
            json!({"client_name": "a", "redirect_uris": ["https://a.example/"],
                "backchannel_logout_uri": "http://127.0.0.1:9/"}),
        ] {
            let refused = metadata(refused).restrict(RegistrationPolicy::Token, &free).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidClientMetadata);
        }
    }

    #[test]
    fn a_registration_is_answered_with_all_that_holds() {
        let metadata =
            metadata(json!({"client_name": "a", "redirect_uris": ["https://a.example/"]}));
        let id = ClientId::from(uuid::Uuid::from_u128(1));
        let secret = Some(Secret::new("s".to_owned()));
        let answer =
            serde_json::to_value(Registration::new(id, secret, &metadata, Timestamp::UNIX_EPOCH))
                .unwrap();
        assert_eq!(answer["client_secret"], "s");
        assert_eq!(answer["client_secret_expires_at"], 0);
        assert_eq!(answer["id_token_signed_response_alg"], "ES256");
        assert_eq!(answer["response_types"], json!(["code"]));
    }

    #[test]
    fn redirect_uris_have_an_error_of_their_own() {
        let error =
            Metadata::parse(br#"{"client_name":"a","redirect_uris":["http://a.example/"]}"#)
                .unwrap_err();
        let error = OAuthError::from(error);
        assert_eq!(error.code, ErrorCode::InvalidRedirectUri);
        assert!(error.description.ends_with("https is expected"), "{error}");
    }
}
