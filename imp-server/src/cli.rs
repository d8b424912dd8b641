//! The command line. Commands act on the database directly, beside a running server, as the operator's Unix account.
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use imp_identity::Clock;
use imp_identity::clock::SystemClock;
use imp_service::config;

use crate::config::{Config, ENVIRONMENT};

mod account;
mod acme;
mod arguments;
mod break_glass;
mod ca;
mod case;
mod client;
mod connection;
mod consumer;
mod credential;
mod device;
mod directory;
mod doctor;
mod events;
mod group;
mod heap;
mod key;
mod log;
mod output;
mod phone;
mod policy;
mod receiver;
mod saml;
mod search;
mod serve;
mod stream;
mod token;
mod user;
mod witness;
mod workstation;

use output::Failure;

/// Identity server of IMP.
#[derive(Debug, Parser)]
#[command(name = "imp-server", version, about, max_term_width = 100)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Options {
    /// Configuration file (TOML); every key is described in imp-server.example.toml.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of keys and database; wins over the configuration.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM; the first start creates keys, database and administrator token.
    Serve,
    /// Bring the database's schema up to date, without serving.
    Migrate,
    /// Make a new administrator token, while there is no administrator.
    Token,
    /// Create, list, disable and enable users.
    #[command(subcommand)]
    User(user::Command),
    /// List and show groups.
    #[command(subcommand)]
    Group(group::Command),
    /// Take people over from the configured directory.
    #[command(subcommand)]
    Directory(directory::Command),
    /// Invite, list and revoke workstations.
    #[command(subcommand)]
    Workstation(workstation::Command),
    /// Register, list, invite and change devices; approve their enrolment; say which certificates expire.
    #[command(subcommand)]
    Device(device::Command),
    /// Show and change the certificate authorities; seal the root, or move it to a token.
    #[command(subcommand)]
    Ca(ca::Command),
    /// List and revoke phones.
    #[command(subcommand)]
    Phone(phone::Command),
    /// List and remove passkeys and security keys.
    #[command(subcommand)]
    Credential(credential::Command),
    /// Show, import, try and learn which machine may connect to which.
    #[command(subcommand)]
    Connection(connection::Command),
    /// Show the policy in force, or put another in force; check and test who may do what.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Read the event log.
    Events(events::Arguments),
    /// Save, list, run and remove searches of the event log.
    #[command(subcommand)]
    Search(search::Command),
    /// Open, list, show and change cases about entries of the event log.
    #[command(subcommand)]
    Case(case::Command),
    /// List and review entries in emergencies.
    #[command(subcommand)]
    BreakGlass(break_glass::Command),
    /// List, pause, resume and replay what lives on the log.
    #[command(subcommand)]
    Consumer(consumer::Command),
    /// Make, list, pause, replay and remove streams of events to other systems.
    #[command(subcommand)]
    Stream(stream::Command),
    /// Let in, list and dismiss receivers of security events.
    #[command(subcommand)]
    Receiver(receiver::Command),
    /// Register, list and change applications that speak SAML; print this identity provider's metadata.
    #[command(subcommand)]
    Saml(saml::Command),
    /// Register, list, change and remove applications that speak OpenID Connect or OAuth.
    #[command(subcommand)]
    Client(client::Command),
    /// List or change the keys that sign tokens.
    #[command(subcommand)]
    Key(key::Command),
    /// Give devices' ACME clients what they need.
    #[command(subcommand)]
    Acme(acme::Command),
    /// Check this installation, and say what is wrong and how to mend it.
    Doctor,
    /// Print the log's key or checkpoint, or check the log.
    #[command(subcommand)]
    Log(log::Command),
    /// Run a witness: it watches logs and cosigns what continues them.
    Witness(witness::Arguments),
    /// Print the HTTP contract in JSON.
    Openapi,
}

/// Reads the command line and does what it says. 0: done. 1: failed, and stderr says why. 2: wrong usage.
pub fn run() -> ExitCode {
    let CommandLine { options, command } = CommandLine::parse();
    if let Command::Serve = command {
        heap::share();
    }
    // Nothing that this process creates is for other accounts.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match execute(&options, command) {
        Ok(code) => code,
        Err(failure) => {
            output::report(&failure);
            ExitCode::FAILURE
        }
    }
}

fn execute(options: &Options, command: Command) -> Result<ExitCode, Failure> {
    let config = load(options)?;
    config.telemetry.start()?;
    if let Command::Serve = command {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(serve::serve(config)).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(other(config, command))
}

async fn other(config: Config, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve::serve(config).await?,
        Command::Migrate => serve::migrate(&config).await?,
        Command::Token => token::token(config).await?,
        Command::User(command) => user::run(config, command).await?,
        Command::Group(command) => group::run(config, command).await?,
        Command::Directory(command) => directory::run(config, command).await?,
        Command::Workstation(command) => workstation::run(config, command).await?,
        Command::Device(command) => device::run(config, command).await?,
        Command::Ca(command) => ca::run(config, command).await?,
        Command::Phone(command) => phone::run(config, command).await?,
        Command::Credential(command) => credential::run(config, command).await?,
        Command::Connection(command) => connection::run(config, command).await?,
        Command::Policy(command) => policy::run(config, command).await?,
        Command::Events(arguments) => events::run(config, arguments).await?,
        Command::Search(command) => search::run(config, command).await?,
        Command::Case(command) => case::run(config, command).await?,
        Command::BreakGlass(command) => break_glass::run(config, command).await?,
        Command::Consumer(command) => consumer::run(config, command).await?,
        Command::Stream(command) => stream::run(config, command).await?,
        Command::Receiver(command) => receiver::run(config, command).await?,
        Command::Saml(command) => saml::run(config, command).await?,
        Command::Client(command) => client::run(config, command).await?,
        Command::Key(command) => key::run(config, command).await?,
        Command::Acme(command) => acme::run(config, command).await?,
        Command::Doctor => return doctor::run(&config).await,
        Command::Log(command) => log::run(config, command).await?,
        Command::Witness(arguments) => witness::run(arguments).await?,
        Command::Openapi => output::json(&crate::http::router::published())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn load(options: &Options) -> Result<Config, Failure> {
    let file = options.config.as_deref();
    let mut config: Config = config::load(file, ENVIRONMENT, std::env::vars())?;
    if let Some(data) = &options.data {
        config.data.clone_from(data);
    }
    config.validate()?;
    Ok(config)
}

/// The machine's clock.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Keys and database of this installation, beside a server that may be running.
async fn open(config: Config) -> Result<crate::App, Failure> {
    let port = config.http.listen.port();
    Ok(crate::App::open(config, clock(), port).await?)
}
