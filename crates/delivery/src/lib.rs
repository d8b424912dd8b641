//! Ways out: where events are delivered to, and what carries messages to people. Input and output, no tables.
pub mod message;
pub mod smtp;
pub mod tls;

pub use message::{Message, Messenger, Recipient, SendError};
pub use smtp::{Encryption, Smtp, SmtpSettings, SmtpSetupError};
pub use tls::{TlsIdentity, TlsSettings, TlsSetupError};
