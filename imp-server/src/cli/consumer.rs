//! `consumer`
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use super::account;
use super::output::{self, Failure};
use crate::app::{self, App};
use crate::command::{self, ConsumerState, Steer};
use crate::config::Config;

/// What to do with consumers: deliveries, rules, notices.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say how far each has come, and what holds it up.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Say which entries a consumer could not digest, and why.
    SetAside {
        /// Its name.
        name: String,
        /// Begin at this index.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Show a consumer nothing until it is resumed.
    Pause {
        /// Its name.
        name: String,
    },
    /// Let a paused or waiting consumer go on at once.
    Resume {
        /// Its name.
        name: String,
    },
    /// Show a consumer everything again, from an index on.
    Replay {
        /// Its name.
        name: String,
        /// The index.
        #[arg(long)]
        from: u64,
    },
    /// Show a consumer again what it had set aside.
    RetrySetAside {
        /// Its name.
        name: String,
    },
}

/// A consumer, as `--json` says it.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    next: u64,
    behind: u64,
    set_aside: u64,
    failures: u32,
    retry_at: Option<Timestamp>,
    paused_at: Option<Timestamp>,
    last_error: Option<&'a str>,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::List { json } => list(&app, json).await,
        Command::SetAside { name, mut from } => loop {
            let page = command::list_set_aside(&app.storage, &name, from).await?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.index + 1;
            for aside in &page {
                output::line(format!("{:>8}  {:.0}  {}", aside.index, aside.at, aside.why))?;
            }
        },
        Command::Pause { name } => steer(&app, &name, Steer::Pause, "paused").await,
        Command::Resume { name } => steer(&app, &name, Steer::Resume, "resumed").await,
        Command::Replay { name, from } => {
            steer(&app, &name, Steer::Replay { from }, "replaying").await
        }
        Command::RetrySetAside { name } => {
            steer(&app, &name, Steer::RetrySetAside, "trying again").await
        }
    }
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    for state in command::list_consumers(&app.storage).await? {
        let ConsumerState { cursor, behind, set_aside } = &state;
        if json {
            output::json_line(&Line {
                name: &cursor.consumer,
                next: cursor.next,
                behind: *behind,
                set_aside: *set_aside,
                failures: cursor.failures,
                retry_at: cursor.retry_at,
                paused_at: cursor.paused_at,
                last_error: cursor.last_error.as_deref(),
            })?;
        } else {
            output::line(line(&state))?;
        }
    }
    Ok(())
}

/// Name, place, and what holds it up.
fn line(ConsumerState { cursor, behind, set_aside }: &ConsumerState) -> String {
    let mut line = format!("{:<28} at {}, {behind} behind", cursor.consumer, cursor.next);
    if *set_aside > 0 {
        line.extend([", ", &set_aside.to_string(), " set aside"]);
    }
    if let Some(at) = cursor.paused_at {
        line.extend([", paused since ", &format!("{at:.0}")]);
    } else if let Some(at) = cursor.retry_at {
        line.extend([
            ", failed ",
            &cursor.failures.to_string(),
            " times, again at ",
            &format!("{at:.0}"),
        ]);
    }
    if let Some(error) = &cursor.last_error {
        line.extend([": ", error]);
    }
    line
}

async fn steer(app: &App, name: &str, steer: Steer, done: &str) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::steer_consumer(context, account::operator(), name, steer).await?;
    Ok(output::line(format!("{done}: {name}"))?)
}
