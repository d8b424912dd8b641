//! Requests at the token endpoint, and what binds a code to its client.
use imp_identity::{ClientId, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::authorize::{AuthorizationRequest, request};
use crate::client::{GrantType, Metadata};
use crate::error::{ErrorCode, OAuthError};
use crate::exchange::ExchangeRequest;
use crate::form::Form;
use crate::jose::Thumbprint;
use crate::pkce::CodeChallenge;
use crate::scope::Scope;

/// How long a code counts (RFC 6749 §4.1.2 allows ten minutes).
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// A request for tokens.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 §4.1.3.
    Code(CodeRequest),
    /// RFC 6749 §6.
    Refresh {
        /// The token.
        token: Secret<String>,
        /// Less than was granted, if not the same.
        scope: Option<Scope>,
    },
    /// RFC 6749 §4.4.
    ClientCredentials {
        /// What the client wants; without it everything that it may have.
        scope: Option<Scope>,
    },
    /// RFC 8628 §3.4.
    Device {
        /// The code.
        code: Secret<String>,
    },
    /// RFC 8693 §2.1.
    Exchange(Box<ExchangeRequest>),
}

/// A code that is brought.
#[derive(Debug)]
pub struct CodeRequest {
    /// The code.
    pub code: Secret<String>,
    /// The same as in the authorization request.
    pub redirect_uri: String,
    /// The verifier of PKCE.
    pub verifier: Secret<String>,
}

/// What a code is bound to: stored with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBinding {
    /// Whose it is.
    pub client: ClientId,
    /// Where it went.
    pub redirect_uri: String,
    /// The challenge of PKCE.
    pub challenge: CodeChallenge,
    /// The key that proofs of possession must be made with.
    pub dpop_jkt: Option<Thumbprint>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The answer with tokens (RFC 6749 §5.1, RFC 8693 §2.2.1).
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: Secret<String>,
    /// `Bearer` or `DPoP`; `N_A` where what was issued is no access token (RFC 8693 §2.2.1).
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// A refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret<String>>,
    /// An ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Secret<String>>,
    /// What was granted.
    pub scope: Scope,
    /// The type, after an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

impl TokenRequest {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, OAuthError> {
        let secret = |name| form.require(name).map(|value| Secret::new(value.to_owned()));
        let scope = || form.get("scope").map(str::parse).transpose();
        match form.require("grant_type")? {
            "authorization_code" => Ok(Self::Code(CodeRequest {
                code: secret("code")?,
                redirect_uri: form.require("redirect_uri")?.to_owned(),
                verifier: secret("code_verifier")?,
            })),
            "refresh_token" => {
                Ok(Self::Refresh { token: secret("refresh_token")?, scope: scope()? })
            }
            "client_credentials" => Ok(Self::ClientCredentials { scope: scope()? }),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                Ok(Self::Device { code: secret("device_code")? })
            }
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                ExchangeRequest::parse(form).map(|request| Self::Exchange(Box::new(request)))
            }
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "the grant type is not offered",
            )),
        }
    }

    /// The grant.
    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::Code(_) => GrantType::AuthorizationCode,
            Self::Refresh { .. } => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
            Self::Device { .. } => GrantType::DeviceCode,
            Self::Exchange(_) => GrantType::TokenExchange,
        }
    }

    /// `unauthorized_client` unless the client is registered for the grant.
    pub fn check_client(&self, metadata: &Metadata) -> Result<(), OAuthError> {
        if metadata.may_use(self.grant_type()) {
            Ok(())
        } else {
            Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "the client is not registered for this grant",
            ))
        }
    }
}

/// `resource` and `audience` of a token request, each registered for the client (RFC 8707 §2.2).
pub fn resources(form: &Form, metadata: &Metadata) -> Result<Vec<String>, OAuthError> {
    request::resources(form, metadata)
}

impl CodeBinding {
    /// Binds a code that is made `now`.
    pub fn new(request: &AuthorizationRequest, now: Timestamp) -> Self {
        Self {
            client: request.client,
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge,
            dpop_jkt: request.dpop_jkt,
            expires_at: now + CODE_LIFETIME,
        }
    }

    /// `invalid_grant` unless the code is brought by the same client, to the same URI, with the verifier, in time, and with the
    /// key it was announced for.
    pub fn check(
        &self,
        request: &CodeRequest,
        client: ClientId,
        proof: Option<Thumbprint>,
        now: Timestamp,
    ) -> Result<(), OAuthError> {
        let same = self.client == client
            && self.redirect_uri == request.redirect_uri
            && self.challenge.is_of(request.verifier.expose())
            && (self.dpop_jkt.is_none() || self.dpop_jkt == proof);
        if !same {
            return Err(OAuthError::grant(
                "the code belongs to another client, redirect_uri, code_verifier or key",
            ));
        }
        if now < self.expires_at { Ok(()) } else { Err(OAuthError::grant("the code has expired")) }
    }
}

/// The scope of a refreshed or exchanged token: what was granted, or less (RFC 6749 §6).
pub fn narrow(granted: &Scope, asked: Option<Scope>) -> Result<Scope, OAuthError> {
    match asked {
        None => Ok(granted.clone()),
        Some(asked) if asked.is_within(granted) => Ok(asked),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidScope, "more than was granted")),
    }
}

/// The scope of a client on its own: what it is registered for without those that need a person.
pub fn client_scope(metadata: &Metadata, asked: Option<Scope>) -> Result<Scope, OAuthError> {
    let needs_person = ["openid", "profile", "email", "offline_access"];
    let own = needs_person.into_iter().fold(metadata.scope.clone(), Scope::without);
    narrow(&own, asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn parse(text: &str) -> Result<TokenRequest, OAuthError> {
        TokenRequest::parse(&Form::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn every_grant_is_read() {
        let exchange =
            "subject_token=a&subject_token_type=urn:ietf:params:oauth:token-type:id_token";
        for (text, grant) in [
            (
                format!("authorization_code&code=a&redirect_uri=b&code_verifier={VERIFIER}"),
                GrantType::AuthorizationCode,
            ),
            ("refresh_token&refresh_token=a&scope=openid".to_owned(), GrantType::RefreshToken),
            ("client_credentials&scope=system/*.rs".to_owned(), GrantType::ClientCredentials),
            (
                "urn:ietf:params:oauth:grant-type:device_code&device_code=a".to_owned(),
                GrantType::DeviceCode,
            ),
            (
                format!("urn:ietf:params:oauth:grant-type:token-exchange&{exchange}"),
                GrantType::TokenExchange,
            ),
        ] {
            assert_eq!(parse(&format!("grant_type={text}")).unwrap().grant_type(), grant);
        }
        for (text, code) in [
            ("", ErrorCode::InvalidRequest),
            ("grant_type=password&username=a&password=b", ErrorCode::UnsupportedGrantType),
            ("grant_type=authorization_code&code=a&redirect_uri=b", ErrorCode::InvalidRequest),
            ("grant_type=authorization_code&code=a&code_verifier=b", ErrorCode::InvalidRequest),
            ("grant_type=refresh_token", ErrorCode::InvalidRequest),
            ("grant_type=client_credentials&scope=%22", ErrorCode::InvalidScope),
        ] {
            assert_eq!(parse(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_code_is_worth_nothing_to_somebody_else() {
        let now = Timestamp::UNIX_EPOCH;
        let client = ClientId::from(uuid::Uuid::from_u128(1));
        let thumbprint: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
        let binding = CodeBinding {
            client,
            redirect_uri: "https://a.example/".to_owned(),
            challenge: CodeChallenge::of(VERIFIER),
            dpop_jkt: Some(thumbprint),
            expires_at: now + CODE_LIFETIME,
        };
        let ask = |uri: &str, verifier: &str| CodeRequest {
            code: Secret::new("a".to_owned()),
            redirect_uri: uri.to_owned(),
            verifier: Secret::new(verifier.to_owned()),
        };
        let good = ask("https://a.example/", VERIFIER);
        binding.check(&good, client, Some(thumbprint), now).unwrap();
        let later = now + CODE_LIFETIME;
        let other = ClientId::from(uuid::Uuid::from_u128(2));
        for refused in [
            binding.check(&good, client, Some(thumbprint), later),
            binding.check(&good, other, Some(thumbprint), now),
            binding.check(&good, client, None, now),
            binding.check(&ask("https://a.example", VERIFIER), client, Some(thumbprint), now),
            binding.check(
                &ask("https://a.example/", &VERIFIER.replace('d', "e")),
                client,
                Some(thumbprint),
                now,
            ),
        ] {
            assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidGrant);
        }
    }

    #[test]
    fn scopes_only_become_less() {
        let granted: Scope = "openid profile".parse().unwrap();
        assert_eq!(narrow(&granted, None).unwrap(), granted);
        assert_eq!(narrow(&granted, "openid".parse().ok()).unwrap().to_string(), "openid");
        assert_eq!(
            narrow(&granted, "email".parse().ok()).unwrap_err().code,
            ErrorCode::InvalidScope
        );
        let metadata: Metadata = serde_json::from_value(json!({
            "client_name": "a", "grant_types": ["client_credentials"], "scope": "openid scim system/*.rs",
        }))
        .unwrap();
        assert_eq!(client_scope(&metadata, None).unwrap().to_string(), "scim system/*.rs");
        assert_eq!(
            client_scope(&metadata, "openid".parse().ok()).unwrap_err().code,
            ErrorCode::InvalidScope
        );
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_or_refused(bytes: Vec<u8>) {
            if let Ok(form) = Form::parse(&bytes) {
                let _read_or_refused = TokenRequest::parse(&form);
            }
        }
    }
}
