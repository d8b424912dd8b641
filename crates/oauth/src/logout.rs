//! Requests of applications to sign a person out (OpenID Connect RP-Initiated Logout 1.0).
use imp_identity::{ClientId, Secret};

use crate::client::Metadata;
use crate::error::OAuthError;
use crate::form::Form;
use crate::tokens::IdClaims;

/// A request (§2).
#[derive(Debug)]
pub struct LogoutRequest {
    /// `id_token_hint`, unverified: [`crate::tokens::verify_hint`].
    pub id_token_hint: Option<Secret<String>>,
    /// `client_id`.
    pub client: Option<ClientId>,
    /// `logout_hint`.
    pub logout_hint: Option<String>,
    /// `post_logout_redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `state`.
    pub state: Option<String>,
}

impl LogoutRequest {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, OAuthError> {
        let client = form.get("client_id").map(str::parse).transpose();
        Ok(Self {
            id_token_hint: form.get("id_token_hint").map(|token| Secret::new(token.to_owned())),
            client: client.map_err(|_| OAuthError::client("the application is not registered"))?,
            logout_hint: form.get("logout_hint").map(str::to_owned),
            redirect_uri: form.get("post_logout_redirect_uri").map(str::to_owned),
            state: form.get("state").map(str::to_owned),
        })
    }

    /// The client whose request it is: that of the hint, if there is one, and the same as `client_id` (§2).
    pub fn client(&self, hint: Option<&IdClaims>) -> Result<Option<ClientId>, OAuthError> {
        let Some(hint) = hint else { return Ok(self.client) };
        let hinted = hint.aud.iter().find_map(|name| name.parse::<ClientId>().ok());
        match (self.client, hinted) {
            (Some(named), Some(hinted)) if named != hinted => {
                Err(OAuthError::request("client_id and id_token_hint name different applications"))
            }
            (named, hinted) => Ok(named.or(hinted)),
        }
    }

    /// Whether the person need not be asked: the hint is about this very sign-on, which its application knows as `session`.
    /// Else a page could sign anybody out (§2, §6).
    pub fn is_certain(hint: Option<&IdClaims>, session: &str) -> bool {
        hint.is_some_and(|hint| hint.sid.as_deref() == Some(session))
    }

    /// Where the browser goes afterwards, with `state`; an error where the URI is not registered (§3): the person is told, and
    /// goes nowhere.
    pub fn target(&self, metadata: Option<&Metadata>) -> Result<Option<String>, OAuthError> {
        let Some(uri) = &self.redirect_uri else { return Ok(None) };
        if !metadata.is_some_and(|metadata| metadata.admits_post_logout(uri)) {
            return Err(OAuthError::request(
                "post_logout_redirect_uri is not registered for this application",
            ));
        }
        let Some(state) = &self.state else { return Ok(Some(uri.clone())) };
        let separator = if uri.contains('?') { '&' } else { '?' };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("state", state)
            .finish();
        Ok(Some(format!("{uri}{separator}{query}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLIENT: &str = "00000000-0000-0000-0000-000000000001";

    fn parse(text: &str) -> LogoutRequest {
        LogoutRequest::parse(&Form::parse(text.as_bytes()).unwrap()).unwrap()
    }

    fn hint() -> IdClaims {
        serde_json::from_value(
            json!({"iss": "i", "sub": "s", "aud": CLIENT, "iat": 1, "exp": 2, "sid": CLIENT}),
        )
        .unwrap()
    }

    #[test]
    fn a_browser_goes_only_where_the_application_registered() {
        let metadata: Metadata = serde_json::from_value(json!({
            "client_name": "a", "redirect_uris": ["https://a.example/"], "post_logout_redirect_uris": ["https://a.example/bye"],
        }))
        .unwrap();
        let there = parse("post_logout_redirect_uri=https://a.example/bye&state=x y");
        assert_eq!(
            there.target(Some(&metadata)).unwrap().as_deref(),
            Some("https://a.example/bye?state=x+y")
        );
        there.target(None).unwrap_err();
        parse("post_logout_redirect_uri=https://a.example/bye/")
            .target(Some(&metadata))
            .unwrap_err();
        assert_eq!(parse("state=x").target(None).unwrap(), None);
    }

    #[test]
    fn the_hint_says_whose_request_it_is() {
        let client: ClientId = CLIENT.parse().unwrap();
        assert_eq!(parse("").client(Some(&hint())).unwrap(), Some(client));
        assert_eq!(parse(&format!("client_id={CLIENT}")).client(None).unwrap(), Some(client));
        parse("client_id=00000000-0000-0000-0000-000000000002").client(Some(&hint())).unwrap_err();
        assert!(LogoutRequest::is_certain(Some(&hint()), CLIENT));
        assert!(!LogoutRequest::is_certain(None, CLIENT));
        LogoutRequest::parse(&Form::parse(b"client_id=x").unwrap()).unwrap_err();
    }
}
