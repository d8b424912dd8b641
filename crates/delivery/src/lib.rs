//! Ways out: where events are delivered to, and what carries messages to people. Input and output, no tables.
//!
//! A delivery is a [`Consumer`](imp_events::Consumer): it is shown the log's entries in order, at least once, and says for
//! each failure whether trying again can help. What it writes is its [`Subscription`]'s to decide.
pub mod applications;
pub mod http;
pub mod message;
pub mod nats;
pub mod push;
pub mod reach;
pub mod smtp;
pub mod subscription;
pub mod syslog;
pub mod tls;
pub mod webhook;

pub use applications::{Applications, FetchError, Voucher};
pub use http::{Endpoint, HttpSetupError, InvalidEndpoint};
pub use message::{Message, Messenger, Recipient, SendError};
pub use nats::{Nats, NatsLogin, NatsServer, NatsSettings, NatsSetupError};
pub use push::{Push, PushSettings, PushSetupError};
pub use reach::{Inside, InvalidNetwork, Network, Reach};
pub use smtp::{Encryption, Smtp, SmtpSettings, SmtpSetupError};
pub use subscription::{Format, Kinds, Subscription, is_for_another};
pub use syslog::{Syslog, SyslogSettings, SyslogSetupError};
pub use tls::{TlsIdentity, TlsSettings, TlsSetupError};
pub use webhook::{InvalidWebhookSecret, Webhook, WebhookSecret, WebhookSettings};
