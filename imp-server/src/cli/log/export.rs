//! `log export`
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use imp_events::export::Format;

use super::super::account;
use super::super::events::Which;
use super::super::output::{self, Failure};
use crate::app;
use crate::command::{self, ExportLog};
use crate::config::Config;

mod file;

use file::{ExportFile, Heading};

/// What is exported, and where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// fhir, atna, ocsf, cef, csv or json.
    #[arg(long)]
    format: Format,
    #[command(flatten)]
    which: Which,
    /// Only entries after this index: where an earlier export ended.
    #[arg(long, value_name = "INDEX")]
    after: Option<u64>,
    /// Name people, and include texts that they wrote. Without this, people are identifiers.
    #[arg(long)]
    names: bool,
    /// Write to this file. If an export of the same kind was begun there, it is continued where it ended, however it ended.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Exports. That it was exported is itself an entry.
pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), Failure> {
    let app = super::super::open(config).await?;
    let Arguments { format, which, after, names, out } = arguments;
    let question = which.question(&app).await?;
    let heading = Heading { format: format.to_string(), names, question: question.to_json() };
    let mut file = out.map(|path| ExportFile::open(&path, &heading, after)).transpose()?;
    let after = file.as_ref().map_or(after, ExportFile::after);
    let order = ExportLog { format, question, after, names };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let actor = account::operator();
    let mut export = command::export_log(context, &actor, app.source(), order).await?;
    // A file that is continued has its header line.
    if file.as_ref().is_none_or(ExportFile::is_empty) {
        write(&mut file, &export.head(), None)?;
    }
    while let Some(piece) = export.next().await? {
        write(&mut file, &piece.lines, Some(piece.after))?;
    }
    if let Some(after) = export.complete_after() {
        output::note(format!("The next export begins after {after}."))?;
    }
    Ok(())
}

fn write(file: &mut Option<ExportFile>, lines: &[u8], after: Option<u64>) -> Result<(), Failure> {
    match file {
        Some(file) => Ok(file.append(lines, after)?),
        None => Ok(io::stdout().write_all(lines)?),
    }
}
