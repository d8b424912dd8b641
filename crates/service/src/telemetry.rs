//! The log on stderr. It is for operators; the audit trail is the event log.
use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How the program reports what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// `text` for people, `json` for collectors.
    pub format: Format,
    /// What is reported, as in `info,imp_server=debug`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("`{0}` is not a log filter: something such as `info,imp_server=debug` is expected")]
    Filter(String),
    /// It was started before.
    #[error("the log is started already")]
    Started(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { format: Format::Text, filter: "info".to_owned() }
    }
}

impl Telemetry {
    /// Starts the log of this process on stderr. Once only.
    pub fn start(&self) -> Result<(), TelemetryError> {
        let filter = EnvFilter::try_new(&self.filter)
            .map_err(|_| TelemetryError::Filter(self.filter.clone()))?;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        let started = match self.format {
            Format::Text => lines.with_target(false).finish().try_init(),
            Format::Json => lines.json().flatten_event(true).finish().try_init(),
        };
        started.map_err(|error| TelemetryError::Started(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let telemetry = Telemetry { filter: "imp=loudly".to_owned(), ..Telemetry::default() };
        assert!(matches!(telemetry.start(), Err(TelemetryError::Filter(_))));
    }
}
