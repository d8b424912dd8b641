//! Messages by e-mail: SMTP submission (RFC 5321, 6409) over TLS.
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use imp_identity::Secret;
use imp_identity::name::Email;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;

use crate::message::{Message, Messenger, SendError};

/// The longest wait for the mail server, a command.
const PATIENCE: Duration = Duration::from_secs(20);

/// How mail is handed on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Name of the mail server, as its certificate says.
    pub server: String,
    /// Its port: by custom 465 for [`Encryption::Tls`], 587 for [`Encryption::StartTls`].
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// Who logs in; without it, nobody does.
    #[serde(default)]
    pub username: Option<String>,
    /// Her password.
    #[serde(default)]
    pub password: Option<Secret<String>>,
    /// Trusted instead of the system's certificate authorities, in PEM.
    #[serde(default)]
    pub ca: Option<String>,
    /// The sender.
    pub from: Email,
    /// As the messages call the sender.
    #[serde(default)]
    pub from_name: Option<String>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first byte (RFC 8314 §3.3).
    #[default]
    Tls,
    /// STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// None: accepted for a server on this machine only.
    None,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSetupError {
    /// Passwords and messages would cross a network in clear.
    #[error("mail without TLS goes to a server on this machine only (127.0.0.1, ::1, localhost)")]
    Clear,
    /// A password without its user, or the reverse.
    #[error("a username and a password belong together")]
    Credentials,
    /// The sender's address is not one.
    #[error("the sender's address is not one of RFC 5321")]
    Sender,
    /// The certificate authority cannot be read, or TLS cannot be set up.
    #[error("TLS cannot be set up for mail")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Checks the settings. Nothing is sent yet.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpSetupError> {
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.server.as_str())
                .port(settings.port)
                .timeout(Some(PATIENCE))
                .tls(tls(settings)?);
        builder = match (&settings.username, &settings.password) {
            (Some(user), Some(password)) => {
                builder.credentials(Credentials::new(user.clone(), password.expose().clone()))
            }
            (None, None) => builder,
            (Some(_), None) | (None, Some(_)) => return Err(SmtpSetupError::Credentials),
        };
        let from = address(&settings.from).ok_or(SmtpSetupError::Sender)?;
        let from = Mailbox::new(settings.from_name.clone(), from);
        Ok(Self { transport: builder.build(), from })
    }
}

#[async_trait]
impl Messenger for Smtp {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = self.mail(message)?;
        let answer = tokio::time::timeout(PATIENCE * 3, self.transport.send(mail)).await;
        match answer.map_err(|elapsed| SendError::Unavailable(elapsed.into()))? {
            Ok(_) => Ok(()),
            Err(error) => match error.status() {
                Some(code) if error.is_permanent() => {
                    Err(SendError::Refused { code: u16::from(code) })
                }
                // The reply's text may name the recipient.
                Some(code) => Err(SendError::Unavailable(format!("reply {code}").into())),
                None => Err(SendError::Unavailable(error.into())),
            },
        }
    }
}

impl Smtp {
    fn mail(&self, message: &Message) -> Result<lettre::Message, SendError> {
        message.check()?;
        let to = address(&message.to.address);
        let to = to.ok_or(SendError::Message("the recipient's address is not one of RFC 5321"))?;
        let to = Mailbox::new(message.to.name.clone(), to);
        let domain = self.from.email.domain();
        lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&message.subject)
            .date(SystemTime::from(message.written_at))
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            // A machine wrote it: no holiday replies (RFC 3834 §5).
            .raw_header(lettre::message::header::HeaderValue::new(
                lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|_| SendError::Message("its headers cannot be written"))
    }
}

fn address(email: &Email) -> Option<lettre::Address> {
    email.expose().parse().ok()
}

fn tls(settings: &SmtpSettings) -> Result<Tls, SmtpSetupError> {
    let local = ["127.0.0.1", "::1", "localhost"].contains(&settings.server.as_str());
    if settings.encryption == Encryption::None {
        return if local { Ok(Tls::None) } else { Err(SmtpSetupError::Clear) };
    }
    let mut parameters = TlsParameters::builder(settings.server.clone());
    if let Some(ca) = &settings.ca {
        let certificate = Certificate::from_pem(ca.as_bytes()).map_err(SmtpSetupError::Tls)?;
        parameters =
            parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    let parameters = parameters.build().map_err(SmtpSetupError::Tls)?;
    Ok(match settings.encryption {
        Encryption::StartTls => Tls::Required(parameters),
        Encryption::Tls | Encryption::None => Tls::Wrapper(parameters),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmtpSettings {
        SmtpSettings {
            server: "mail.hospital.example".to_owned(),
            port: 465,
            encryption: Encryption::Tls,
            username: None,
            password: None,
            ca: None,
            from: "imp@hospital.example".parse().unwrap(),
            from_name: Some("IMP".to_owned()),
        }
    }

    #[test]
    fn nothing_crosses_a_network_in_clear() {
        let clear = SmtpSettings { encryption: Encryption::None, ..settings() };
        assert!(matches!(Smtp::new(&clear), Err(SmtpSetupError::Clear)));
        Smtp::new(&SmtpSettings { server: "127.0.0.1".to_owned(), ..clear }).map(drop).unwrap();
        let half = SmtpSettings { username: Some("imp".to_owned()), ..settings() };
        assert!(matches!(Smtp::new(&half), Err(SmtpSetupError::Credentials)));
    }
}
