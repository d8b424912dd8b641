//! Security event tokens pushed over HTTP (RFC 8935).
use std::sync::Arc;

use async_trait::async_trait;
use imp_events::{ConsumeError, Consumer, Entry};
use imp_identity::{Clock, Secret};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::{Answer, Endpoint, HttpSetupError, Poster};
use crate::subscription::{Progress, Subscription, each};
use crate::tls::TlsSettings;

/// Where tokens are pushed to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSettings {
    /// The receiver's endpoint.
    pub endpoint: Endpoint,
    /// The value of the `Authorization` header, such as `Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Secret<String>>,
    /// Whom to trust.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// Tokens cannot be pushed with these settings.
#[derive(Debug, thiserror::Error)]
pub enum PushSetupError {
    /// It cannot be sent.
    #[error("the authorization is not a header's value: printable ASCII is expected")]
    Authorization,
    /// See the source.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
}

/// A receiver of pushed tokens. Its format must give a signed SET.
pub struct Push {
    subscription: Subscription,
    poster: Poster,
    endpoint: Endpoint,
    headers: HeaderMap,
    clock: Arc<dyn Clock>,
    progress: Progress,
}

impl Push {
    /// Checks the settings. Nothing is sent yet.
    pub fn new(
        subscription: Subscription,
        settings: &PushSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PushSetupError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &settings.authorization {
            let mut value = HeaderValue::from_str(authorization.expose())
                .map_err(|_| PushSetupError::Authorization)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            subscription,
            poster: Poster::new(&settings.endpoint, &settings.tls)?,
            endpoint: settings.endpoint.clone(),
            headers,
            clock,
            progress: Progress::default(),
        })
    }

    /// Pushes one token that stands for no entry, such as a verification event (SSF 1.0 §8.1.4).
    pub async fn push(&self, token: String) -> Result<(), ConsumeError> {
        self.deliver(0, token).await
    }

    async fn deliver(&self, index: u64, token: String) -> Result<(), ConsumeError> {
        let now = self.clock.now();
        let answer = self.poster.post(&self.endpoint, self.headers.clone(), token, now).await?;
        judge(&answer, index)
    }
}

#[async_trait]
impl Consumer for Push {
    fn name(&self) -> &str {
        &self.subscription.name
    }

    fn wants(&self, kind: &str) -> bool {
        self.subscription.kinds.contain(kind)
    }

    /// One by one, and a slow receiver takes a second for each.
    fn batch(&self) -> usize {
        20
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        let deliver = |entry: &Entry, token| self.deliver(entry.index, token);
        each(&self.subscription, &self.progress, batch, deliver).await
    }
}

/// The error of RFC 8935 §2.3.
#[derive(Deserialize)]
struct Refused {
    err: String,
    #[serde(default)]
    description: String,
}

/// What an answer means. A 400 judges this token, unless it says that it is about our key, our name or our authorization:
/// these are set right by an administrator, and then the same token counts.
fn judge(answer: &Answer, index: u64) -> Result<(), ConsumeError> {
    match answer.status {
        // RFC 8935 §2.2 wants 202; receivers that answer 200 or 204 have it as well.
        200..=299 => Ok(()),
        400 => {
            let refused = serde_json::from_slice::<Refused>(&answer.body).ok();
            let code = refused.as_ref().map_or("", |refused| refused.err.as_str());
            let why = refused.as_ref().map_or_else(
                || " without saying why".to_owned(),
                |Refused { err, description }| format!(" {}: {}", short(err), short(description)),
            );
            match code {
                "invalid_key"
                | "invalid_issuer"
                | "invalid_audience"
                | "authentication_failed"
                | "access_denied" => Err(answer.retry(&why)),
                _ => Err(ConsumeError::Poison {
                    index,
                    why: format!("the receiver answered 400{why}"),
                }),
            }
        }
        413 => {
            Err(ConsumeError::Poison { index, why: "the receiver finds it too large".to_owned() })
        }
        _ => Err(answer.retry("")),
    }
}

/// At most 200 printable characters of what a receiver wrote.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, body: body.into() }
    }

    #[test]
    fn a_refused_token_is_poison_and_a_refused_transmitter_waits() {
        judge(&answer(202, ""), 7).unwrap();
        let poison = |body: &str| {
            matches!(judge(&answer(400, body), 7), Err(ConsumeError::Poison { index: 7, .. }))
        };
        assert!(poison(r#"{"err":"invalid_request","description":"cannot be parsed"}"#));
        assert!(poison(r#"{"err":"something_new"}"#));
        assert!(poison("<html>"));
        for code in [
            "invalid_key",
            "invalid_issuer",
            "invalid_audience",
            "authentication_failed",
            "access_denied",
        ] {
            let body = format!(r#"{{"err":"{code}","description":"x"}}"#);
            assert!(!poison(&body), "{code}");
        }
        for status in [301, 401, 403, 404, 408, 410, 429, 500, 503] {
            let error = judge(&answer(status, ""), 7).unwrap_err();
            assert!(matches!(error, ConsumeError::Retry { .. }), "{status}");
        }
    }
}
