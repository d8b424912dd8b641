//! Entries of the log in the languages of other systems.
//!
//! Every format takes one [`Entry`] to one line, so that a file can be cut and continued at any line: there is nothing to
//! close. Who may see names of people decides the [`Names`] that are given; identifiers stand in every line.
use std::fmt;
use std::str::FromStr;

use imp_identity::spiffe::TrustDomain;

use crate::entry::Entry;

pub mod atna;
mod cef;
mod csv;
mod fhir;
mod json;
mod names;
mod ocsf;
#[cfg(test)]
mod tests;
mod view;

pub use names::{Mentioned, Names, Person};
use view::View;

/// A language of another system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// FHIR R4 `AuditEvent` as IHE BALP has it, one resource a line (NDJSON).
    Fhir,
    /// IHE ATNA ITI-20: DICOM audit messages (PS3.15 A.5) in syslog messages (RFC 5424), one a line.
    Atna,
    /// Open Cybersecurity Schema Framework 1.8, one event a line (NDJSON).
    Ocsf,
    /// Common Event Format, one event a line.
    Cef,
    /// Comma-separated values (RFC 4180) with a header line.
    Csv,
    /// The log's own records, one entry a line (NDJSON).
    Json,
}

/// Not the name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an export format: fhir, atna, ocsf, cef, csv or json is expected")]
pub struct UnknownFormat;

/// Where the events come from: what every message says of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The organisation, as certificates name it.
    pub trust_domain: TrustDomain,
    /// The host name of the server.
    pub host: String,
    /// The site or department in which it stands, if that was said.
    pub site: Option<String>,
    /// The version of the server.
    pub version: String,
}

impl Source {
    /// Names the log, in whose order the indexes are.
    fn log(&self) -> String {
        format!("urn:imp:log:{}", self.trust_domain)
    }

    /// Names the server itself.
    fn server(&self) -> String {
        format!("spiffe://{}", self.trust_domain)
    }
}

/// Writes entries in one format.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The language.
    pub format: Format,
    /// The sender.
    pub source: &'a Source,
    /// The names that the reader may see.
    pub names: &'a Names,
}

impl Export<'_> {
    /// What stands before the first line of a file: a header line, or nothing.
    pub fn head(&self) -> Vec<u8> {
        match self.format {
            Format::Csv => csv::head(),
            Format::Fhir | Format::Atna | Format::Ocsf | Format::Cef | Format::Json => Vec::new(),
        }
    }

    /// The entry as one line, with its end. A line never contains another line break.
    pub fn line(&self, entry: &Entry) -> Vec<u8> {
        let view = View::new(entry, self.source, self.names);
        match self.format {
            Format::Fhir => ended(fhir::audit_event(&view).to_string().into_bytes()),
            Format::Ocsf => ended(ocsf::event(&view).to_string().into_bytes()),
            Format::Json => ended(json::entry(&view).to_string().into_bytes()),
            Format::Cef => ended(cef::event(&view).into_bytes()),
            Format::Csv => csv::row(&view),
            Format::Atna => ended(atna::message_of(&view)),
        }
    }
}

fn ended(mut line: Vec<u8>) -> Vec<u8> {
    line.push(b'\n');
    line
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Fhir, Self::Atna, Self::Ocsf, Self::Cef, Self::Csv, Self::Json];

    /// The name in requests and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fhir => "fhir",
            Self::Atna => "atna",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The media type of a file.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Fhir => "application/fhir+ndjson",
            Self::Ocsf | Self::Json => "application/x-ndjson",
            Self::Atna | Self::Cef => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.name() == text).ok_or(UnknownFormat)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
