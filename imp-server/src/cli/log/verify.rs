//! `log verify`
use std::path::PathBuf;

use clap::Args;
use imp_translog::VerifierKey;

use crate::ca::Keys;
use crate::cli::output::{self, Failure, failure};
use crate::config::Config;
use crate::outside::Outside;
use crate::verify::{Cosigned, Expectation, Sound, open, verify_database, verify_remote};

/// Where the log is, and what to hold it against.
///
/// In a database everything is checked: each record against its commitment, each derived column against its record, each
/// erased record against the entry that says so, all tiles, the head, the latest checkpoint and those that are stored. The
/// database is only read, so that a backup copy stays as it is. Over HTTP the same is checked of what an outsider sees:
/// commitments, tiles, checkpoints. The first thing that is wrong ends the check with status 1.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Check this database, such as a backup: sqlite:FILE or postgres://…; the configured one unless said otherwise.
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    database: Option<String>,
    /// Check the log that this server shows, such as <https://imp.example:8443>. Its TLS certificate need not be trusted and
    /// is not checked: only the holder of the log's key could have signed what counts.
    #[arg(long, value_name = "URL", requires = "key")]
    url: Option<String>,
    /// The log's public key, as `imp-server log key` prints it; without it, that of the keys in the data folder.
    #[arg(long, value_name = "VKEY")]
    key: Option<VerifierKey>,
    /// A checkpoint that was kept: the log must still lead to it.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Public key of a witness that must have cosigned; several are possible.
    #[arg(long = "witness", value_name = "VKEY")]
    witnesses: Vec<VerifierKey>,
    /// Write the checkpoint that was found sound into this file, for the next --since.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

/// Checks, and says what was found.
pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<(), Failure> {
    let log = match arguments.key {
        Some(key) => key,
        None => own_key(config)?,
    };
    let since = arguments.since.as_deref().map(std::fs::read_to_string).transpose()?;
    let expectation = Expectation { log, since, witnesses: arguments.witnesses };
    let sound = if let Some(url) = &arguments.url {
        verify_remote(url, &Outside::new()?, &expectation).await?
    } else {
        let url = arguments.database.unwrap_or_else(|| config.storage_url());
        let storage = open(&url, &config.storage_options()).await?;
        let sound = verify_database(&storage, &expectation).await;
        storage.close().await;
        sound?
    };
    if let Some(file) = &arguments.keep {
        std::fs::write(file, &sound.checkpoint)?;
    }
    Ok(report(&expectation.log, &sound)?)
}

/// The key in the data folder, if there is one: a check creates nothing.
fn own_key(config: &Config) -> Result<VerifierKey, Failure> {
    let missing =
        || failure("name the log's public key with --key: there are no keys in the data folder");
    if !config.data.join(crate::ca::DIRECTORY).is_dir() {
        return Err(missing());
    }
    let keys = Keys::open(config, crate::cli::clock().now(), &mut crate::app::rng())?;
    Ok(keys.log_key().verifier_key().clone())
}

fn report(log: &VerifierKey, sound: &Sound) -> std::io::Result<()> {
    let Sound { size, root, erased, tiles, checkpoints, .. } = sound;
    output::line(format!("the log {} is sound", log.name()))?;
    output::line(format!("  {size} entries, root {root}"))?;
    match erased {
        Some(erased) => output::line(format!("  {erased} records erased, each as the log says"))?,
        None => output::line(
            "  records are not shown to outsiders: only their commitments were checked",
        )?,
    }
    output::line(format!("  {tiles} tiles and {checkpoints} checkpoints compared"))?;
    for Cosigned { witness, size, time } in &sound.cosigned {
        let at = i64::try_from(*time).ok().and_then(|time| jiff::Timestamp::from_second(time).ok());
        let at = at.map_or_else(|| time.to_string(), |at| at.to_string());
        output::line(format!("  {witness} cosigned {size} entries at {at}"))?;
    }
    Ok(())
}
