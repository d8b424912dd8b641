//! Streams of events to other systems, and the receivers that may have their own.
use imp_identity::event::{Delivery, StreamStatus};
use imp_identity::name::{Label, Remark};
use imp_identity::{ReceiverId, Secret, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/streams`. Which members count depends on `delivery`; one that does not is refused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateStream {
    /// As people call it; no two have the same.
    #[schema(value_type = String)]
    pub name: Label,
    /// `push`, `poll`, `webhook`, `nats` or `syslog`.
    #[schema(value_type = String)]
    pub delivery: Delivery,
    /// push, webhook: where to post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// push: the value of the `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub authorization: Option<Secret<String>>,
    /// webhook: `whsec_…`; without it, one is made, and answered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret<String>>,
    /// poll: whose token it is polled with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub receiver: Option<ReceiverId>,
    /// nats: what only NATS needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsTarget>,
    /// syslog: what only syslog needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogTarget>,
    /// Certificates in PEM that are trusted instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A client certificate with its chain, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The client certificate's private key, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub key: Option<Secret<String>>,
    /// Names of the types that go out; every type, without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// `set`, `json`, `fhir`, `ocsf`, `cef` or `atna`; without it, as is usual for the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// `aud` of its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The index of the first entry that goes out; without it, the next that is appended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
}

/// What only a stream to NATS needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NatsTarget {
    /// `tls://host:port`, one or more of one cluster.
    pub servers: Vec<String>,
    /// The `JetStream` stream; `IMP_EVENTS` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Whether the stream is created when it is missing.
    #[serde(default)]
    pub create: bool,
    /// A user's name, with `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret<String>>,
    /// A token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub token: Option<Secret<String>>,
    /// The text of a credentials file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub credentials: Option<Secret<String>>,
}

/// What only a stream to syslog needs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogTarget {
    /// The receiver's name, as its certificate says.
    pub server: String,
    /// Its port; 6514 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The longest message that the receiver takes whole, in bytes; 8192 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<u32>,
}

/// A stream that was made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StreamCreated {
    /// What names it.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// webhook: the secret that was made for it. Shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret<String>>,
}

/// A stream, without its secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventStream {
    /// What names it.
    #[schema(value_type = String)]
    pub id: StreamId,
    /// As people call it.
    #[schema(value_type = String)]
    pub name: Label,
    /// How events go out.
    #[schema(value_type = String)]
    pub delivery: Delivery,
    /// Where they go: scheme, host and port.
    pub destination: Option<String>,
    /// Whose it is; the administrators', without one.
    #[schema(value_type = Option<String>)]
    pub receiver: Option<ReceiverId>,
    /// Names of the types that go out; every type, without one.
    pub kinds: Vec<String>,
    /// How events are written.
    pub form: String,
    /// `aud` of its tokens.
    pub audience: String,
    /// `enabled`, `paused` or `disabled`.
    #[schema(value_type = String)]
    pub status: StreamStatus,
    /// Why, if somebody said.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Remark>,
    /// The index of the first entry that was not delivered.
    pub next: u64,
    /// Entries of the log from there on.
    pub behind: u64,
    /// Failures in a row.
    pub failures: u32,
    /// When it is tried again.
    #[schema(value_type = Option<String>)]
    pub retry_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Entries that the receiver could not digest.
    pub set_aside: u64,
}

/// `POST /v1/streams/{stream_id}/status`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStreamStatus {
    /// `enabled`, `paused` or `disabled`.
    #[schema(value_type = String)]
    pub status: StreamStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Remark>,
}

/// `POST /v1/streams/{stream_id}/replay`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayStream {
    /// The index of the first entry that is delivered again.
    pub from: u64,
}

/// `POST /v1/receivers`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitReceiver {
    /// As people call it; no two have the same.
    #[schema(value_type = String)]
    pub name: Label,
    /// `aud` of its tokens; without it, a URN of its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Names of the types that it may have; every type, without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

/// A receiver that was let in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiverAdmitted {
    /// Who.
    pub receiver: EventReceiver,
    /// Its bearer token. Shown once.
    #[schema(value_type = String)]
    pub token: Secret<String>,
}

/// A receiver of security events.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventReceiver {
    /// What names it.
    #[schema(value_type = String)]
    pub id: ReceiverId,
    /// As people call it.
    #[schema(value_type = String)]
    pub name: Label,
    /// `aud` of its tokens.
    pub audience: String,
    /// Names of the types that it may have; every type, without one.
    pub kinds: Vec<String>,
    /// Since when.
    #[schema(value_type = String)]
    pub admitted_at: Timestamp,
}
