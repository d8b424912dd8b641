//! What an application and its users' browsers ask, of whichever server.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use url::Url;

use super::Failure;

/// Where the browser is sent back to.
pub(super) const BACK: &str = "https://application.example/callback";

/// An application of one server.
#[derive(Clone)]
pub(super) struct Application {
    issuer: String,
    authorize: String,
    token: String,
    introspection: String,
    scope: String,
    credentials: String,
    client: String,
    http: reqwest::Client,
    tls: rustls::ClientConfig,
    /// What browsers hold that are signed on.
    pub(super) cookies: Vec<String>,
}

/// One browser.
pub(super) struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    rounds: u64,
}

impl Application {
    /// An application of this server, which is to listen at `issuer`.
    pub(super) fn ours(
        issuer: &str,
        (client, secret): (&str, &str),
        ca: &Path,
        cookies: Vec<String>,
    ) -> Result<Self, Failure> {
        let paths = ["/oauth/authorize", "/oauth/token", "/oauth/introspect"];
        let scopes = "openid profile introspect";
        Ok(Self { cookies, ..Self::at(issuer, paths, (client, secret), scopes, ca)? })
    }

    /// The application that `provider.mjs` says.
    pub(super) fn of_node(settings: &Value, ca: &Path) -> Result<Self, Failure> {
        let text = |name: &str| settings[name].as_str().ok_or("the settings lack a member");
        let client = (text("client_id")?, text("client_secret")?);
        let paths = ["/auth", "/token", "/token/introspection"];
        Self::at(text("issuer")?, paths, client, "openid profile read", ca)
    }

    fn at(
        issuer: &str,
        [authorize, token, introspection]: [&str; 3],
        (client, secret): (&str, &str),
        scope: &str,
        ca: &Path,
    ) -> Result<Self, Failure> {
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(client), encode(secret));
        Ok(Self {
            issuer: issuer.to_owned(),
            authorize: format!("{issuer}{authorize}"),
            token: format!("{issuer}{token}"),
            introspection: format!("{issuer}{introspection}"),
            scope: scope.to_owned(),
            credentials: format!("Basic {}", BASE64.encode(pair.as_bytes())),
            client: client.to_owned(),
            http: machine(trusting(ca)?, Ipv4Addr::LOCALHOST)?,
            tls: trusting(ca)?,
            cookies: vec![],
        })
    }

    /// The same application on another host, which calls from `address`.
    pub(super) fn on_host(&self, address: Ipv4Addr) -> Result<Self, Failure> {
        Ok(Self { http: self.client_at(address)?, ..self.clone() })
    }

    /// What makes the connections of a machine with `address`.
    pub(super) fn client_at(&self, address: Ipv4Addr) -> Result<reqwest::Client, Failure> {
        // Two machines have no sessions in common that they could resume.
        let mut tls = self.tls.clone();
        tls.resumption = rustls::client::Resumption::in_memory_sessions(4);
        machine(tls, address)
    }

    /// The port that its server is to listen at.
    pub(super) fn port(&self) -> Result<u16, Failure> {
        Url::parse(&self.issuer)?.port().ok_or_else(|| "no port".into())
    }

    /// A browser; signed on if its number is one of those that are.
    pub(super) fn browser(&self, number: usize) -> Browser {
        self.browser_at(number, self.http.clone())
    }

    /// The same on a workstation of its own.
    pub(super) fn browser_at(&self, number: usize, http: reqwest::Client) -> Browser {
        let held = self.cookies.get(number % self.cookies.len().max(1));
        let cookies = held.and_then(|cookie| cookie.split_once('='));
        let cookies = cookies.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Browser { http, cookies: cookies.into_iter().collect(), rounds: 0 }
    }

    /// A token of its own.
    pub(super) async fn client_credentials(&self) -> Result<String, Failure> {
        let scope = if self.scope.contains("introspect") { "introspect" } else { "read" };
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = self.post(&self.token, &form).await?;
        Ok(answer["access_token"].as_str().ok_or("no access_token")?.to_owned())
    }

    /// Asks whether a token counts: it must.
    pub(super) async fn introspect(&self, token: &str) -> Result<(), Failure> {
        let answer = self.post(&self.introspection, &[("token", token)]).await?;
        if answer["active"] == true { Ok(()) } else { Err(format!("not active: {answer}").into()) }
    }

    /// Code and PKCE: from the browser's request to the tokens.
    pub(super) async fn code_flow(&self, browser: &mut Browser) -> Result<String, Failure> {
        browser.rounds += 1;
        let verifier = format!("{:043}", browser.rounds);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let challenge = BASE64URL_NOPAD.encode(digest.as_ref());
        let parameters = [
            ("client_id", self.client.as_str()),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", self.scope.as_str()),
            ("state", "state"),
            ("nonce", "nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let start = Url::parse_with_params(&self.authorize, parameters)?;
        let back = Self::travel(browser, start).await?;
        let code =
            back.query_pairs().find(|(name, _)| name == "code").ok_or("no code")?.1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("code_verifier", &verifier),
        ];
        let answer = self.post(&self.token, &form).await?;
        answer["id_token"].as_str().ok_or("no id_token")?;
        Ok(answer["access_token"].as_str().ok_or("no access_token")?.to_owned())
    }

    /// Follows redirects until the browser is sent back to the application.
    async fn travel(browser: &mut Browser, mut at: Url) -> Result<Url, Failure> {
        for _ in 0..10 {
            let cookies: Vec<_> =
                browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = browser.http.get(at.clone()).header(COOKIE, cookies.join("; "));
            let answer = request.send().await?;
            for line in answer.headers().get_all(SET_COOKIE) {
                let pair = line.to_str()?.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    browser.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let Some(location) = answer.headers().get(LOCATION) else {
                return Err(format!("{} at {}", answer.status(), answer.url().path()).into());
            };
            at = at.join(location.to_str()?)?;
            // The connection is used again when the body has been read.
            answer.bytes().await?;
            if at.as_str().starts_with(BACK) {
                return Ok(at);
            }
        }
        Err("too many redirects".into())
    }

    async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Value, Failure> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(url).header(AUTHORIZATION, &self.credentials);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if status.is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(format!("{status} {text}").into())
        }
    }
}

fn trusting(ca: &Path) -> Result<rustls::ClientConfig, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}

/// HTTP/1.1 over TLS 1.3 for both: the other knows no HTTP/2.
fn machine(tls: rustls::ClientConfig, address: Ipv4Addr) -> Result<reqwest::Client, Failure> {
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).http1_only();
    let client = client.local_address(IpAddr::from(address));
    Ok(client.redirect(reqwest::redirect::Policy::none()).no_proxy().build()?)
}
