//! Token exchange (RFC 8693).
use imp_identity::Secret;

use crate::error::{ErrorCode, OAuthError};
use crate::form::Form;
use crate::scope::Scope;

/// `subject_token_type` and `requested_token_type` (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `urn:ietf:params:oauth:token-type:access_token`.
    AccessToken,
    /// `urn:ietf:params:oauth:token-type:refresh_token`.
    RefreshToken,
    /// `urn:ietf:params:oauth:token-type:id_token`.
    IdToken,
    /// `urn:imp:token-type:session`: the session of the workstation whose certificate the request comes with.
    Session,
}

/// A request to exchange a token (§2.1).
#[derive(Debug)]
pub struct ExchangeRequest {
    /// In whose name.
    pub subject_token: Secret<String>,
    /// What it is.
    pub subject_type: TokenType,
    /// Who acts.
    pub actor: Option<(Secret<String>, TokenType)>,
    /// What is wanted; without it an access token.
    pub requested: TokenType,
    /// `scope`.
    pub scope: Option<Scope>,
    /// `resource` and `audience`: for whom.
    pub targets: Vec<String>,
}

impl TokenType {
    /// Every type.
    pub const ALL: &[Self] = &[Self::AccessToken, Self::RefreshToken, Self::IdToken, Self::Session];

    /// The URN.
    pub const fn urn(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Session => "urn:imp:token-type:session",
        }
    }

    fn parse(urn: &str) -> Result<Self, OAuthError> {
        let known = Self::ALL.iter().copied().find(|known| known.urn() == urn);
        known.ok_or_else(|| OAuthError::request("the token type is not known"))
    }
}

impl ExchangeRequest {
    /// Reads a request of this grant.
    pub fn parse(form: &Form) -> Result<Self, OAuthError> {
        let actor = match (form.get("actor_token"), form.get("actor_token_type")) {
            (Some(token), Some(kind)) => {
                Some((Secret::new(token.to_owned()), TokenType::parse(kind)?))
            }
            (None, None) => None,
            _ => return Err(OAuthError::request("actor_token and actor_token_type go together")),
        };
        let requested = form
            .get("requested_token_type")
            .map_or(Ok(TokenType::AccessToken), TokenType::parse)?;
        if requested == TokenType::Session {
            return Err(OAuthError::request("sessions are not given for tokens"));
        }
        let targets: Vec<String> =
            form.all("resource").chain(form.all("audience")).map(str::to_owned).collect();
        if targets.len() > 10 {
            return Err(OAuthError::new(ErrorCode::InvalidTarget, "more than 10 targets"));
        }
        Ok(Self {
            subject_token: Secret::new(form.require("subject_token")?.to_owned()),
            subject_type: TokenType::parse(form.require("subject_token_type")?)?,
            actor,
            requested,
            scope: form.get("scope").map(str::parse).transpose()?,
            targets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

    #[test]
    fn an_exchange_is_read() {
        let text = format!(
            "subject_token=s&subject_token_type={ACCESS}&audience=a&audience=b&resource=https%3A%2F%2Fc&scope=x"
        );
        let read = ExchangeRequest::parse(&Form::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (read.subject_type, read.requested),
            (TokenType::AccessToken, TokenType::AccessToken)
        );
        assert_eq!(read.targets, ["https://c", "a", "b"]);
        assert!(read.actor.is_none() && read.scope.is_some());
    }

    #[test]
    fn half_an_exchange_is_refused() {
        for text in [
            "",
            "subject_token=s",
            "subject_token=s&subject_token_type=urn:other",
            &format!("subject_token=s&subject_token_type={ACCESS}&actor_token=a"),
            &format!(
                "subject_token=s&subject_token_type={ACCESS}&requested_token_type=urn:imp:token-type:session"
            ),
        ] {
            let error = ExchangeRequest::parse(&Form::parse(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{text}");
        }
    }
}
