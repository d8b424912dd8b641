//! `client`
use std::path::PathBuf;

use clap::Subcommand;
use imp_delivery::Voucher;
use imp_oauth::OAuthError;
use imp_oauth::client::Metadata;
use serde_json::Value;

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command::{self, ClientRegistered, Registrar};
use crate::config::Config;
use crate::oauth::RegisteredClient;

/// How many are read at a time.
const PAGE: u32 = 100;

/// What to do with applications.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application: prints its `client_id` and, if it needs one, its secret.
    Add {
        /// What is registered, in JSON (RFC 7591 and docs/applications.md); `-` reads it from stdin.
        metadata: PathBuf,
    },
    /// List applications.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show what is registered of an application.
    Show {
        /// Its `client_id`, or its name.
        client: String,
    },
    /// Replace what is registered of an application.
    Set {
        /// Its `client_id`, or its name.
        client: String,
        /// What is registered from now on, in JSON; `-` reads it from stdin.
        metadata: PathBuf,
    },
    /// Replace an application's secret: the old one counts no longer.
    Secret {
        /// Its `client_id`, or its name.
        client: String,
    },
    /// Remove an application: what it was granted counts no longer.
    Remove {
        /// Its `client_id`, or its name.
        client: String,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add { metadata } => add(&app, checked(&app, &metadata).await?).await,
        Command::List { json } => list(&app, json).await,
        Command::Show { client } => output::json(&shown(&find(&app, &client).await?)?),
        Command::Set { client, metadata } => {
            let found = find(&app, &client).await?;
            let metadata = checked(&app, &metadata).await?;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let actor = account::operator();
            let changed = command::change_client(context, &actor, found.id, metadata).await?;
            said("changed", changed)
        }
        Command::Secret { client } => {
            let found = find(&app, &client).await?;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let actor = account::operator();
            let renewed = command::renew_client_secret(context, &actor, found.id).await?;
            said("replaced the secret of", renewed)
        }
        Command::Remove { client } => {
            let found = find(&app, &client).await?;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::remove_client(context, &account::operator(), found.id).await?;
            Ok(output::line(format!("removed {}", found.metadata.name))?)
        }
    }
}

async fn add(app: &App, metadata: Metadata) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (actor, registrar) = (account::operator(), Registrar::Administrator);
    let registered = command::register_client(context, &actor, metadata, registrar).await?;
    output::line(format!("issuer: {}", app.issuer))?;
    said("registered", registered)
}

fn said(what: &str, registered: ClientRegistered) -> Result<(), Failure> {
    let ClientRegistered { client, secret, .. } = registered;
    output::line(format!("{what} {}", client.metadata.name))?;
    output::line(format!("client_id: {}", client.id))?;
    if let Some(secret) = secret {
        output::line(format!("client_secret, which is not shown again: {}", secret.expose()))?;
    }
    Ok(())
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = command::list_clients(&app.storage, after, PAGE).await?;
        for client in &page.items {
            if json {
                output::json_line(&shown(client)?)?;
            } else {
                let scope = &client.metadata.scope;
                output::line(format!("{:<24} {}  {scope}", client.metadata.name, client.id))?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn shown(client: &RegisteredClient) -> Result<Value, Failure> {
    let mut shown = serde_json::to_value(&client.metadata)?;
    shown["client_id"] = serde_json::to_value(client.id)?;
    shown["client_id_issued_at"] = client.registered_at.as_second().into();
    Ok(shown)
}

/// What the file says, if the application is in the sector that it names.
async fn checked(app: &App, path: &PathBuf) -> Result<Metadata, Failure> {
    let metadata = read(path)?;
    let sector = app.oauth.check_sector(&metadata, Voucher::Administrator).await;
    sector.map_err(|error| failure(error.told()))?;
    Ok(metadata)
}

fn read(path: &PathBuf) -> Result<Metadata, Failure> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(path)
            .map_err(|error| failure(format!("{} cannot be read: {error}", path.display())))?
    };
    Metadata::parse(text.as_bytes())
        .map_err(|error| failure(OAuthError::from(error).description.into_owned()))
}

/// By identifier or by name.
async fn find(app: &App, client: &str) -> Result<RegisteredClient, Failure> {
    let found = match client.parse() {
        Ok(id) => command::find_client(&app.storage, id).await?,
        Err(_) => command::find_client_named(&app.storage, client).await?,
    };
    let missing = || failure(format!("there is no application `{client}`, or more than one"));
    found.ok_or_else(missing)
}
