//! What can be asked for on the command line, a file a command.
mod agent;
mod break_glass;
mod doctor;
mod enrol;
mod gateway;
mod journal;
mod m2m;
mod machine;
pub(crate) mod output;
mod setup;
mod status;
mod tap;
mod token;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use imp_client::config::InvalidConfig;
use imp_client::state::StateError;
use imp_client::{ClientConfig, StateDirectory};
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;

use crate::face::{self, FaceCommand, FaceError};

/// What `main` is given.
#[derive(Parser)]
#[command(
    name = "imp-client",
    version,
    about = "The workstation's agent of IMP, and what it can be asked for"
)]
pub(crate) struct Arguments {
    /// The agent's folder.
    #[arg(long, global = true, default_value = "/var/lib/imp-client")]
    state: PathBuf,
    /// The configuration; `client.toml` in the agent's folder, or /etc/imp/client.toml, if absent.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service: hears phones, runs taps, keeps who is signed in.
    Agent,
    /// Tap: sign in, unlock, confirm or sign out with phone and face.
    Tap(tap::Tap),
    /// Enter in an emergency, without the usual proof: a second person vouches, or an auditor reviews it.
    BreakGlass(break_glass::BreakGlass),
    /// Print a token with which an application of this desktop knows who is at work.
    Token(token::Token),
    /// Lock the desktop.
    Lock {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say who is signed in and how the workstation is.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Enrol this workstation, or a person at it.
    #[command(subcommand)]
    Enrol(enrol::Enrol),
    /// This machine as a device of the inventory: its certificate.
    #[command(subcommand)]
    Machine(machine::Machine),
    /// Stand in front of a device or an application: TLS between machines outside, MLLP, HTTP or raw TCP inside.
    Gateway(gateway::RunGateway),
    /// Sign and verify messages that are files.
    #[command(subcommand)]
    M2m(m2m::M2m),
    /// What was decided without the server and waits for it; with `begin-anew`, go on after the server refused it.
    Journal(journal::LookAtJournal),
    /// Look at photographs with the engine that decides at a tap.
    #[command(subcommand)]
    Face(FaceCommand),
    Setup(setup::Setup),
    /// Look at everything a tap needs, and say what is wrong and how to mend it.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What every command gets.
pub(crate) struct Context {
    state: StateDirectory,
    config: ClientConfig,
}

impl Context {
    fn open(state: &Path, config: ClientConfig) -> Result<Self, StateError> {
        Ok(Self { state: StateDirectory::open(state)?, config })
    }

    /// Where the agent listens.
    fn socket(&self) -> PathBuf {
        self.config.socket(&self.state)
    }
}

/// Why a command failed.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Runs the command. 0: done; 1: not accepted, or something is wrong; 2: it could not be tried.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let outcome = async {
        let config = configuration(&arguments)?;
        let context = || Context::open(&arguments.state, config.clone());
        match &arguments.command {
            Command::Agent => agent::run(context()?).await,
            Command::Tap(tap) => tap.run(&context()?).await,
            Command::BreakGlass(command) => command.run(&context()?).await,
            Command::Token(command) => command.run(&context()?).await,
            Command::Lock { json } => status::lock(&context()?, *json).await,
            Command::Status { json } => status::status(&context()?, *json).await,
            Command::Enrol(enrol) => enrol.run(context()?).await,
            Command::Machine(command) => command.run(&context()?).await,
            Command::Journal(command) => command.run(&context()?).await,
            Command::Gateway(command) => command.run(context()?).await,
            Command::M2m(command) => command.run(&context()?).await,
            Command::Setup(command) => command.run(context()?, file(&arguments)).await,
            Command::Doctor { json } => doctor::run(&context()?, *json).await,
            // Looks at photographs only: there need be no agent, nor a folder of it.
            Command::Face(command) => Ok(look(command, &config)),
        }
    };
    match outcome.await {
        Ok(code) => code,
        Err(error) => {
            output::complain_with_causes(error.as_ref());
            ExitCode::from(2)
        }
    }
}

fn look(command: &FaceCommand, config: &ClientConfig) -> ExitCode {
    face::run(command, config, SystemClock.now(), &mut std::io::stdout().lock()).map_or_else(
        |error| {
            output::complain_with_causes(&error);
            ExitCode::from(FaceError::EXIT_STATUS)
        },
        ExitCode::from,
    )
}

/// The configuration that is named, or one in a usual place, or the defaults.
fn configuration(arguments: &Arguments) -> Result<ClientConfig, InvalidConfig> {
    // The first setup makes the file that it is told of.
    let first = matches!(arguments.command, Command::Setup(_));
    let file = file(arguments).filter(|file| !first || file.is_file());
    ClientConfig::load(file.as_deref(), std::env::vars())
}

fn file(arguments: &Arguments) -> Option<PathBuf> {
    let places = [arguments.state.join("client.toml"), PathBuf::from("/etc/imp/client.toml")];
    let usual = places.into_iter().find(|place| place.is_file());
    arguments.config.clone().or(usual)
}
