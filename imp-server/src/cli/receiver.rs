//! `receiver`
use clap::Subcommand;
use imp_identity::name::Label;

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command::{self, NewReceiver};
use crate::config::Config;
use crate::http::streams::receivers;
use crate::stream::{Receiver, wish};

/// What to do with receivers of security events.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let a receiver in: prints the token with which it manages and polls its own streams (SSF).
    Add {
        /// As people call it.
        name: Label,
        /// `aud` of its tokens; a URN of its identifier without it.
        #[arg(long)]
        audience: Option<String>,
        /// Types of events that it may have, with commas; every type without it.
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
    },
    /// List receivers.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// End a receiver's token, and delete its streams.
    Remove {
        /// Its name or identifier.
        receiver: String,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add { name, audience, kinds } => {
            let kinds = wish::kinds(&kinds)?;
            add(&app, NewReceiver { name, audience, kinds }).await
        }
        Command::List { json } => list(&app, json).await,
        Command::Remove { receiver } => remove(&app, &receiver).await,
    }
}

async fn add(app: &App, new: NewReceiver) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let admitted = command::admit_receiver(context, account::operator(), new).await?;
    let Receiver { name, id, audience, .. } = &admitted.receiver;
    output::line(format!("let in {name} ({id}), audience {audience}"))?;
    output::line(format!("it begins at {}/.well-known/ssf-configuration", app.url))?;
    output::line("its token, which is not shown again:")?;
    Ok(output::line(admitted.token.expose())?)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    for receiver in command::list_receivers(&app.storage).await? {
        let receiver = receivers::receiver(receiver);
        if json {
            output::json_line(&receiver)?;
        } else {
            let kinds =
                if receiver.kinds.is_empty() { "-".to_owned() } else { receiver.kinds.join(",") };
            let (name, id) = (receiver.name.as_str(), receiver.id);
            output::line(format!("{name:<20} {kinds:<30} {}  {id}", receiver.audience))?;
        }
    }
    Ok(())
}

async fn remove(app: &App, receiver: &str) -> Result<(), Failure> {
    let found = find(app, receiver).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::dismiss_receiver(context, account::operator(), found.id).await?;
    Ok(output::line(format!("dismissed {}", found.name))?)
}

/// By identifier or by name.
pub(super) async fn find(app: &App, receiver: &str) -> Result<Receiver, Failure> {
    let all = command::list_receivers(&app.storage).await?;
    let id = receiver.parse().ok();
    let found =
        all.into_iter().find(|found| Some(found.id) == id || found.name.as_str() == receiver);
    found.ok_or_else(|| failure(format!("there is no receiver `{receiver}`")))
}
