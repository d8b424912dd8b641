//! A small browser: it keeps cookies, follows redirects within the server, reads forms, and does what the scripts of the
//! server's pages do. It stops where an application would take over.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "this is what tests are made of: what goes wrong in it is a failed test"
)]
mod jar;
mod markup;

use std::collections::BTreeMap;
use std::sync::Arc;

use imp_authenticator::tls;
use imp_identity::{Clock, Digest};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

pub use markup::Form;

/// How many redirects are followed.
const REDIRECTS: usize = 20;

/// A browser of one person. Dropping it closes it: everything is forgotten.
#[derive(Debug)]
pub struct Browser {
    server: Url,
    http: reqwest::Client,
    jar: jar::Jar,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// With which status it came.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its source.
    pub body: String,
}

/// Where a navigation ended.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// At a page of the server.
    Page(Page),
    /// At an application, with these parameters: from the query, or from a form that submitted itself.
    Application(Sent),
}

/// What an application gets.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Where, without the query.
    pub url: String,
    /// `GET` or `POST`.
    pub method: Method,
    /// The parameters.
    pub parameters: BTreeMap<String, String>,
}

impl Arrival {
    /// The page.
    pub fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Application(sent) => panic!("the browser is at an application: {sent:?}"),
        }
    }

    /// What the application got.
    pub fn application(self) -> Sent {
        match self {
            Self::Application(sent) => sent,
            Self::Page(page) => {
                panic!("the browser is at {}: {} {}", page.url, page.status, page.body)
            }
        }
    }
}

impl Sent {
    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

impl Page {
    /// The forms in it.
    pub fn forms(&self) -> Vec<Form> {
        markup::forms(&self.body)
    }

    /// The parameter `name` of its address.
    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }
}

impl Browser {
    /// A browser that trusts the certification authority with this fingerprint, and knows one server.
    pub fn new(server: &str, ca: Digest, clock: Arc<dyn Clock>) -> Self {
        let server = server.parse().expect("the server's URL");
        Self { server, http: http(ca, clock), jar: jar::Jar::default() }
    }

    /// The origin of the server's pages.
    pub fn origin(&self) -> String {
        self.server.origin().ascii_serialization()
    }

    /// An address of the server.
    pub fn at(&self, path: &str) -> Url {
        self.server.join(path).expect("a path of the server")
    }

    /// Opens an address as from a link or the address line.
    pub async fn open(&mut self, path: &str) -> Arrival {
        let url = self.at(path);
        self.travel(Method::GET, url, None).await
    }

    /// Fills in the page's form and sends it.
    pub async fn submit(&mut self, page: &Page, form: &Form, fill: &[(&str, &str)]) -> Arrival {
        let url = page.url.join(&form.action).expect("the form's address");
        let mut fields = form.fields.clone();
        fields.retain(|(name, _)| fill.iter().all(|(filled, _)| filled != name));
        fields.extend(fill.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if form.method == Method::GET {
            let mut url = url;
            url.query_pairs_mut().clear().extend_pairs(&fields);
            return self.travel(Method::GET, url, None).await;
        }
        self.travel(Method::POST, url, Some(encode(&fields))).await
    }

    /// Sends a form that stands on a page of another site.
    pub async fn post_from_elsewhere(&mut self, path: &str, fields: &[(&str, &str)]) -> Arrival {
        let url = self.at(path);
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let page = self.send(Method::POST, url, Body::Foreign(encode(&fields))).await;
        self.follow(page).await
    }

    /// What a script of a page of the server asks: JSON for JSON.
    pub async fn script(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = self.at(path);
        let page = self.send(Method::POST, url, Body::Json(body.to_string())).await;
        (page.status, serde_json::from_str(&page.body).unwrap_or_default())
    }

    /// Whether it has a cookie whose name begins so.
    pub fn has_cookie(&self, prefix: &str) -> bool {
        self.jar.has(prefix)
    }

    /// Forgets all cookies, as a new private window has none.
    pub fn forget(&mut self) {
        self.jar = jar::Jar::default();
    }

    async fn travel(&mut self, method: Method, url: Url, form: Option<String>) -> Arrival {
        if url.origin() != self.server.origin() {
            return Arrival::Application(sent(method, &url, form.as_deref()));
        }
        let body = form.map_or(Body::None, Body::Form);
        let page = self.send(method, url, body).await;
        self.follow(page).await
    }

    async fn follow(&mut self, mut page: Page) -> Arrival {
        for _ in 0..REDIRECTS {
            let Some(next) = next(&page) else { break };
            if next.origin() != self.server.origin() {
                return Arrival::Application(sent(Method::GET, &next, None));
            }
            page = self.send(Method::GET, next, Body::None).await;
        }
        match markup::self_submitting(&page.body) {
            Some(form) if page.status.is_success() => {
                let url = page.url.join(&form.action).expect("the form's address");
                Box::pin(self.travel(form.method, url, Some(encode(&form.fields)))).await
            }
            _ => Arrival::Page(page),
        }
    }

    async fn send(&mut self, method: Method, url: Url, body: Body) -> Page {
        // `Lax`: forms of other sites come without cookies.
        let cookies =
            if matches!(body, Body::Foreign(_)) { String::new() } else { self.jar.header() };
        let mut request = self.http.request(method.clone(), url.clone());
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let form = "application/x-www-form-urlencoded";
        request = match body {
            Body::None => request.header("sec-fetch-site", "none"),
            Body::Form(text) => {
                request.header(ORIGIN, self.origin()).header(CONTENT_TYPE, form).body(text)
            }
            Body::Json(text) => request
                .header(ORIGIN, self.origin())
                .header(CONTENT_TYPE, "application/json")
                .body(text),
            Body::Foreign(text) => request
                .header(ORIGIN, "https://elsewhere.example")
                .header(CONTENT_TYPE, form)
                .body(text),
        };
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            self.jar.take(cookie.to_str().expect("a cookie"));
        }
        Page { url, status, headers, body: response.text().await.expect("a body") }
    }
}

/// An HTTP client that trusts the certification authority with this fingerprint, and follows nothing.
pub fn http(ca: Digest, clock: Arc<dyn Clock>) -> reqwest::Client {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::first_meeting(ca, clock).expect("a TLS configuration"))
        .redirect(reqwest::redirect::Policy::none())
        .resolve("localhost", ([127, 0, 0, 1], 0).into())
        .no_proxy()
        .build();
    client.expect("an HTTP client")
}

enum Body {
    None,
    Form(String),
    Json(String),
    Foreign(String),
}

/// Where a page sends the browser by itself: by a redirect, or by an element of its own.
fn next(page: &Page) -> Option<Url> {
    let location = page.headers.get(LOCATION).filter(|_| page.status.is_redirection());
    let location = location.map(|location| location.to_str().expect("an address").to_owned());
    let location = location.or_else(|| markup::refresh(&page.body))?;
    Some(page.url.join(&location).expect("an address"))
}

fn sent(method: Method, url: &Url, form: Option<&str>) -> Sent {
    let query = form.unwrap_or_else(|| url.query().unwrap_or_default());
    let dummy = Url::parse(&format!("https://form.invalid/?{query}")).expect("a query");
    let parameters = dummy.query_pairs().into_owned().collect();
    let mut bare = url.clone();
    bare.set_query(None);
    Sent { url: bare.into(), method, parameters }
}

/// `application/x-www-form-urlencoded`.
pub fn encode(fields: &[(String, String)]) -> String {
    let mut url = Url::parse("https://form.invalid/").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}
