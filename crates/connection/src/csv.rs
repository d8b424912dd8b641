//! The matrix as a table: `id,from,to,protocol,ports,purpose,until`, a rule a line (RFC 4180).
use std::fmt;

use ::csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use jiff::Timestamp;

use crate::policy::{MAX_BYTES, MAX_RULES, Policy, PolicyError};
use crate::rule::{Rule, RuleId};

/// The columns. A file may have them in another order, and may leave out `id` and `until`.
pub const COLUMNS: [&str; 7] = ["id", "from", "to", "protocol", "ports", "purpose", "until"];
/// The most faults that are listed.
const MOST_FAULTS: usize = 100;

/// The table is no policy.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// It is longer than any policy.
    #[error("the table is longer than {MAX_BYTES} bytes or {MAX_RULES} rules")]
    Long,
    /// The header is not what is expected.
    #[error("the first line must name the columns {}; {what}", COLUMNS.join(", "))]
    Header {
        /// What is wrong.
        what: String,
    },
    /// Lines have faults.
    #[error("the table has faults:{}", listed(.0))]
    Lines(Vec<Fault>),
    /// The rules make no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which line of the text, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

/// Reads a table. Every fault is named, up to a hundred.
pub fn read(table: &str) -> Result<Vec<Rule>, CsvError> {
    if table.len() > MAX_BYTES {
        return Err(CsvError::Long);
    }
    // Spreadsheets begin with the mark of UTF-8.
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    let mut reader = ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(table.as_bytes());
    let header = reader.headers().map_err(|error| CsvError::Header { what: error.to_string() })?;
    let places = places(header)?;
    let (mut rules, mut faults) = (vec![], vec![]);
    for (count, record) in reader.records().enumerate() {
        if count >= MAX_RULES {
            return Err(CsvError::Long);
        }
        let read = record
            .map_err(|error| Fault {
                line: error.position().map_or(0, ::csv::Position::line),
                what: error.to_string(),
            })
            .and_then(|record| rule(&record, &places));
        match read {
            Ok(rule) => rules.push(rule),
            Err(fault) => faults.push(fault),
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(rules) } else { Err(CsvError::Lines(faults)) }
}

/// Writes the rules, by their names.
pub fn write(policy: &Policy) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(vec![]);
    // Writing to memory cannot fail, and every line has seven fields.
    let _ = writer.write_record(COLUMNS);
    for Rule { id, from, to, protocol, ports, purpose, until } in policy.rules() {
        let until = until.map(|until| until.to_string()).unwrap_or_default();
        let _ = writer.write_record([
            id.as_str(),
            &from.to_string(),
            &to.to_string(),
            protocol.code(),
            &ports.to_string(),
            purpose.as_str(),
            &until,
        ]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// The place of each of [`COLUMNS`] in a line.
fn places(header: &StringRecord) -> Result<[Option<usize>; 7], CsvError> {
    let wrong = |what: String| Err(CsvError::Header { what });
    for name in header {
        if !COLUMNS.contains(&name) {
            return wrong(format!("`{name}` is none of them"));
        }
        if header.iter().filter(|other| *other == name).count() > 1 {
            return wrong(format!("`{name}` stands there twice"));
        }
    }
    let places = COLUMNS.map(|name| header.iter().position(|other| other == name));
    for (name, place) in COLUMNS.iter().zip(places) {
        if place.is_none() && *name != "id" && *name != "until" {
            return wrong(format!("`{name}` is missing"));
        }
    }
    Ok(places)
}

fn rule(record: &StringRecord, places: &[Option<usize>; 7]) -> Result<Rule, Fault> {
    let line = record.position().map_or(0, ::csv::Position::line);
    let [id, from, to, protocol, ports, purpose, until] =
        places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default());
    let fault = |column: &'static str| {
        move |error: &dyn fmt::Display| Fault { line, what: format!("{column}: {error}") }
    };
    let from = from.parse().map_err(|error| fault("from")(&error))?;
    let to = to.parse().map_err(|error| fault("to")(&error))?;
    let protocol = protocol.parse().map_err(|error| fault("protocol")(&error))?;
    let ports = ports.parse().map_err(|error| fault("ports")(&error))?;
    let purpose = purpose.parse().map_err(|error| fault("purpose")(&error))?;
    let until: Option<Timestamp> = match until {
        "" => None,
        until => Some(until.parse().map_err(|error| fault("until")(&error))?),
    };
    let id = match id {
        "" => RuleId::derived(&from, &to, protocol, ports),
        id => id.parse().map_err(|error| fault("id")(&error))?,
    };
    Ok(Rule { id, from, to, protocol, ports, purpose, until })
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    lines.concat()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}
