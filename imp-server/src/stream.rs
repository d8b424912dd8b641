//! Streams of events to other systems: what they are, how their secrets are kept, and how they become consumers.
use imp_delivery::{NatsSettings, PushSettings, SyslogSettings, WebhookSettings};
use imp_events::Kind;
use imp_identity::event::{Delivery, StreamStatus};
use imp_identity::name::{Label, Remark};
use imp_identity::{ClientId, ReceiverId, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod consumer;
mod form;
mod issuer;
mod seal;
mod service;
pub(crate) mod wish;

pub use consumer::InvalidTarget;
pub(crate) use consumer::Workshop;
pub use form::{Form, InvalidForm};
pub use issuer::Message;
pub(crate) use issuer::SetIssuer;
pub use seal::SealError;
pub(crate) use seal::Sealer;
pub(crate) use service::Service;

/// The most streams that an installation has.
pub(crate) const MOST_STREAMS: u64 = 64;
/// The most streams that one receiver makes.
pub(crate) const MOST_OF_RECEIVER: u64 = 8;

/// A stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Names it.
    pub id: StreamId,
    /// As people call it; no two have the same.
    pub name: Label,
    /// Whose it is; without one, the administrators'.
    pub receiver: Option<ReceiverId>,
    /// How events go out.
    pub delivery: Delivery,
    /// The types that go out; every type, without one.
    pub kinds: Vec<Kind>,
    /// How events are written.
    pub form: Form,
    /// `aud` of its tokens.
    pub audience: String,
    /// What its receiver says of it.
    pub description: Option<String>,
    /// Whether it delivers.
    pub status: StreamStatus,
    /// Why, if somebody said.
    pub reason: Option<Remark>,
    /// Counts changes, so that a running server notices them.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whoever holds a token for streams of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Names it.
    pub id: ReceiverId,
    /// As people call it; no two have the same.
    pub name: Label,
    /// `aud` of its tokens.
    pub audience: String,
    /// What it may have; every type, without one.
    pub kinds: Vec<Kind>,
    /// Since when.
    pub admitted_at: Timestamp,
}

/// Where events go, with the secrets that this takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Pushed (RFC 8935).
    Push(PushSettings),
    /// Fetched by the receiver (RFC 8936).
    Poll,
    /// Posted and signed.
    Webhook(WebhookSettings),
    /// Published on `JetStream`.
    Nats(NatsSettings),
    /// Sent as syslog over TLS.
    Syslog(SyslogSettings),
}

impl Stream {
    /// The name of its cursor.
    pub fn consumer(&self) -> String {
        consumer_name(self.id)
    }

    /// The application that it is for: `aud` of its tokens is then the `client_id`.
    pub fn application(&self) -> Option<ClientId> {
        self.audience.parse().ok()
    }

    /// Whether it wants the type.
    pub fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted.name() == kind)
    }
}

impl Receiver {
    /// Whether it may have all of `kinds`; none means every type.
    pub fn may_have(&self, kinds: &[Kind]) -> bool {
        self.kinds.is_empty()
            || (!kinds.is_empty() && kinds.iter().all(|kind| self.kinds.contains(kind)))
    }
}

impl Target {
    /// How events go out.
    pub const fn delivery(&self) -> Delivery {
        match self {
            Self::Push(_) => Delivery::Push,
            Self::Poll => Delivery::Poll,
            Self::Webhook(_) => Delivery::Webhook,
            Self::Nats(_) => Delivery::Nats,
            Self::Syslog(_) => Delivery::Syslog,
        }
    }

    /// Where it goes, without secrets: scheme, host and port.
    pub fn destination(&self) -> Option<String> {
        match self {
            Self::Push(settings) => Some(format!("{:?}", settings.endpoint)),
            Self::Poll => None,
            Self::Webhook(settings) => Some(format!("{:?}", settings.endpoint)),
            Self::Nats(settings) => settings.servers.first().map(ToString::to_string),
            Self::Syslog(settings) => Some(format!("{}:{}", settings.server, settings.port)),
        }
    }
}

/// The name of a stream's cursor.
pub(crate) fn consumer_name(stream: StreamId) -> String {
    format!("stream-{stream}")
}
