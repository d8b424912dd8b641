//! What applications and a browser ask.
use imp_oauth::pkce::CodeChallenge;
use reqwest::header::{COOKIE, LOCATION};
use serde_json::Value;

use super::Failure;

/// Where the application waits.
pub(super) const BACK: &str = "https://charts.example/back";

/// Two applications and a browser.
pub(super) struct Application {
    pub(super) http: reqwest::Client,
    pub(super) issuer: String,
    /// A service in its own name: identifier and secret.
    pub(super) service: (String, String),
    /// An application of people.
    pub(super) charts: (String, String),
    /// Of a browser in which somebody is signed on.
    pub(super) cookie: String,
}

impl Application {
    /// A token in its own name.
    pub(super) async fn client_credentials(&self) -> Result<String, Failure> {
        let pairs = [("grant_type", "client_credentials")];
        let answer = self.post("token", &self.service, &pairs).await?;
        Ok(answer["access_token"].as_str().ok_or("there is no token")?.to_owned())
    }

    /// Asks whether a token counts.
    pub(super) async fn introspect(&self, token: &str) -> Result<(), Failure> {
        let answer = self.post("introspect", &self.service, &[("token", token)]).await?;
        if answer["active"] == true { Ok(()) } else { Err("the token does not count".into()) }
    }

    /// From the browser to the tokens: authorization, redirect, code, tokens.
    pub(super) async fn code_flow(&self, round: u64) -> Result<(), Failure> {
        let verifier = format!("{round:043}");
        let challenge = CodeChallenge::of(&verifier).to_string();
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.charts.0),
            ("redirect_uri", BACK),
            ("scope", "openid profile"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let url = format!("{}/oauth/authorize?{query}", self.issuer);
        let answer = self.http.get(url).header(COOKIE, &self.cookie).send().await?;
        let location = answer.headers().get(LOCATION).ok_or("the browser is sent nowhere")?;
        let location = url::Url::parse(location.to_str()?)?;
        let code = location.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.ok_or("there is no code")?;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", BACK),
            ("code_verifier", &verifier),
        ];
        let tokens = self.post("token", &self.charts, &pairs).await?;
        if tokens["id_token"].is_string() { Ok(()) } else { Err("there is no ID token".into()) }
    }

    async fn post(
        &self,
        endpoint: &str,
        (id, secret): &(String, String),
        pairs: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let request = self.http.post(format!("{}/oauth/{endpoint}", self.issuer));
        let request = request.basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form(pairs)).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
