//! `policy`: the hospital's policy of taps and sessions (`show`, `set`), and the authorization policies of who may do what.
use std::io::Read as _;
use std::path::PathBuf;

use clap::Subcommand;
use imp_identity::policy::Policy;

use super::account;
use super::output::{self, Failure, failure};
use crate::app;
use crate::command;
use crate::config::Config;

mod access;

/// The largest policy that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the policy in force, in JSON.
    Show,
    /// Put an edited policy in force. Its `version` is that of the one that was edited.
    Set {
        /// A file in JSON, or `-` for stdin.
        file: PathBuf,
    },
    /// Read and check the authorization policies of a folder.
    Check {
        /// The folder of `*.cedar` files.
        folder: PathBuf,
    },
    /// Ask every case of the authorization policies, and name the operations without one.
    Test {
        /// The folder of `*.cedar` and `*.toml` files; the configured one, or what is shipped, unless said otherwise.
        folder: Option<PathBuf>,
    },
    /// Print the schema that authorization policies are checked against.
    Schema,
    /// Write the shipped authorization policies and cases into a folder, to be edited.
    Write {
        /// A new folder.
        folder: PathBuf,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    match command {
        Command::Show => {
            let app = super::open(config).await?;
            output::json(&command::current_policy(&app.storage).await?)
        }
        Command::Set { file } => set(config, &file).await,
        Command::Check { folder } => access::check(&folder),
        Command::Test { folder } => access::test(&config, folder),
        Command::Schema => access::schema(),
        Command::Write { folder } => access::write(&folder),
    }
}

async fn set(config: Config, file: &PathBuf) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let policy = read(file)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let policy = command::set_policy(context, account::operator(), policy).await?;
    Ok(output::line(format!("policy version {} is in force", policy.version))?)
}

fn read(file: &PathBuf) -> Result<Policy, Failure> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)?;
    } else {
        let named = |error| failure(format!("{} cannot be read: {error}", file.display()));
        let opened = std::fs::File::open(file).map_err(named)?;
        opened.take(LARGEST).read_to_string(&mut text).map_err(named)?;
    }
    serde_json::from_str(&text)
        .map_err(|error| failure(format!("{} is not a policy: {error}", file.display())))
}
