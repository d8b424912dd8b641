//! Messages to people, and what can carry them.
use std::fmt;

use async_trait::async_trait;
use imp_identity::name::Email;
use jiff::Timestamp;

/// The longest subject, in characters.
const SUBJECT: usize = 200;
/// The longest text, in bytes.
const TEXT: usize = 64 * 1024;

/// Carries messages to people.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Hands the message on. `Ok` means that the next hop has taken it, not that somebody has read it.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}

/// A message to one person.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same each time that this message is sent: with it, a receiver drops a second copy.
    /// ASCII letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// Whom it is for.
    pub to: Recipient,
    /// One line, at most 200 characters.
    pub subject: String,
    /// Plain text, at most 64 KiB.
    pub text: String,
}

/// Whom a message is for. Not printed: addresses never reach a log line.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where.
    pub address: Email,
    /// As the message calls her.
    pub name: Option<String>,
}

/// The message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The message breaks a bound; it will never be taken.
    #[error("the message cannot be sent: {0}")]
    Message(&'static str),
    /// The next hop refuses this message for good (SMTP 5yz). Its text is left out: it may name the recipient.
    #[error("the mail server refuses the message with code {code}")]
    Refused {
        /// The reply code.
        code: u16,
    },
    /// It may be taken later.
    #[error("the mail server cannot be reached or does not take the message now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SendError {
    /// Whether the same message may be taken later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Message {
    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), SendError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if self.id.is_empty() || self.id.len() > 128 || !self.id.bytes().all(plain) {
            return Err(SendError::Message(
                "its id is not 1 to 128 letters, digits, `.`, `_`, `-`",
            ));
        }
        if self.subject.chars().count() > SUBJECT || self.subject.chars().any(char::is_control) {
            return Err(SendError::Message(
                "its subject is not one line of at most 200 characters",
            ));
        }
        if self.text.len() > TEXT {
            return Err(SendError::Message("its text is longer than 64 KiB"));
        }
        let name = self.to.name.as_deref().unwrap_or_default();
        if name.len() > 512 || name.chars().any(char::is_control) {
            return Err(SendError::Message(
                "the recipient's name is too long or has control characters",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_beyond_a_bound_are_refused() {
        let to = Recipient { address: "ada@x.example".parse().unwrap(), name: None };
        let message = Message {
            id: "1".to_owned(),
            written_at: Timestamp::UNIX_EPOCH,
            to,
            subject: "Hello".to_owned(),
            text: String::new(),
        };
        message.check().unwrap();
        Message { subject: "a\r\nBcc: x".to_owned(), ..message.clone() }.check().unwrap_err();
        Message { text: "a".repeat(TEXT + 1), ..message.clone() }.check().unwrap_err();
        Message { id: "1>".to_owned(), ..message.clone() }.check().unwrap_err();
        assert!(!format!("{message:?}").contains("ada"));
    }
}
