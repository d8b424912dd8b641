//! Token introspection (RFC 7662).
use imp_identity::{ClientId, Secret};
use serde::Serialize;

use crate::audience::Audience;
use crate::error::OAuthError;
use crate::form::Form;
use crate::scope::Scope;
use crate::tokens::{AccessClaims, ActingParty, AuthenticationClaims, Confirmation};

/// A question about a token, and a request to revoke one: they have the same form.
#[derive(Debug)]
pub struct TokenQuestion {
    /// The token.
    pub token: Secret<String>,
    /// What it may be. Only a hint: whatever it is, it is found.
    pub hint: Option<TokenHint>,
}

/// `token_type_hint` (RFC 7009 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHint {
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
}

/// The answer. Of a token that does not count nothing is said but that.
#[derive(Debug, Default, Serialize)]
pub struct Introspection {
    /// Whether it counts.
    pub active: bool,
    /// What it counts for.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub token: Option<ActiveToken>,
}

/// A token that counts (§2.2).
#[derive(Debug, Serialize)]
pub struct ActiveToken {
    /// The issuer.
    pub iss: String,
    /// Whom it is about.
    pub sub: String,
    /// Whom it is for.
    pub aud: Audience,
    /// Who has it.
    pub client_id: ClientId,
    /// What was granted.
    pub scope: Scope,
    /// Seconds since 1970.
    pub exp: i64,
    /// Seconds since 1970.
    pub iat: i64,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// `Bearer` or `DPoP`; nothing for refresh tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// The person's username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// How she was authenticated (RFC 9470 §6.2).
    #[serde(flatten)]
    pub authentication: AuthenticationClaims,
    /// The key it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingParty>,
}

impl TokenQuestion {
    /// Reads a question.
    pub fn parse(form: &Form) -> Result<Self, OAuthError> {
        let hint = match form.get("token_type_hint") {
            Some("access_token") => Some(TokenHint::Access),
            Some("refresh_token") => Some(TokenHint::Refresh),
            // Unknown hints are ignored (RFC 7662 §2.1).
            Some(_) | None => None,
        };
        Ok(Self { token: Secret::new(form.require("token")?.to_owned()), hint })
    }
}

impl Introspection {
    /// The answer about a token that does not count, whatever the reason (§2.2).
    pub const INACTIVE: Self = Self { active: false, token: None };

    /// The answer about an access token that counts.
    pub fn of(claims: AccessClaims, username: Option<String>) -> Self {
        let bound = claims.cnf.as_ref().is_some_and(|confirmation| confirmation.jkt.is_some());
        Self::active(ActiveToken {
            iss: claims.iss,
            sub: claims.sub,
            aud: claims.aud,
            client_id: claims.client_id,
            scope: claims.scope,
            exp: claims.exp,
            iat: claims.iat,
            jti: Some(claims.jti),
            token_type: Some(if bound { "DPoP" } else { "Bearer" }),
            username,
            authentication: claims.authentication,
            cnf: claims.cnf,
            act: claims.act,
        })
    }

    /// The answer about any token that counts.
    pub const fn active(token: ActiveToken) -> Self {
        Self { active: true, token: Some(token) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_token_that_does_not_count_nothing_is_said() {
        assert_eq!(
            serde_json::to_value(Introspection::INACTIVE).unwrap(),
            json!({"active": false})
        );
    }

    #[test]
    fn a_token_that_counts_is_described() {
        let claims: AccessClaims = serde_json::from_value(json!({
            "iss": "i", "sub": "s", "aud": ["a", "b"], "client_id": "00000000-0000-0000-0000-000000000001",
            "scope": "openid", "iat": 1, "exp": 2, "jti": "j", "acr": "phr", "imp_grant": "00000000-0000-0000-0000-000000000002",
        }))
        .unwrap();
        let answer =
            serde_json::to_value(Introspection::of(claims, Some("alice".to_owned()))).unwrap();
        assert_eq!((&answer["active"], &answer["token_type"]), (&json!(true), &json!("Bearer")));
        assert_eq!((&answer["aud"], &answer["acr"]), (&json!(["a", "b"]), &json!("phr")));
        assert!(answer.get("imp_grant").is_none());
    }

    #[test]
    fn a_question_needs_a_token_and_any_hint_will_do() {
        let parse = |text: &str| TokenQuestion::parse(&Form::parse(text.as_bytes()).unwrap());
        assert_eq!(
            parse("token=a&token_type_hint=refresh_token").unwrap().hint,
            Some(TokenHint::Refresh)
        );
        assert_eq!(parse("token=a&token_type_hint=other").unwrap().hint, None);
        parse("token_type_hint=access_token").unwrap_err();
    }
}
