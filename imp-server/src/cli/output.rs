//! Printing.
use std::error::Error;
use std::io::{self, Write as _};

use serde::Serialize;

/// Why a command failed, for stderr.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// A line on stdout.
pub(super) fn line(text: impl AsRef<str>) -> io::Result<()> {
    writeln!(io::stdout(), "{}", text.as_ref())
}

/// A text on stdout, byte for byte.
pub(super) fn text(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// A document on stdout.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(line(text)?)
}

/// A document on one line of stdout.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)?;
    Ok(line(text)?)
}

/// A failure with its causes on stderr.
pub(super) fn report(failure: &Failure) {
    let mut text = format!("error: {failure}\n");
    let mut cause = failure.source();
    while let Some(error) = cause {
        text.extend(["  because ", &error.to_string(), "\n"]);
        cause = error.source();
    }
    // Nobody is left to tell when stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A remark on stderr, beside what is printed.
pub(super) fn note(text: impl AsRef<str>) -> io::Result<()> {
    writeln!(io::stderr(), "{}", text.as_ref())
}

/// Something that this command cannot do, in words.
pub(super) fn failure(text: impl Into<String>) -> Failure {
    text.into().into()
}
