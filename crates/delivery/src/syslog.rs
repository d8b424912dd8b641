//! Syslog over TLS (RFC 5425): each message with its length in front, on one connection that is opened again when it
//! breaks.
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use imp_events::{ConsumeError, Consumer, Entry};
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::subscription::Subscription;
use crate::tls::{TlsSettings, TlsSetupError};
use connection::Connection;
use unconfirmed::Unconfirmed;

mod connection;
mod unconfirmed;

/// The longest wait for a batch to be written.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest message that can be asked for, in bytes.
const LARGEST: u32 = 64 * 1024;

/// Where messages are sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    /// The receiver's name or address, as its certificate says.
    pub server: String,
    /// Its port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The longest message that the receiver takes whole, in bytes, 480 to 65536: a longer one is set aside, not cut.
    /// RFC 5425 §4.3.1 asks receivers for 8192.
    #[serde(default = "default_largest")]
    pub largest: u32,
    /// Whom to trust, and the certificate to show.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// Messages cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SyslogSetupError {
    /// It cannot stand in a certificate.
    #[error("the receiver's name is neither a DNS name nor an IP address")]
    Server(#[from] InvalidDnsNameError),
    /// The bound is not one.
    #[error("the largest message must be between 480 and 65536 bytes")]
    Largest,
    /// See the source.
    #[error("TLS cannot be set up for syslog")]
    Tls(#[from] TlsSetupError),
}

/// A syslog receiver. The format must give a message of RFC 5424.
pub struct Syslog {
    subscription: Subscription,
    settings: SyslogSettings,
    name: ServerName<'static>,
    connector: TlsConnector,
    wire: Mutex<Wire>,
}

#[derive(Default)]
struct Wire {
    connection: Option<Connection>,
    unconfirmed: Unconfirmed,
}

impl Syslog {
    /// Checks the settings. Nothing is sent yet.
    pub fn new(
        subscription: Subscription,
        settings: SyslogSettings,
    ) -> Result<Self, SyslogSetupError> {
        if !(480..=LARGEST).contains(&settings.largest) {
            return Err(SyslogSetupError::Largest);
        }
        let name = ServerName::try_from(settings.server.clone())?;
        let connector = TlsConnector::from(Arc::new(settings.tls.client()?));
        Ok(Self { subscription, settings, name, connector, wire: Mutex::default() })
    }

    /// All frames of a batch: what cannot be written is found before anything is sent.
    fn frames(&self, batch: &[Entry]) -> Result<Vec<Vec<u8>>, ConsumeError> {
        let mut frames = Vec::with_capacity(batch.len());
        for entry in batch {
            let Some(message) = self.subscription.write(entry)? else { continue };
            if message.len() > self.settings.largest as usize {
                let why = format!("{} bytes are more than the receiver takes", message.len());
                return Err(ConsumeError::Poison { index: entry.index, why });
            }
            frames.push(frame(&message));
        }
        Ok(frames)
    }

    async fn send(&self, wire: &mut Wire, frames: Vec<Vec<u8>>) -> io::Result<()> {
        if let Some(connection) = &mut wire.connection
            && connection.is_closed().await
        {
            wire.connection = None;
        }
        // Taken out, so that a connection on which this fails or is given up is never written to again.
        let mut connection = if let Some(connection) = wire.connection.take() {
            connection
        } else {
            let (name, port) = (&self.settings.server, self.settings.port);
            let mut opened =
                Connection::open(&self.connector, self.name.clone(), name, port).await?;
            for frame in wire.unconfirmed.iter() {
                opened.stream().write_all(frame).await?;
            }
            opened
        };
        for frame in &frames {
            connection.stream().write_all(frame).await?;
        }
        connection.stream().flush().await?;
        wire.unconfirmed.extend(frames);
        wire.connection = Some(connection);
        Ok(())
    }
}

#[async_trait]
impl Consumer for Syslog {
    fn name(&self) -> &str {
        &self.subscription.name
    }

    fn wants(&self, kind: &str) -> bool {
        self.subscription.kinds.contain(kind)
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        let frames = self.frames(batch)?;
        let mut wire = self.wire.lock().await;
        let sent = tokio::time::timeout(PATIENCE, self.send(&mut wire, frames)).await;
        sent.map_err(ConsumeError::retry)?.map_err(|error| ConsumeError::retry(causes(&error)))
    }
}

/// Octet counting (RFC 5425 §4.3).
fn frame(message: &str) -> Vec<u8> {
    let mut frame = format!("{} ", message.len()).into_bytes();
    frame.extend_from_slice(message.as_bytes());
    frame
}

fn causes(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}

const fn default_port() -> u16 {
    6514
}

const fn default_largest() -> u32 {
    8192
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_octets_not_characters() {
        assert_eq!(frame("<13>1 é"), "8 <13>1 é".as_bytes());
    }
}
