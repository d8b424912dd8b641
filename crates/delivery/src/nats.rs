//! Events on NATS `JetStream`: a message on `imp.events.<type>` each, acknowledged by the server before the next goes out.
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_nats::jetstream::context::{
    ContextBuilder, GetStreamErrorKind, PublishError, PublishErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, ErrorCode, stream};
use async_nats::{ConnectOptions, ServerAddr};
use async_trait::async_trait;
use imp_events::{ConsumeError, Consumer, Entry};
use imp_identity::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::subscription::{Progress, Subscription, each};
use crate::tls::{TlsSettings, TlsSetupError};

/// What subjects begin with.
pub const SUBJECT: &str = "imp.events.";
/// The stream when no other is named.
const STREAM: &str = "IMP_EVENTS";
/// The longest wait for a connection, an answer or an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server of a stream that we create drops a second copy of an event.
const DUPLICATES: Duration = Duration::from_hours(1);
/// How long a stream that we create keeps events.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Where events are published.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// The servers of one cluster.
    pub servers: Vec<NatsServer>,
    /// The `JetStream` stream.
    #[serde(default = "default_stream")]
    pub stream: String,
    /// Whether the stream is created when it is missing.
    #[serde(default)]
    pub create: bool,
    /// How we log in.
    #[serde(default)]
    pub login: NatsLogin,
    /// Whom to trust.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// How we log in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatsLogin {
    /// Not at all, or by client certificate.
    #[default]
    None,
    /// A token.
    Token(Secret<String>),
    /// A user's name and password.
    Password {
        /// Who.
        user: String,
        /// Her password.
        password: Secret<String>,
    },
    /// The text of a credentials file: a JWT with its nkey seed.
    Credentials(Secret<String>),
}

/// A server: `tls://host:port`, or `nats://host:port` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsServer(ServerAddr);

/// The text is not a [`NatsServer`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a NATS server: tls://host:port is expected (nats:// for 127.0.0.1, [::1] and localhost), without a user"
)]
pub struct InvalidNatsServer;

/// Events cannot be published with these settings.
#[derive(Debug, thiserror::Error)]
pub enum NatsSetupError {
    /// Nowhere to go.
    #[error("a NATS server must be named")]
    NoServer,
    /// It would not be one token of a subject.
    #[error("the name of the stream must be 1 to 64 letters, digits, `-` or `_`")]
    Stream,
    /// The text is not that of a credentials file.
    #[error("the NATS credentials cannot be read")]
    Credentials,
    /// See the source.
    #[error("TLS cannot be set up for NATS")]
    Tls(#[from] TlsSetupError),
}

/// A NATS cluster.
pub struct Nats {
    subscription: Subscription,
    settings: NatsSettings,
    tls: rustls::ClientConfig,
    /// Made at the first batch, and again after each failure: what an old connection still holds is gone with it.
    context: Mutex<Option<Context>>,
    progress: Progress,
}

impl Nats {
    /// Checks the settings. Nothing is sent yet.
    pub fn new(subscription: Subscription, settings: NatsSettings) -> Result<Self, NatsSetupError> {
        if settings.servers.is_empty() {
            return Err(NatsSetupError::NoServer);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if !(1..=64).contains(&settings.stream.len()) || !settings.stream.bytes().all(plain) {
            return Err(NatsSetupError::Stream);
        }
        let tls = settings.tls.client_if(settings.needs_tls())?;
        let nats = Self {
            subscription,
            settings,
            tls,
            context: Mutex::default(),
            progress: Progress::default(),
        };
        nats.options()?;
        Ok(nats)
    }

    fn options(&self) -> Result<ConnectOptions, NatsSetupError> {
        let options = match &self.settings.login {
            NatsLogin::None => ConnectOptions::new(),
            NatsLogin::Token(token) => ConnectOptions::with_token(token.expose().clone()),
            NatsLogin::Password { user, password } => {
                ConnectOptions::with_user_and_password(user.clone(), password.expose().clone())
            }
            NatsLogin::Credentials(text) => ConnectOptions::with_credentials(text.expose())
                .map_err(|_| NatsSetupError::Credentials)?,
        };
        Ok(options
            .name("imp-server")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .tls_client_config(self.tls.clone())
            .require_tls(self.settings.needs_tls())
            // What a server says of its cluster is not what an administrator has allowed.
            .ignore_discovered_servers())
    }

    async fn connect(&self) -> Result<Context, ConsumeError> {
        let options = self.options().map_err(ConsumeError::retry)?;
        let servers: Vec<_> = self.settings.servers.iter().map(|server| server.0.clone()).collect();
        let connected = tokio::time::timeout(PATIENCE, options.connect(servers)).await;
        let client = connected.map_err(ConsumeError::retry)?.map_err(ConsumeError::retry)?;
        let context = ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(client);
        self.find_stream(&context).await?;
        Ok(context)
    }

    async fn find_stream(&self, context: &Context) -> Result<(), ConsumeError> {
        let missing = match context.get_stream(&self.settings.stream).await.map_err(|e| e.kind()) {
            Ok(_) => return Ok(()),
            Err(GetStreamErrorKind::JetStream(error))
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                error
            }
            Err(other) => return Err(ConsumeError::retry(other)),
        };
        if !self.settings.create {
            return Err(ConsumeError::retry(missing));
        }
        let wanted = stream::Config {
            name: self.settings.stream.clone(),
            subjects: vec![format!("{SUBJECT}>")],
            description: Some("The event log of IMP".to_owned()),
            storage: stream::StorageType::File,
            max_age: KEPT,
            duplicate_window: DUPLICATES,
            ..stream::Config::default()
        };
        context.create_stream(wanted).await.map(drop).map_err(ConsumeError::retry)
    }

    async fn publish(
        &self,
        context: &Context,
        subject: String,
        message: PublishMessage,
        index: u64,
    ) -> Result<(), ConsumeError> {
        let failed = |error: &PublishError| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => ConsumeError::poison(index, error),
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::Other => ConsumeError::retry(error),
        };
        let sent = context.send_publish(subject, message).await.map_err(|error| failed(&error))?;
        // One at a time: were several under way, a failure in the middle would change their order.
        sent.await.map(drop).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl Consumer for Nats {
    fn name(&self) -> &str {
        &self.subscription.name
    }

    fn wants(&self, kind: &str) -> bool {
        self.subscription.kinds.contain(kind)
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        let mut kept = self.context.lock().await;
        let context = match kept.take() {
            Some(context) => context,
            None => self.connect().await?,
        };
        let deliver = |entry: &Entry, text: String| {
            let message = PublishMessage::build()
                .payload(text.into())
                .message_id(entry.record.id.to_string())
                .expected_stream(&self.settings.stream)
                .header("Imp-Index", entry.index.to_string());
            let subject = format!("{SUBJECT}{}", entry.record.event.name());
            self.publish(&context, subject, message, entry.index)
        };
        each(&self.subscription, &self.progress, batch, deliver).await?;
        *kept = Some(context);
        Ok(())
    }
}

impl NatsSettings {
    /// Whether a server is elsewhere.
    fn needs_tls(&self) -> bool {
        self.servers.iter().any(|server| server.0.tls_required())
    }
}

fn default_stream() -> String {
    STREAM.to_owned()
}

impl FromStr for NatsServer {
    type Err = InvalidNatsServer;

    fn from_str(text: &str) -> Result<Self, InvalidNatsServer> {
        let server: ServerAddr = text.parse().map_err(|_| InvalidNatsServer)?;
        let local = ["127.0.0.1", "::1", "[::1]", "localhost"].contains(&server.host());
        let safe = server.scheme() == "tls" || (server.scheme() == "nats" && local);
        let plain = !server.has_user_pass() && !server.host().is_empty() && text.len() <= 512;
        if safe && plain { Ok(Self(server)) } else { Err(InvalidNatsServer) }
    }
}

impl fmt::Display for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_url_str())
    }
}

impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for NatsServer {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NatsServer {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_leaves_this_machine() {
        for good in
            ["tls://nats.example:4222", "nats://127.0.0.1:4222", "nats://[::1]:4222", "localhost"]
        {
            good.parse::<NatsServer>().unwrap();
        }
        for bad in [
            "nats://nats.example:4222",
            "tls://u:p@nats.example",
            "http://127.0.0.1",
            "",
            "ws://127.0.0.1",
        ] {
            bad.parse::<NatsServer>().unwrap_err();
        }
    }
}
