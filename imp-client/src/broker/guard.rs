//! Who may ask the broker what, by the head of the request alone. Everything that is not expected is refused.
use std::net::SocketAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use imp_identity::InteractionId;
use serde::Deserialize;

/// What is compared with.
pub(super) struct Guard<'a> {
    /// What browsers call this broker: the only name that counts, so that no other name can be bound to our address (DNS rebinding).
    host: String,
    /// The origin of the server's pages.
    issuer: &'a str,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A browser asks whether a page may ask.
    Preflight(Wanted),
    /// A browser was sent here, as a whole page.
    Navigate {
        /// What the server asked it to do.
        interaction: InteractionId,
        /// Whether a tap may be offered.
        step_up: bool,
    },
    /// A page of the server asks by fetch.
    Fetch,
    /// Somebody pressed on the broker's own page.
    Press,
}

/// Which of the two drafts by which browsers guard local addresses asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Private Network Access.
    pub(super) private_network: bool,
    /// Local Network Access.
    pub(super) local_network: bool,
}

/// Why it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// Another name.
    #[error("This address has another name.")]
    Host,
    /// Another site.
    #[error("Pages of this origin may not ask.")]
    Origin,
    /// In a frame, an image, a script, by a program.
    #[error("Only a browser may come here, with a whole page.")]
    NotNavigation,
    /// Nothing is here.
    #[error("There is nothing here.")]
    Unknown,
    /// The body is not what is expected.
    #[error("This is not what is asked here.")]
    Malformed,
}

impl Refusal {
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Host => 421,
            Self::Origin | Self::NotNavigation => 403,
            Self::Unknown => 404,
            Self::Malformed => 400,
        }
    }
}

impl<'a> Guard<'a> {
    pub(super) fn new(address: SocketAddr, issuer: &'a str) -> Self {
        Self { host: address.to_string(), issuer }
    }

    /// What is asked, if it may be.
    pub(super) fn admit(&self, parts: &Parts) -> Result<Asked, Refusal> {
        let headers = &parts.headers;
        if only(headers, header::HOST.as_str()) != Some(&self.host) {
            return Err(Refusal::Host);
        }
        if parts.uri.authority().is_some() {
            return Err(Refusal::Malformed);
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/sign-in") => navigate(parts),
            (&Method::OPTIONS, "/sign-in") => self.preflight(headers),
            (&Method::POST, "/sign-in") => self.fetch(headers),
            (&Method::POST, "/step-up") => self.press(headers),
            _ => Err(Refusal::Unknown),
        }
    }

    fn preflight(&self, headers: &HeaderMap) -> Result<Asked, Refusal> {
        self.is_issuer(headers)?;
        if only(headers, header::ACCESS_CONTROL_REQUEST_METHOD.as_str()) != Some("POST") {
            return Err(Refusal::Malformed);
        }
        let asks = |name| only(headers, name) == Some("true");
        Ok(Asked::Preflight(Wanted {
            private_network: asks("access-control-request-private-network"),
            local_network: asks("access-control-request-local-network"),
        }))
    }

    fn fetch(&self, headers: &HeaderMap) -> Result<Asked, Refusal> {
        self.is_issuer(headers)?;
        // What a form could send needs no leave of ours: JSON does.
        if only(headers, header::CONTENT_TYPE.as_str()) != Some("application/json") {
            return Err(Refusal::Malformed);
        }
        Ok(Asked::Fetch)
    }

    fn press(&self, headers: &HeaderMap) -> Result<Asked, Refusal> {
        let own = format!("http://{}", self.host);
        let from_own = only(headers, header::ORIGIN.as_str()) == Some(&own);
        if !from_own || only(headers, "sec-fetch-site") != Some("same-origin") {
            return Err(Refusal::Origin);
        }
        let form = "application/x-www-form-urlencoded";
        if only(headers, header::CONTENT_TYPE.as_str()) != Some(form) {
            return Err(Refusal::Malformed);
        }
        Ok(Asked::Press)
    }

    fn is_issuer(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if only(headers, header::ORIGIN.as_str()) == Some(self.issuer) {
            Ok(())
        } else {
            Err(Refusal::Origin)
        }
    }
}

/// `Sec-Fetch-*` cannot be set by a page (W3C Fetch Metadata §2).
fn navigate(parts: &Parts) -> Result<Asked, Refusal> {
    let is = |name, value| only(&parts.headers, name) == Some(value);
    if !is("sec-fetch-mode", "navigate") || !is("sec-fetch-dest", "document") {
        return Err(Refusal::NotNavigation);
    }
    let query = parts.uri.query().unwrap_or_default();
    let (interaction, step_up) = match query.split_once('&') {
        Some((interaction, "step_up=1")) => (interaction, true),
        Some(_) => return Err(Refusal::Malformed),
        None => (query, false),
    };
    let interaction = interaction.strip_prefix("interaction=").ok_or(Refusal::Malformed)?;
    let interaction = interaction.parse().map_err(|_| Refusal::Malformed)?;
    Ok(Asked::Navigate { interaction, step_up })
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}

/// The origin (RFC 6454 §6.1) of an https URL.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    (url.scheme() == "https").then(|| url.origin().ascii_serialization())
}

/// The interaction that a page of the server names.
pub(super) fn interaction(body: &[u8]) -> Option<InteractionId> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        interaction: InteractionId,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.interaction)
}

/// The press that the broker's own page sends back: 43 characters of base64url.
pub(super) fn press(body: &[u8]) -> Option<String> {
    let press = std::str::from_utf8(body).ok()?.strip_prefix("press=")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (press.len() == 43 && press.chars().all(fits)).then(|| press.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use proptest::prelude::*;

    const ISSUER: &str = "https://imp.hospital.example";
    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn guard() -> Guard<'static> {
        Guard::new("127.0.0.1:7845".parse().unwrap(), ISSUER)
    }

    fn admit(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<Asked, Refusal> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard().admit(&request.body(()).unwrap().into_parts().0)
    }

    fn navigate(changed: &[(&str, &str)]) -> Result<Asked, Refusal> {
        let mut headers = vec![
            ("host", "127.0.0.1:7845"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        for (name, value) in changed {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        admit("GET", &format!("/sign-in?interaction={ID}"), &headers)
    }

    #[test]
    fn a_browser_comes_with_a_whole_page_under_the_one_name() {
        let interaction = ID.parse().unwrap();
        assert_eq!(navigate(&[]), Ok(Asked::Navigate { interaction, step_up: false }));
        for name in [
            "localhost:7845",
            "127.0.0.1",
            "127.0.0.1:7846",
            "evil.example:7845",
            "[::1]:7845",
            "127.0.0.1:7845.evil.example",
            "",
        ] {
            assert_eq!(navigate(&[("host", name)]), Err(Refusal::Host), "{name}");
        }
    }

    #[test]
    fn what_is_no_navigation_is_refused() {
        for (header, value) in [
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-mode", "nested-navigate"),
            ("sec-fetch-mode", ""),
            ("sec-fetch-dest", "iframe"),
            ("sec-fetch-dest", "embed"),
            ("sec-fetch-dest", "empty"),
            ("sec-fetch-dest", ""),
        ] {
            assert_eq!(navigate(&[(header, value)]), Err(Refusal::NotNavigation), "{header}");
        }
    }

    #[test]
    fn an_address_says_one_interaction_and_nothing_else() {
        let headers = [
            ("host", "127.0.0.1:7845"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let step_up = format!("/sign-in?interaction={ID}&step_up=1");
        assert!(matches!(
            admit("GET", &step_up, &headers),
            Ok(Asked::Navigate { step_up: true, .. })
        ));
        for query in [
            String::new(),
            "?interaction=".to_owned(),
            "?interaction=1".to_owned(),
            format!("?interaction={ID}&interaction={ID}"),
            format!("?interaction={ID}&return=https://evil.example"),
            format!("?step_up=1&interaction={ID}"),
        ] {
            let asked = admit("GET", &format!("/sign-in{query}"), &headers);
            assert_eq!(asked, Err(Refusal::Malformed), "{query}");
        }
        assert_eq!(admit("GET", "/", &headers), Err(Refusal::Unknown));
        assert_eq!(admit("DELETE", "/sign-in", &headers), Err(Refusal::Unknown));
        assert_eq!(admit("GET", "/step-up", &headers), Err(Refusal::Unknown));
    }

    #[test]
    fn only_the_servers_own_pages_may_fetch() {
        let fetch = |method: &str, origin: &str| {
            let headers = [
                ("host", "127.0.0.1:7845"),
                ("origin", origin),
                ("content-type", "application/json"),
                ("access-control-request-method", "POST"),
                ("access-control-request-private-network", "true"),
            ];
            admit(method, "/sign-in", &headers)
        };
        assert_eq!(fetch("POST", ISSUER), Ok(Asked::Fetch));
        let wanted = Wanted { private_network: true, local_network: false };
        assert_eq!(fetch("OPTIONS", ISSUER), Ok(Asked::Preflight(wanted)));
        for origin in [
            "https://evil.example",
            "null",
            "http://imp.hospital.example",
            "https://imp.hospital.example:8443",
            "https://imp.hospital.example.evil.example",
            "https://imp.hospital.example/",
            "HTTPS://IMP.HOSPITAL.EXAMPLE",
            "http://127.0.0.1:7845",
            "https://imp.hospital.example, https://evil.example",
        ] {
            for method in ["POST", "OPTIONS"] {
                assert_eq!(fetch(method, origin), Err(Refusal::Origin), "{method} {origin}");
            }
        }
        let twice = [("host", "127.0.0.1:7845"), ("origin", ISSUER), ("origin", ISSUER)];
        assert_eq!(admit("POST", "/sign-in", &twice), Err(Refusal::Origin));
        let form = [("host", "127.0.0.1:7845"), ("origin", ISSUER), ("content-type", "text/plain")];
        assert_eq!(admit("POST", "/sign-in", &form), Err(Refusal::Malformed));
    }

    #[test]
    fn a_tap_is_started_by_our_own_page_only() {
        let press = |origin: &str, site: &str| {
            let headers = [
                ("host", "127.0.0.1:7845"),
                ("origin", origin),
                ("sec-fetch-site", site),
                ("content-type", "application/x-www-form-urlencoded"),
            ];
            admit("POST", "/step-up", &headers)
        };
        assert_eq!(press("http://127.0.0.1:7845", "same-origin"), Ok(Asked::Press));
        assert_eq!(press(ISSUER, "cross-site"), Err(Refusal::Origin));
        assert_eq!(press("null", "cross-site"), Err(Refusal::Origin));
        assert_eq!(press("http://127.0.0.1:7845", "same-site"), Err(Refusal::Origin));
        assert_eq!(press("http://127.0.0.1:8080", "same-site"), Err(Refusal::Origin));
    }

    #[test]
    fn origins_are_those_of_https_urls() {
        assert_eq!(origin("https://imp.example:8443/x").unwrap(), "https://imp.example:8443");
        assert_eq!(origin("https://imp.example:443").unwrap(), "https://imp.example");
        assert_eq!(origin("http://imp.example"), None);
        assert_eq!(origin("imp"), None);
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (interaction(&body), press(&body));
        }
    }
}
