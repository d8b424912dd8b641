//! `directory`
use clap::Subcommand;
use imp_ldap::Plan;

use super::account;
use super::output::{self, Failure};
use crate::config::Config;
use crate::directory::{self, Prepared};

/// What to do with the configured directory.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take people over from the directory.
    Import {
        /// Say what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Import { dry_run: true } => {
            let prepared = directory::prepare(&app).await?;
            show(&prepared)?;
            let Plan { joiners, movers, leavers, .. } = &prepared.plan;
            Ok(output::line(format!(
                "would create {}, change {}, disable {}",
                joiners.len(),
                movers.len(),
                leavers.len()
            ))?)
        }
        Command::Import { dry_run: false } => {
            let (prepared, imported) = directory::import(&app, &account::operator()).await?;
            show(&prepared)?;
            let crate::command::Imported { created, changed, disabled, refused } = imported;
            Ok(output::line(format!(
                "created {created}, changed {changed}, disabled {disabled}, refused {refused}"
            ))?)
        }
    }
}

fn show(prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { plan, found } = prepared;
    for person in &plan.joiners {
        output::line(format!("+ {} ({})", person.username, person.display_name))?;
    }
    for (_, person) in &plan.movers {
        output::line(format!("~ {} ({})", person.username, person.display_name))?;
    }
    for (_, username) in &plan.leavers {
        output::line(format!("- {username}"))?;
    }
    for conflict in &plan.conflicts {
        output::note(format!("! {}: {}", conflict.username, conflict.why))?;
    }
    for skipped in &found.skipped {
        output::note(format!("! {}: {}", skipped.entry, skipped.why))?;
    }
    Ok(())
}
