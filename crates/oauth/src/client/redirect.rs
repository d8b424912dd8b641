//! URIs to which the server sends browsers and tokens, and their comparison.
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::ApplicationType;

/// A registered redirect URI, kept letter by letter: comparison is of strings (RFC 9700 §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// Not an absolute URI of visible ASCII characters, longer than 2000, or with a name and password.
    #[error("not an absolute URI of visible ASCII characters without credentials")]
    Form,
    /// RFC 6749 §3.1.2.
    #[error("it has a fragment")]
    Fragment,
    /// Web applications need `https`.
    #[error("https is expected")]
    Scheme,
    /// RFC 8252 §7: `https`, a private-use scheme with a dot in it, or `http` on a loopback address.
    #[error(
        "https, a private-use scheme such as com.example.app, or http on 127.0.0.1 or [::1] is expected"
    )]
    Native,
}

impl RedirectUri {
    /// Takes a URI for an application of this type.
    pub fn register(text: &str, application: ApplicationType) -> Result<Self, InvalidUri> {
        let url = absolute(text)?;
        let valid = match (application, url.scheme()) {
            (_, "https") => true,
            (ApplicationType::Web, _) => return Err(InvalidUri::Scheme),
            (ApplicationType::Native, "http") => is_loopback(&url),
            // RFC 8252 §7.1: the reverse of a name that the developer owns. Keeps `javascript:` and `data:` out.
            (ApplicationType::Native, scheme) => scheme.contains('.'),
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidUri::Native) }
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host: what pairwise subjects are made for (OpenID Connect Core §8.1).
    pub fn host(&self) -> Option<String> {
        Url::parse(&self.0).ok()?.host_str().map(str::to_owned)
    }

    /// Whether a request may name `requested`: letter by letter the same; for a native application on a loopback address with
    /// any port (RFC 8252 §7.3).
    pub fn admits(&self, requested: &str, application: ApplicationType) -> bool {
        if self.0 == requested {
            return true;
        }
        if application != ApplicationType::Native || !self.0.starts_with("http://") {
            return false;
        }
        match (without_port(&self.0), without_port(requested)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
    }
}

/// A URI on which the server itself calls, or to which a browser goes without a code: `https`, or `http` on a loopback address.
pub(super) fn check_web_uri(text: &str) -> Result<(), InvalidUri> {
    let url = absolute(text)?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        Ok(())
    } else {
        Err(InvalidUri::Scheme)
    }
}

fn absolute(text: &str) -> Result<Url, InvalidUri> {
    let visible = |b: u8| b.is_ascii_graphic() && !b"\\\"<>^`{|}*".contains(&b);
    if text.is_empty() || text.len() > 2000 || !text.bytes().all(visible) {
        return Err(InvalidUri::Form);
    }
    if text.contains('#') {
        return Err(InvalidUri::Fragment);
    }
    let url = Url::parse(text).map_err(|_| InvalidUri::Form)?;
    let web = matches!(url.scheme(), "http" | "https");
    // The parser forgives `https:/host` and `https:host`; a browser would too, another reader would not.
    let written_out = !web || text.contains("://");
    if !written_out
        || (web && url.host().is_none())
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(InvalidUri::Form);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        // `localhost` may resolve to something else (RFC 8252 §8.3).
        Some(Host::Domain(_)) | None => false,
    }
}

/// A loopback URI in two halves around its port; nothing when it is none.
fn without_port(text: &str) -> Option<(&str, &str)> {
    let url = absolute(text).ok().filter(is_loopback)?;
    if url.scheme() != "http" {
        return None;
    }
    let host =
        ["http://127.0.0.1", "http://[::1]"].into_iter().find(|host| text.starts_with(host))?;
    let (host, rest) = text.split_at(host.len());
    let Some(port) = rest.strip_prefix(':') else { return Some((host, rest)) };
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (host, &port[digits..]))
}

#[cfg(test)]
mod tests {
    use super::ApplicationType::{Native, Web};
    use super::*;

    #[test]
    fn only_uris_that_nobody_else_can_receive_are_registered() {
        for (text, application, expected) in [
            ("https://ehr.hospital.example/callback?tenant=1", Web, Ok(())),
            ("https://ehr.hospital.example/cb#x", Web, Err(InvalidUri::Fragment)),
            ("https://a:b@ehr.hospital.example/cb", Web, Err(InvalidUri::Form)),
            ("https://*.hospital.example/cb", Web, Err(InvalidUri::Form)),
            ("https:ehr.hospital.example/cb", Web, Err(InvalidUri::Form)),
            ("https://ehr.hospital.example/c b", Web, Err(InvalidUri::Form)),
            ("https:\\\\ehr.hospital.example", Web, Err(InvalidUri::Form)),
            ("http://ehr.hospital.example/cb", Web, Err(InvalidUri::Scheme)),
            ("http://127.0.0.1/cb", Web, Err(InvalidUri::Scheme)),
            ("/callback", Web, Err(InvalidUri::Form)),
            ("javascript:alert(1)", Web, Err(InvalidUri::Scheme)),
            ("javascript:alert(1)", Native, Err(InvalidUri::Native)),
            ("com.example.chart:/cb", Native, Ok(())),
            ("chart:/cb", Native, Err(InvalidUri::Native)),
            ("http://127.0.0.1/cb", Native, Ok(())),
            ("http://[::1]/cb", Native, Ok(())),
            ("http://localhost/cb", Native, Err(InvalidUri::Native)),
            ("http://127.0.0.1.evil.example/cb", Native, Err(InvalidUri::Native)),
        ] {
            assert_eq!(RedirectUri::register(text, application).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn web_redirects_are_compared_letter_by_letter() {
        let registered = RedirectUri::register("https://ehr.example/cb", Web).unwrap();
        assert!(registered.admits("https://ehr.example/cb", Web));
        for other in [
            "https://ehr.example/cb/",
            "https://ehr.example/cb?x=1",
            "https://EHR.example/cb",
            "https://ehr.example:443/cb",
            "https://ehr.example/x/../cb",
            "https://ehr.example/%63b",
            "https://ehr.example/cb#",
        ] {
            assert!(!registered.admits(other, Web), "{other}");
            assert!(!registered.admits(other, Native), "{other}");
        }
    }

    #[test]
    fn native_applications_may_listen_on_any_loopback_port() {
        let registered = RedirectUri::register("http://127.0.0.1/cb", Native).unwrap();
        assert!(registered.admits("http://127.0.0.1:49152/cb", Native));
        for other in [
            "http://127.0.0.1:49152/cb2",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example:1/cb",
            "http://[::1]:49152/cb",
            "http://localhost:49152/cb",
            "https://127.0.0.1:49152/cb",
            "http://127.0.0.1:99999/cb",
        ] {
            assert!(!registered.admits(other, Native), "{other}");
        }
        assert!(!registered.admits("http://127.0.0.1:49152/cb", Web));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_registered_or_refused(text: String) {
            for application in [Web, Native] {
                if let Ok(uri) = RedirectUri::register(&text, application) {
                    assert!(uri.admits(&text, application));
                }
            }
        }
    }
}
