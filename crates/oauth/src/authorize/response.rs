//! How a browser is sent back to the application.
use serde::{Deserialize, Serialize};

use crate::error::OAuthError;

/// How parameters travel (OAuth 2.0 Multiple Response Types, OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of a redirect.
    #[default]
    Query,
    /// In the body of a form that submits itself.
    FormPost,
}

/// Why a request was not taken, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The person, on a page: it is not certain where the browser should go (RFC 6749 §4.1.2.1).
    Page(OAuthError),
    /// The application.
    Return(AuthorizationResponse),
}

/// What goes back to the application, by way of the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where to.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What, in order.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// An answer with `state` and `iss` (RFC 9207).
    pub(super) fn new(
        redirect_uri: &str,
        mode: ResponseMode,
        mut parameters: Vec<(&'static str, String)>,
        state: Option<&str>,
        issuer: &str,
    ) -> Self {
        parameters.extend(state.map(|state| ("state", state.to_owned())));
        parameters.push(("iss", issuer.to_owned()));
        Self { redirect_uri: redirect_uri.to_owned(), mode, parameters }
    }

    /// The URI of the redirect. With [`ResponseMode::FormPost`] the parameters belong into a form instead.
    pub fn location(&self) -> String {
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.parameters);
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
}

/// The parameters of an error.
pub(super) fn error_parameters(error: &OAuthError) -> Vec<(&'static str, String)> {
    vec![
        ("error", error.code.code().to_owned()),
        ("error_description", error.description.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_join_a_query_that_is_there() {
        let make = |uri| {
            AuthorizationResponse::new(
                uri,
                ResponseMode::Query,
                vec![("code", "a b".into())],
                Some("s&"),
                "i",
            )
        };
        assert_eq!(
            make("https://a.example/cb").location(),
            "https://a.example/cb?code=a+b&state=s%26&iss=i"
        );
        assert_eq!(
            make("com.example:/cb?x=1").location(),
            "com.example:/cb?x=1&code=a+b&state=s%26&iss=i"
        );
    }
}
