//! How a stream writes entries.
use std::sync::Arc;

use imp_delivery::Format as Writer;
use imp_events::Entry;
use imp_events::export::{Export, Format, Names, Source, atna};
use imp_identity::Clock;
use imp_identity::event::{Delivery, Outcome};
use serde_json::json;

use super::SetIssuer;

/// How a stream writes an entry. People are identifiers in every form: names stay in the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A signed security event token (RFC 8417).
    Set,
    /// The log's own record.
    Json,
    /// FHIR R4 `AuditEvent`.
    Fhir,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// Common Event Format.
    Cef,
    /// IHE ATNA: a DICOM audit message.
    Atna,
}

/// The text is not the code of a [`Form`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a form of events: set, json, fhir, ocsf, cef or atna is expected")]
pub struct InvalidForm;

impl std::str::FromStr for Form {
    type Err = InvalidForm;

    fn from_str(code: &str) -> Result<Self, InvalidForm> {
        Self::ALL.iter().copied().find(|form| form.code() == code).ok_or(InvalidForm)
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Form {
    /// Every form.
    pub const ALL: &[Self] =
        &[Self::Set, Self::Json, Self::Fhir, Self::Ocsf, Self::Cef, Self::Atna];

    /// The stable code, as stored and sent.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Json => "json",
            Self::Fhir => "fhir",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Atna => "atna",
        }
    }

    /// What a delivery writes when nobody says.
    pub const fn usual(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Push | Delivery::Poll => Self::Set,
            Delivery::Webhook | Delivery::Nats => Self::Json,
            Delivery::Syslog => Self::Atna,
        }
    }

    /// Whether the delivery can carry it.
    pub const fn fits(self, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Push | Delivery::Poll => matches!(self, Self::Set),
            Delivery::Webhook => matches!(self, Self::Json | Self::Fhir | Self::Ocsf),
            Delivery::Nats => !matches!(self, Self::Atna),
            Delivery::Syslog => {
                matches!(self, Self::Atna | Self::Cef | Self::Ocsf | Self::Json)
            }
        }
    }
}

/// What every form needs.
#[derive(Clone)]
pub(super) struct Scribe {
    pub(super) source: Source,
    pub(super) issuer: Arc<SetIssuer>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Scribe {
    /// Writes entries in a form, for a delivery and an audience.
    pub(super) fn writer(&self, form: Form, delivery: Delivery, audience: &str) -> Writer {
        let scribe = self.clone();
        let audience = audience.to_owned();
        Arc::new(move |entry| {
            let names = Names::default();
            let text = |format| line(entry, &scribe.source, format);
            let format = match form {
                Form::Set => {
                    let now = scribe.clock.now();
                    return Ok(scribe.issuer.entry(entry, &audience, now)?);
                }
                Form::Atna => {
                    let message = atna::syslog_message(entry, &scribe.source, &names);
                    return Ok(String::from_utf8(message)?);
                }
                Form::Json => Format::Json,
                Form::Fhir => Format::Fhir,
                Form::Ocsf => Format::Ocsf,
                Form::Cef => Format::Cef,
            };
            match (delivery, form) {
                (Delivery::Webhook, Form::Json) => payload(entry, &text(format)?),
                (Delivery::Syslog, _) => Ok(scribe.message(entry, &text(format)?)),
                (Delivery::Push | Delivery::Poll | Delivery::Webhook | Delivery::Nats, _) => {
                    Ok(text(format)?)
                }
            }
        })
    }

    /// A message of RFC 5424 around a text: facility "log audit" (13), severity "informational" or, for what was refused,
    /// "warning". `meta sequenceId` (§7.3.1) counts within 1 to 2147483647.
    fn message(&self, entry: &Entry, text: &str) -> String {
        let severity = match entry.record.event.outcome() {
            Some(Outcome::Refused) => 4,
            Some(Outcome::Accepted | Outcome::Abandoned) | None => 6,
        };
        let priority = 13 * 8 + severity;
        let sequence = entry.index % 0x7fff_ffff + 1;
        let kind: String = entry.record.event.name().chars().take(32).collect();
        let (at, host) = (entry.record.at, &self.source.host);
        format!(
            "<{priority}>1 {at:.6} {host} imp-server - {kind} [meta sequenceId=\"{sequence}\"] {text}"
        )
    }
}

fn line(
    entry: &Entry,
    source: &Source,
    format: Format,
) -> Result<String, std::string::FromUtf8Error> {
    let names = Names::default();
    let mut line = Export { format, source, names: &names }.line(entry);
    line.truncate(line.trim_ascii_end().len());
    String::from_utf8(line)
}

/// The payload that Standard Webhooks 1.0 recommends.
fn payload(
    entry: &Entry,
    record: &str,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let data: serde_json::Value = serde_json::from_str(record)?;
    let (kind, at) = (entry.record.event.name(), entry.record.at);
    Ok(json!({ "type": kind, "timestamp": at, "data": data }).to_string())
}
