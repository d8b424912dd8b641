//! `acme`
use clap::Subcommand;
use imp_identity::DeviceId;
use imp_identity::name::Label;
use jiff::SignedDuration;

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command;
use crate::config::Config;
use crate::store::Tables as _;

/// What to do with ACME.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make, list and remove keys with which clients make accounts (external account binding).
    #[command(subcommand)]
    Key(KeyCommand),
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key: prints its identifier and the key, which is not shown again.
    Add {
        /// A device that accounts of the key may order for, by name or identifier; may be repeated.
        #[arg(long = "device", required = true, value_name = "DEVICE")]
        devices: Vec<String>,
        /// Within how many hours an account is to be made with it.
        #[arg(long, default_value_t = 72, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
        /// Let it make any number of accounts, not one only.
        #[arg(long)]
        reusable: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List keys.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Take a key away: its accounts count no longer.
    Remove {
        /// Its identifier.
        key: String,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let Command::Key(command) = command;
    match command {
        KeyCommand::Add { devices, hours, reusable, json } => {
            let mut ids = vec![];
            for device in &devices {
                ids.push(find(&app, device).await?);
            }
            add(&app, ids, (SignedDuration::from_hours(hours.into()), reusable), json).await
        }
        KeyCommand::List { json } => list(&app, json).await,
        KeyCommand::Remove { key } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            if command::acme::remove_acme_key(context, &account::operator(), &key).await? {
                Ok(output::line(format!("removed {key}"))?)
            } else {
                Err(failure(format!("there is no key `{key}`")))
            }
        }
    }
}

async fn add(
    app: &App,
    devices: Vec<DeviceId>,
    how: (SignedDuration, bool),
    json: bool,
) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (actor, sealer) = (account::operator(), &app.acme.sealer);
    let made = command::acme::add_acme_key(context, &actor, sealer, devices, how).await?;
    let (directory, expires) = (app.acme.url("/directory"), made.expires_at);
    let (id, key) = (&made.id, made.key.expose());
    if json {
        return output::json(&serde_json::json!({
            "directory": directory, "kid": id, "hmac": key, "expires_at": expires.to_string(),
        }));
    }
    output::line(format!("directory: {directory}"))?;
    output::line(format!("kid: {id}"))?;
    output::line(format!("hmac, which is not shown again: {key}"))?;
    Ok(output::line(format!("an account is to be made with it before {expires}"))?)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    for key in command::acme::list_acme_keys(&app.storage).await? {
        if json {
            output::json_line(&key)?;
            continue;
        }
        let devices: Vec<_> = key.devices.iter().map(ToString::to_string).collect();
        let (id, accounts, expires) = (&key.id, key.accounts, key.expires_at);
        let devices = devices.join(",");
        output::line(format!("{id}  accounts={accounts}  until={expires}  {devices}"))?;
    }
    Ok(())
}

/// By identifier or by name.
async fn find(app: &App, device: &str) -> Result<DeviceId, Failure> {
    let mut reading = app.storage.read().await?;
    let found = match (device.parse(), device.parse::<Label>()) {
        (Ok(id), _) => reading.devices().find(id).await?,
        (Err(_), Ok(label)) => reading.devices().find_by_label(&label).await?,
        (Err(_), Err(_)) => None,
    };
    let missing = || failure(format!("there is no device `{device}`"));
    Ok(found.ok_or_else(missing)?.id)
}
