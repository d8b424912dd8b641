//! What the OpenID and SAML providers say to applications, and ask of them, without a browser between: logout tokens (OpenID
//! Connect Back-Channel Logout 1.0 §2.5), logout requests (saml-bindings-2.0-os §3.2), key sets (`jwks_uri`, RFC 7591 §2) and
//! sectors (OpenID Connect Registration §5).
use imp_events::ConsumeError;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::http::{Endpoint, HttpSetupError, Poster};
use crate::reach::{Inside, Reach};
use crate::tls::TlsSettings;

/// Speaks HTTP to applications.
#[derive(Clone, Debug)]
pub struct Applications {
    anywhere: Poster,
    guarded: Poster,
    reach: Reach,
}

/// Who vouches for an application's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// An administrator registered it: it may be inside.
    Administrator,
    /// It registered itself: it is called outside only, see [`Reach`].
    Nobody,
}

/// An application did not answer with what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or one without success.
    #[error("the application did not answer: {0}")]
    Unanswered(String),
    /// More than 64 KiB.
    #[error("the application's answer is too large")]
    TooLarge,
    /// No JSON.
    #[error("the application's answer is not JSON")]
    Malformed,
    /// See the source.
    #[error("the application is not called there")]
    Inside(#[from] Inside),
}

impl Applications {
    /// Trusts as `tls` says; calls applications for which nobody vouches within `reach`. Nothing is sent yet.
    pub fn new(tls: &TlsSettings, reach: Reach) -> Result<Self, HttpSetupError> {
        let (anywhere, guarded) = (Poster::trusting(tls)?, Poster::guarded(tls, &reach)?);
        Ok(Self { anywhere, guarded, reach })
    }

    /// Posts a logout token. Whatever is not 200 or 204 is worth another try but 400: the application understood, and could
    /// not do it (§2.8).
    pub async fn log_out(
        &self,
        (to, voucher): (&Endpoint, Voucher),
        token: &str,
        now: Timestamp,
    ) -> Result<(), ConsumeError> {
        let poster = self.poster(to, voucher).map_err(|inside| ConsumeError::poison(0, inside))?;
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        // A compact JWS has nothing that a form would escape.
        let answer = poster.post(to, headers, format!("logout_token={token}"), now).await?;
        match answer.status {
            200..=299 => Ok(()),
            400 => Err(ConsumeError::Poison {
                index: 0,
                why: "the application answered 400".to_owned(),
            }),
            _ => Err(answer.retry("")),
        }
    }

    /// Posts a SOAP envelope, and answers what came back: at most 16 KiB. 500 is a fault, which is an answer (SOAP 1.1 §6.2).
    pub async fn send_envelope(
        &self,
        to: &Endpoint,
        envelope: String,
        now: Timestamp,
    ) -> Result<Vec<u8>, ConsumeError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        // saml-bindings-2.0-os §3.2.3.3
        let action = HeaderValue::from_static("\"http://www.oasis-open.org/committees/security\"");
        headers.insert(HeaderName::from_static("soapaction"), action);
        let answer = self.anywhere.post(to, headers, envelope, now).await?;
        match answer.status {
            200..=299 | 500 => Ok(answer.body),
            _ => Err(answer.retry("")),
        }
    }

    /// A JSON document of an application, at most 64 KiB.
    pub async fn fetch(
        &self,
        (from, voucher): (&Endpoint, Voucher),
    ) -> Result<serde_json::Value, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = self.poster(from, voucher)?.fetch(from, headers).await?;
        serde_json::from_slice(&body).map_err(|_| FetchError::Malformed)
    }

    fn poster(&self, endpoint: &Endpoint, voucher: Voucher) -> Result<&Poster, Inside> {
        match voucher {
            Voucher::Administrator => Ok(&self.anywhere),
            Voucher::Nobody => self.reach.check(endpoint).map(|()| &self.guarded),
        }
    }
}
