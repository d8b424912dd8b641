//! `[notices]`: telling people the same day what was done in their names.
use std::fs;
use std::path::PathBuf;

use imp_delivery::{Encryption, Smtp, SmtpSettings, SmtpSetupError};
use imp_identity::Secret;
use imp_identity::name::Email;
use jiff::civil::Time;
use serde::{Deserialize, Deserializer};

/// The largest file that is read here, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Notices of the day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// From when on they are made, by the clock of the policy's time zone.
    #[serde(deserialize_with = "time")]
    pub at: Time,
    /// The mail server; without it, notices wait on the phones.
    pub mail: Option<Mail>,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name, as its certificate says.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// `tls`, `starttls`, or `none` for a server on this machine.
    #[serde(default)]
    pub encryption: Encryption,
    /// Who logs in.
    #[serde(default)]
    pub username: Option<String>,
    /// The file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The file of the certificate authority, in PEM; without it, the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The sender's address.
    pub from: Email,
    /// The sender's name.
    #[serde(default)]
    pub from_name: Option<String>,
}

/// Mail cannot be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings contradict each other.
    #[error("[notices.mail] cannot be used")]
    Settings(#[from] SmtpSetupError),
}

impl Default for Notices {
    fn default() -> Self {
        Self { at: Time::constant(20, 0, 0, 0), mail: None }
    }
}

impl Mail {
    /// The mail server, with its password and authority read from their files. Nothing is sent yet.
    pub(crate) fn open(&self) -> Result<Smtp, MailError> {
        let password = self.password_file.as_ref().map(read).transpose()?;
        let password = password.map(|text| Secret::new(text.trim_end().to_owned()));
        let ca = self.ca_file.as_ref().map(read).transpose()?;
        Ok(Smtp::new(&SmtpSettings {
            server: self.server.clone(),
            port: self.port,
            encryption: self.encryption,
            username: self.username.clone(),
            password,
            ca,
            from: self.from.clone(),
            from_name: self.from_name.clone(),
        })?)
    }
}

fn read(path: &PathBuf) -> Result<String, MailError> {
    let failed = |source| MailError::File { path: path.clone(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    fs::read_to_string(path).map_err(failed)
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    let text = String::deserialize(from)?;
    Time::strptime("%H:%M", &text)
        .map_err(|_| serde::de::Error::custom("notices.at must be a time such as \"20:00\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(extra: &str) -> Result<Notices, toml::de::Error> {
        toml::from_str(&format!(
            "at = \"19:30\"\n[mail]\nserver = \"localhost\"\nport = 2525\nfrom = \"imp@hospital.example\"\n{extra}"
        ))
    }

    #[test]
    fn a_password_comes_from_a_file_and_needs_its_user() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2\n").unwrap();
        let with = |more: &str| format!("password_file = \"{}\"\n{more}", file.path().display());
        let notices = mail(&with("username = \"imp\"")).unwrap();
        assert_eq!(notices.at, Time::constant(19, 30, 0, 0));
        notices.mail.unwrap().open().unwrap();
        let error = mail(&with("")).unwrap().mail.unwrap().open().err().unwrap();
        assert!(matches!(error, MailError::Settings(SmtpSetupError::Credentials)), "{error}");
        let error = mail("password_file = \"/nonexistent\"\nusername = \"imp\"").unwrap();
        let error = error.mail.unwrap().open().err().unwrap();
        assert_eq!(error.to_string(), "/nonexistent cannot be read");
    }

    #[test]
    fn mail_without_tls_stays_on_this_machine() {
        mail("encryption = \"none\"").unwrap().mail.unwrap().open().unwrap();
        let far = "encryption = \"none\"";
        let mut far = mail(far).unwrap().mail.unwrap();
        far.server = "mail.hospital.example".to_owned();
        let error = far.open().err().unwrap();
        assert!(matches!(error, MailError::Settings(SmtpSetupError::Clear)), "{error}");
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let error = toml::from_str::<Notices>("at = \"25:00\"").unwrap_err();
        assert!(error.to_string().contains("notices.at must be a time"), "{error}");
    }
}
