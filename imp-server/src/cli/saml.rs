//! `saml`
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use imp_identity::name::Label;
use imp_saml::{NameIdFormat, ServiceProvider};

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command::{self, SamlKeyChange};
use crate::config::Config;
use crate::saml::RegisteredProvider;

/// How many applications are read at a time.
const PAGE: u32 = 500;
/// A longer file is no application's.
const LARGEST: u64 = 256 * 1024;

/// What to do with applications that speak SAML.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application.
    Add {
        /// As people call it.
        name: Label,
        #[command(flatten)]
        application: Application,
    },
    /// Replace what is registered of an application, such as its certificates.
    Change {
        /// Its name, entity ID or identifier.
        application_name: String,
        #[command(flatten)]
        application: Application,
    },
    /// List applications, oldest first.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Remove an application: nobody is signed on to it any longer.
    Remove {
        /// Its name, entity ID or identifier.
        application_name: String,
    },
    /// Print what applications must know of this identity provider: its signed metadata.
    Metadata,
    /// The keys with which assertions are signed.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// What to do with the keys. To replace the one that signs: `next`, every application takes the metadata again, `switch`, and
/// when every application has seen that, `retire`.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// List them: role, and SHA-256 of the certificate.
    List,
    /// Make the next one; the metadata names it beside the current one.
    Next,
    /// Let the next one sign; the metadata still names the one before.
    Switch,
    /// Forget the one before.
    Retire,
}

/// An application.
#[derive(Debug, Args)]
pub(super) struct Application {
    /// File with its metadata.
    #[arg(long, value_name = "FILE")]
    metadata: PathBuf,
    /// What it calls users: a name of its own, one that is new at every sign-on, or the user name.
    #[arg(long, value_enum, default_value_t = NameKind::Persistent)]
    name_id: NameKind,
    /// Tell it user names and names, besides.
    #[arg(long)]
    attributes: bool,
    /// Let its own sessions be no longer than this: for applications that cannot be told when the user walks away.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    session_minutes: Option<u32>,
    /// Tell it only when the session ends, and not when the user walks away.
    #[arg(long)]
    ignore_walk_away: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NameKind {
    Persistent,
    Transient,
    Username,
}

impl Application {
    fn read(&self) -> Result<ServiceProvider, Failure> {
        let mut provider = ServiceProvider::from_metadata(&bounded(&self.metadata)?)?;
        provider.name_id = match self.name_id {
            NameKind::Persistent => NameIdFormat::Persistent,
            NameKind::Transient => NameIdFormat::Transient,
            NameKind::Username => NameIdFormat::Username,
        };
        provider.attributes = self.attributes;
        provider.session_minutes = self.session_minutes;
        provider.ignores_walk_away = self.ignore_walk_away;
        Ok(provider)
    }
}

fn bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add { name, application } => add(&app, name, &application).await,
        Command::Change { application_name, application } => {
            change(&app, &application_name, &application).await
        }
        Command::List { json } => list(&app, json).await,
        Command::Remove { application_name } => remove(&app, &application_name).await,
        Command::Metadata => metadata(&app),
        Command::Key(command) => key(&app, &command).await,
    }
}

async fn add(app: &App, name: Label, application: &Application) -> Result<(), Failure> {
    let provider = application.read()?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let added =
        command::register_service_provider(context, &account::operator(), name, provider).await?;
    output::line(format!(
        "registered {} ({}), {}",
        added.stored.name, added.stored.id, added.provider.entity_id
    ))?;
    Ok(output::line(format!("it finds this identity provider at {}/saml/metadata", app.issuer))?)
}

async fn change(app: &App, application: &str, changed: &Application) -> Result<(), Failure> {
    let found = find(app, application).await?;
    let provider = changed.read()?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let id = found.stored.id;
    command::change_service_provider(context, &account::operator(), id, provider).await?;
    Ok(output::line(format!("changed {}", found.stored.name))?)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    for found in all(app).await? {
        if json {
            let id = found.stored.id.to_string();
            let name = found.stored.name.as_str();
            output::json_line(
                &serde_json::json!({ "id": id, "name": name, "provider": found.provider }),
            )?;
        } else {
            let RegisteredProvider { stored, provider } = &found;
            let (name, names) = (stored.name.as_str(), provider.name_id.to_string());
            output::line(format!("{name:<20} {names:<12} {}  {}", provider.entity_id, stored.id))?;
        }
    }
    Ok(())
}

async fn remove(app: &App, application: &str) -> Result<(), Failure> {
    let found = find(app, application).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::remove_client(context, &account::operator(), found.stored.id).await?;
    Ok(output::line(format!("removed {}", found.stored.name))?)
}

fn metadata(app: &App) -> Result<(), Failure> {
    let mut rng = app::rng();
    let metadata = app.saml.provider(app.now(), &mut rng)?.metadata(app.now(), &mut rng)?;
    Ok(output::line(metadata)?)
}

async fn key(app: &App, command: &KeyCommand) -> Result<(), Failure> {
    let change = match command {
        KeyCommand::List => None,
        KeyCommand::Next => Some(SamlKeyChange::Next),
        KeyCommand::Switch => Some(SamlKeyChange::Switch),
        KeyCommand::Retire => Some(SamlKeyChange::Retire),
    };
    if let Some(change) = change {
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        command::change_saml_key(context, &app.saml, &account::operator(), change).await?;
    }
    for key in app.saml.keys()? {
        output::line(format!("{:<8} {}", key.role.code(), key.fingerprint))?;
    }
    Ok(())
}

/// By identifier, entity ID or name.
async fn find(app: &App, application: &str) -> Result<RegisteredProvider, Failure> {
    let id = application.parse().ok();
    let mut fitting: Vec<_> = all(app).await?;
    fitting.retain(|found| {
        Some(found.stored.id) == id
            || found.provider.entity_id == application
            || found.stored.name.as_str() == application
    });
    match (fitting.pop(), fitting.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(_), false) => {
            Err(failure(format!("there are several `{application}`: name one by its identifier")))
        }
        (None, _) => {
            Err(failure(format!("there is no application `{application}` that speaks SAML")))
        }
    }
}

async fn all(app: &App) -> Result<Vec<RegisteredProvider>, Failure> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = command::list_service_providers(&app.storage, after, PAGE).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}
