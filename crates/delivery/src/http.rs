//! Posting to receivers: HTTPS, bounded in size and time, and never where the receiver did not say.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use imp_events::ConsumeError;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, Url};

use crate::applications::FetchError;
use crate::reach::Reach;
use crate::tls::{TlsSettings, TlsSetupError};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// What is read of an answer, in bytes. No receiver has more to say.
const LARGEST_ANSWER: usize = 16 * 1024;
/// The largest document that is fetched, in bytes.
const LARGEST_DOCUMENT: usize = 64 * 1024;
/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Where to post: an `https` URL, or `http` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// The text is not an [`Endpoint`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an address to deliver to: https://host/path is expected (http:// for 127.0.0.1, [::1] and localhost), without \
     a user and a fragment, of at most 2048 characters"
)]
pub struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let url = (text.len() <= 2048).then(|| Url::parse(text).ok()).flatten();
        let url = url.ok_or(InvalidEndpoint)?;
        let local = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let safe = url.scheme() == "https" || (url.scheme() == "http" && local);
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if safe && plain && url.has_host() { Ok(Self(url)) } else { Err(InvalidEndpoint) }
    }
}

impl Endpoint {
    /// Whether it is not on this machine's loopback in clear.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address that stands in it, if it has no name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.0.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The URL. Its path or query may be a secret.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Endpoint {
    /// Scheme, host and port: path and query may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.0.scheme())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl serde::Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A client for one receiver.
#[derive(Clone, Debug)]
pub(crate) struct Poster(Client);

/// HTTP cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// See the source.
    #[error("TLS cannot be set up for the receiver")]
    Tls(#[from] TlsSetupError),
    /// See the source.
    #[error("HTTP cannot be set up for the receiver")]
    Client(#[from] reqwest::Error),
}

/// What a receiver said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<SignedDuration>,
    /// The first 16 KiB.
    pub(crate) body: Vec<u8>,
}

impl Poster {
    pub(crate) fn new(endpoint: &Endpoint, tls: &TlsSettings) -> Result<Self, HttpSetupError> {
        Self::over(tls.client_if(endpoint.is_https())?, |client| client)
    }

    /// For endpoints that are named later. On a system without certificate authorities none of them is trusted.
    pub(crate) fn trusting(tls: &TlsSettings) -> Result<Self, HttpSetupError> {
        Self::over(tls.client_if(false)?, |client| client)
    }

    /// The same, where names lead no further than `reach`. No proxy: it would look names up itself.
    pub(crate) fn guarded(tls: &TlsSettings, reach: &Reach) -> Result<Self, HttpSetupError> {
        let reach = Arc::new(reach.clone());
        Self::over(tls.client_if(false)?, |client| client.no_proxy().dns_resolver(reach))
    }

    fn over(
        mut tls: rustls::ClientConfig,
        with: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, HttpSetupError> {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = with(Client::builder())
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // A receiver that moves says so to its administrator: a redirection could point anywhere.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("imp-server/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }

    /// Posts once. No answer at all is worth another try.
    pub(crate) async fn post(
        &self,
        to: &Endpoint,
        headers: HeaderMap,
        body: String,
        now: Timestamp,
    ) -> Result<Answer, ConsumeError> {
        let sent = self.0.post(to.0.clone()).headers(headers).body(body).send().await;
        let mut response = sent.map_err(unreachable)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response, now);
        let mut body = Vec::new();
        // An answer that breaks off is one all the same: its status stands.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = LARGEST_ANSWER - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == LARGEST_ANSWER {
                break;
            }
        }
        Ok(Answer { status, retry_after, body })
    }
}

impl Poster {
    /// Reads a document of at most [`LARGEST_DOCUMENT`] bytes.
    pub(crate) async fn fetch(
        &self,
        from: &Endpoint,
        headers: HeaderMap,
    ) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError::Unanswered(chain(&error.without_url()));
        let response = self.0.get(from.0.clone()).headers(headers).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(FetchError::Unanswered(response.status().to_string()));
        }
        let mut response = response;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_DOCUMENT {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Answer {
    /// Worth another try, after what the receiver asks for.
    pub(crate) fn retry(&self, why: &str) -> ConsumeError {
        let why = format!("the receiver answered {}{why}", self.status);
        ConsumeError::Retry { after: self.retry_after, why }
    }
}

/// Why there was no answer, without the URL, which may hold a secret.
fn unreachable(error: reqwest::Error) -> ConsumeError {
    ConsumeError::Retry { after: None, why: chain(&error.without_url()) }
}

/// An error with its causes.
fn chain(error: &reqwest::Error) -> String {
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        why.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    why
}

/// `Retry-After` (RFC 9110 §10.2.3), at most an hour.
fn retry_after(response: &Response, now: Timestamp) -> Option<SignedDuration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    wait(text, now)
}

fn wait(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let wait = if let Ok(seconds) = text.parse::<u32>() {
        SignedDuration::from_secs(seconds.into())
    } else {
        jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(now)
    };
    Some(wait.clamp(SignedDuration::ZERO, LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leaves_this_machine() {
        for good in [
            "https://siem.example/hook?key=1",
            "http://127.0.0.1:8080/x",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            good.parse::<Endpoint>().unwrap();
        }
        let long = format!("https://a.example/{}", "a".repeat(2048));
        for bad in [
            "http://siem.example/",
            "https://user:secret@siem.example/",
            "https://siem.example/#x",
            "file:///etc/passwd",
            "http://127.0.0.1.evil.example/",
            "siem.example",
            &long,
        ] {
            assert_eq!(bad.parse::<Endpoint>(), Err(InvalidEndpoint), "{bad}");
        }
        let endpoint: Endpoint = "https://siem.example:444/hook?key=secret".parse().unwrap();
        assert_eq!(format!("{endpoint:?}"), "https://siem.example:444");
    }

    #[test]
    fn a_receiver_may_ask_for_a_wait_in_seconds_or_until_a_date() {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        assert_eq!(wait("120", now), Some(SignedDuration::from_secs(120)));
        let date = wait("Sun, 22 Nov 2026 06:00:30 GMT", now);
        assert_eq!(date, Some(SignedDuration::from_secs(30)));
        assert_eq!(wait("Sun, 22 Nov 2020 06:00:30 GMT", now), Some(SignedDuration::ZERO));
        assert_eq!(wait("4000000000", now), Some(LONGEST_WAIT));
        assert_eq!(wait("soon", now), None);
    }
}
