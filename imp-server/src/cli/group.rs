//! `group`
use clap::Subcommand;

use super::output::{self, Failure, failure};
use crate::app::App;
use crate::command::scim;
use crate::config::Config;
use crate::http::answer;

/// How many groups are read at a time.
const PAGE: u32 = 500;

/// What to see of groups. They are changed by the directories that keep them.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List groups in the order in which they were created.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show who is in a group.
    Show {
        /// Its name, in whatever case.
        name: String,
        /// In JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::List { json } => list(&app, json).await,
        Command::Show { name, json } => show(&app, &name, json).await,
    }
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = scim::groups_page(&app.storage, after, PAGE).await?;
        for (stored, members) in &page.items {
            if json {
                output::json_line(&answer::group(stored, *members))?;
            } else {
                let (name, id) = (stored.group.name.as_str(), stored.group.id);
                output::line(format!("{name:<32} {members:>6} {id}"))?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn show(app: &App, name: &str, json: bool) -> Result<(), Failure> {
    let found = scim::group_named(&app.storage, name).await?;
    let found = found.ok_or_else(|| failure(format!("there is no group {name}")))?;
    if json {
        return output::json(&answer::group_members(&found));
    }
    for (id, name) in &found.members {
        output::line(format!("{name:<32} {id}"))?;
    }
    Ok(())
}
