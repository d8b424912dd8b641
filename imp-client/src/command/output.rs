//! What is printed. A reader that has gone is no reason to fail.
use std::error::Error;
use std::io::Write as _;

use serde::Serialize;

use super::Failure;

/// Prints a line.
pub(crate) fn say(line: &str) {
    let _reader_gone = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints JSON.
pub(crate) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a line for whoever looks for errors.
pub(crate) fn complain(line: &str) {
    let _reader_gone = writeln!(std::io::stderr().lock(), "imp-client: {line}");
}

/// Prints an error and its causes.
pub(crate) fn complain_with_causes(error: &(dyn Error + 'static)) {
    complain(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let _reader_gone = writeln!(std::io::stderr().lock(), "  because: {error}");
        cause = error.source();
    }
}

/// Microseconds as people read them.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}
