//! Bodies of the Shared Signals Framework, with the names that it gives them.
use imp_delivery::{Endpoint, PushSettings, TlsSettings};
use imp_events::{Kind, catalogue};
use imp_identity::{Secret, StreamId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::command::INTERVAL;
use crate::http::{ProblemResponse, problem};
use crate::stream::{Receiver, Stream, Target};

/// RFC 8935.
pub(super) const PUSH: &str = "urn:ietf:rfc:8935";
/// RFC 8936.
pub(super) const POLL: &str = "urn:ietf:rfc:8936";

/// How tokens reach the receiver (SSF 1.0 §6.1).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SsfDelivery)]
pub(crate) struct Delivery {
    /// `urn:ietf:rfc:8935` or `urn:ietf:rfc:8936`.
    pub(super) method: String,
    /// Where to push to, as the receiver says; where to poll, as the transmitter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) endpoint_url: Option<String>,
    /// The value of `Authorization` when tokens are pushed. Never answered.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>)]
    pub(super) authorization_header: Option<Secret<String>>,
}

/// What a receiver asks for (SSF 1.0 §8.1.1.1). Members that are the transmitter's to say are compared, not taken.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SsfWanted)]
pub(crate) struct Wanted {
    /// The stream that is changed; not for a new one.
    #[schema(value_type = Option<String>)]
    pub(super) stream_id: Option<StreamId>,
    /// How tokens are to reach the receiver; polled, without it.
    pub(super) delivery: Option<Delivery>,
    /// URIs of the types that are wanted; every type, without it.
    pub(super) events_requested: Option<Vec<String>>,
    /// In the receiver's words. Present and null: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "null and missing are different in an update")]
    pub(super) description: Option<Option<String>>,
    /// Must be the transmitter's.
    pub(super) iss: Option<String>,
    /// Must be the stream's.
    pub(super) aud: Option<String>,
}

/// A stream (SSF 1.0 §8.1.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SsfConfiguration)]
pub(crate) struct Configuration {
    #[schema(value_type = String)]
    stream_id: StreamId,
    iss: String,
    aud: String,
    events_supported: Vec<String>,
    events_requested: Vec<String>,
    events_delivered: Vec<String>,
    delivery: Delivery,
    /// Seconds.
    min_verification_interval: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Distinguishes a member that is null from one that is missing.
#[expect(clippy::option_option, reason = "null and missing are different in an update")]
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Configuration {
    /// As `receiver` sees it.
    pub(super) fn of(app: &App, receiver: &Receiver, stream: &Stream, target: &Target) -> Self {
        let delivery = match target {
            Target::Push(settings) => Delivery {
                method: PUSH.to_owned(),
                endpoint_url: Some(settings.endpoint.as_str().to_owned()),
                authorization_header: None,
            },
            Target::Poll | Target::Webhook(_) | Target::Nats(_) | Target::Syslog(_) => Delivery {
                method: POLL.to_owned(),
                endpoint_url: Some(format!("{}/ssf/poll/{}", app.url, stream.id)),
                authorization_header: None,
            },
        };
        let supported = uris(&receiver.kinds);
        let delivered =
            if stream.kinds.is_empty() { supported.clone() } else { uris(&stream.kinds) };
        Self {
            stream_id: stream.id,
            iss: app.streams.issuer.url().to_owned(),
            aud: stream.audience.clone(),
            events_supported: supported,
            events_requested: delivered.clone(),
            events_delivered: delivered,
            delivery,
            min_verification_interval: INTERVAL.as_secs(),
            description: stream.description.clone(),
        }
    }
}

impl Delivery {
    /// Where it goes. A receiver names endpoints elsewhere only: the loopback of the server is not its to reach.
    pub(super) fn target(self) -> Result<Target, ProblemResponse> {
        let invalid = |detail: &str| {
            problem::STREAM_INVALID.says("The delivery cannot be used.").with_detail(detail)
        };
        match self.method.as_str() {
            POLL => Ok(Target::Poll),
            PUSH => {
                let url = self.endpoint_url.ok_or_else(|| invalid("endpoint_url is missing"))?;
                let endpoint: Result<Endpoint, _> = url.parse();
                let endpoint = endpoint.map_err(|error| invalid(&error.to_string()))?;
                if !endpoint.is_https() {
                    return Err(invalid("endpoint_url must begin with https://"));
                }
                let authorization = self.authorization_header;
                let tls = TlsSettings::default();
                Ok(Target::Push(PushSettings { endpoint, authorization, tls }))
            }
            _ => Err(invalid("method must be urn:ietf:rfc:8935 or urn:ietf:rfc:8936")),
        }
    }
}

impl Wanted {
    /// The types that the stream is to have, out of those that the receiver may have.
    pub(super) fn kinds(&self, receiver: &Receiver) -> Result<Vec<Kind>, ProblemResponse> {
        let Some(requested) = &self.events_requested else { return Ok(receiver.kinds.clone()) };
        let known = all(&receiver.kinds);
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in known {
            if requested.contains(&kind.event_type().uri()) {
                kinds.push(kind);
            }
        }
        if kinds.is_empty() {
            let problem = problem::STREAM_INVALID.says("None of these types is delivered.");
            return Err(problem.with_detail("events_requested has no type of events_supported"));
        }
        Ok(kinds)
    }

    /// Whether the members that are the transmitter's to say are what it says (SSF 1.0 §8.1.1.3).
    pub(super) fn check(&self, app: &App, audience: Option<&str>) -> Result<(), ProblemResponse> {
        let other_issuer = self.iss.as_deref().is_some_and(|iss| iss != app.streams.issuer.url());
        let other = |audience| self.aud.as_deref().is_some_and(|aud| aud != audience);
        if other_issuer || audience.is_some_and(other) {
            let problem = problem::STREAM_INVALID.says("The stream is another one.");
            return Err(problem.with_detail("iss and aud are the transmitter's to say"));
        }
        Ok(())
    }
}

/// URIs of the types; of every type, for none.
fn uris(kinds: &[Kind]) -> Vec<String> {
    all(kinds).into_iter().map(|kind| kind.event_type().uri()).collect()
}

fn all(kinds: &[Kind]) -> Vec<Kind> {
    if !kinds.is_empty() {
        return kinds.to_vec();
    }
    catalogue().iter().filter_map(|kind| kind.name.parse().ok()).collect()
}
