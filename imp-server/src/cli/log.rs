//! `log`
use clap::{Args, Subcommand};

use super::output::{self, Failure};
use crate::config::Config;
use crate::log;

mod erasure;
mod export;
mod receipt;
mod verify;

/// What about the log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the log's public key: what everybody needs who checks it.
    Key,
    /// Print the latest checkpoint: keep it, and check later that the log still leads to it.
    Checkpoint(Checkpoint),
    /// Export it for another system: FHIR, ATNA, OCSF, CEF, CSV or JSON, a line an entry.
    Export(export::Arguments),
    /// Check everything in the log, and say the first thing that is wrong.
    Verify(verify::Arguments),
    /// Check a receipt, or a proof that a reviewer was given.
    VerifyReceipt(receipt::Arguments),
    /// Ask that records be erased before their time; an auditor approves or refuses.
    Erase(erasure::Erase),
    /// List what was asked to be erased, and what became of it.
    Erasures(erasure::List),
}

/// Which checkpoint.
#[derive(Debug, Args)]
pub(super) struct Checkpoint {
    /// The latest that a witness cosigned, instead of the latest of all.
    #[arg(long)]
    cosigned: bool,
}

/// Runs it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    match command {
        Command::Key => key(config).await,
        Command::Checkpoint(which) => checkpoint(config, &which).await,
        Command::Export(arguments) => export::run(config, arguments).await,
        Command::Verify(arguments) => verify::run(&config, arguments).await,
        Command::VerifyReceipt(arguments) => receipt::run(&arguments),
        Command::Erase(asked) => erasure::erase(config, asked).await,
        Command::Erasures(list) => erasure::list(config, list).await,
    }
}

async fn key(config: Config) -> Result<(), Failure> {
    let app = super::open(config).await?;
    Ok(output::line(app.keys.log_key().verifier_key().to_string())?)
}

async fn checkpoint(config: Config, which: &Checkpoint) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let key = app.keys.log_key().verifier_key();
    let note = if which.cosigned {
        log::cosigned_checkpoint(&app.storage).await?
    } else {
        log::checkpoint(&app.storage, key).await?
    };
    let note = note.ok_or_else(|| output::failure("there is no such checkpoint yet"))?;
    // With its newline at the end: what is kept must be the note, byte for byte.
    Ok(output::text(&note)?)
}
