//! Signed posts after the Standard Webhooks specification 1.0 (symmetric signatures, `v1`).
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use data_encoding::BASE64;
use imp_events::{ConsumeError, Consumer, Entry};
use imp_identity::{Clock, Secret};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::{Answer, Endpoint, HttpSetupError, Poster};
use crate::subscription::{Progress, Subscription, each};
use crate::tls::TlsSettings;

const PREFIX: &str = "whsec_";

/// Where events are posted to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// The receiver's endpoint.
    pub endpoint: Endpoint,
    /// What signatures are made with.
    pub secret: WebhookSecret,
    /// Whom to trust.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// The shared key: `whsec_` and 24 to 64 bytes in Base64.
#[derive(Clone, Debug)]
pub struct WebhookSecret(Secret<Vec<u8>>);

/// The text is not a [`WebhookSecret`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret: `whsec_` and 24 to 64 bytes in Base64 are expected")]
pub struct InvalidWebhookSecret;

/// A receiver of signed posts.
pub struct Webhook {
    subscription: Subscription,
    poster: Poster,
    endpoint: Endpoint,
    key: hmac::Key,
    clock: Arc<dyn Clock>,
    progress: Progress,
}

impl WebhookSecret {
    /// Takes 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes.to_vec()))
    }

    /// The text to give to the receiver.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", BASE64.encode(self.0.expose())))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidWebhookSecret;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let text = text.strip_prefix(PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| InvalidWebhookSecret)?;
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(bytes.into()))
        } else {
            Err(InvalidWebhookSecret)
        }
    }
}

impl Serialize for WebhookSecret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.to_text().serialize(to)
    }
}

impl<'de> Deserialize<'de> for WebhookSecret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Webhook {
    /// Checks the settings. Nothing is sent yet.
    pub fn new(
        subscription: Subscription,
        settings: &WebhookSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            subscription,
            poster: Poster::new(&settings.endpoint, &settings.tls)?,
            endpoint: settings.endpoint.clone(),
            key: settings.secret.key(),
            clock,
            progress: Progress::default(),
        })
    }

    /// The id is the event's: the same on every try, as the specification asks.
    async fn deliver(&self, id: String, index: u64, body: String) -> Result<(), ConsumeError> {
        let now = self.clock.now();
        let timestamp = now.as_second().to_string();
        let signature = sign(&self.key, &id, &timestamp, &body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
        {
            let value = HeaderValue::try_from(value);
            headers.insert(
                name,
                value.map_err(|error| ConsumeError::Poison { index, why: error.to_string() })?,
            );
        }
        judge(&self.poster.post(&self.endpoint, headers, body, now).await?, index)
    }
}

#[async_trait]
impl Consumer for Webhook {
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
        let deliver =
            |entry: &Entry, body| self.deliver(entry.record.id.to_string(), entry.index, body);
        each(&self.subscription, &self.progress, batch, deliver).await
    }
}

/// `v1,` and the HMAC of id, time and body.
fn sign(key: &hmac::Key, id: &str, timestamp: &str, body: &str) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [id, ".", timestamp, ".", body] {
        context.update(part.as_bytes());
    }
    format!("v1,{}", BASE64.encode(context.sign().as_ref()))
}

/// What an answer means. Poison is what judges this body and will judge it the same tomorrow; what an administrator or
/// time sets right is tried again.
fn judge(answer: &Answer, index: u64) -> Result<(), ConsumeError> {
    match answer.status {
        200..=299 => Ok(()),
        status @ (400 | 409 | 413 | 422) => {
            Err(ConsumeError::Poison { index, why: format!("the receiver answered {status}") })
        }
        410 => {
            Err(answer
                .retry(": it wants no more events; delete the stream or give it another address"))
        }
        300..=399 => {
            Err(answer.retry(": redirections are not followed; give the stream the new address"))
        }
        _ => Err(answer.retry("")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specifications_example() {
        // Standard Webhooks 1.0, "Verifying webhook authenticity".
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = sign(
            &secret.key(),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.to_text().expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
        for wrong in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            wrong.parse::<WebhookSecret>().unwrap_err();
        }
    }

    #[test]
    fn only_an_answer_about_the_body_sets_an_event_aside() {
        for (status, poison) in [
            (400, true),
            (401, false),
            (403, false),
            (404, false),
            (408, false),
            (409, true),
            (410, false),
            (413, true),
            (422, true),
            (429, false),
            (500, false),
            (503, false),
            (302, false),
        ] {
            let answer = Answer { status, retry_after: None, body: vec![] };
            let error = judge(&answer, 3).unwrap_err();
            assert_eq!(matches!(error, ConsumeError::Poison { index: 3, .. }), poison, "{status}");
        }
        judge(&Answer { status: 204, retry_after: None, body: vec![] }, 3).unwrap();
    }
}
