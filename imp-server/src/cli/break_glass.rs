//! `break-glass`
use clap::Subcommand;
use imp_identity::SessionId;
use imp_identity::name::Remark;

use super::account;
use super::output::{self, Failure};
use crate::app;
use crate::command;
use crate::config::Config;
use crate::http::break_glass;

/// What to do with entries in emergencies.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the entries that nobody has reviewed, the most urgent first.
    List {
        /// Only those whose time for a review has passed.
        #[arg(long)]
        overdue: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Say what you found. The review is an entry of the log.
    Review {
        /// The session that was opened, as `list` shows it.
        session: SessionId,
        /// It was no emergency.
        #[arg(long)]
        unjustified: bool,
        /// What else is to be said.
        remark: Remark,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::List { overdue, json } => list(&app, overdue, json).await,
        Command::Review { session, unjustified, remark } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let judged = (!unjustified, remark);
            let operator = account::operator();
            let entry = command::review_break_glass(context, &operator, session, judged).await?;
            Ok(output::line(format!("reviewed the entry of {:.0}", entry.at))?)
        }
    }
}

async fn list(app: &crate::App, overdue: bool, json: bool) -> Result<(), Failure> {
    let now = app.now();
    for (entry, user) in command::owed_reviews(&app.storage).await? {
        if overdue && !entry.is_overdue(now) {
            continue;
        }
        if json {
            output::json_line(&break_glass::shown(&entry, now))?;
            continue;
        }
        let due = if entry.is_overdue(now) { "OVERDUE since" } else { "due" };
        let vouched = if entry.second.is_some() { "vouched for" } else { "nobody vouched" };
        output::line(format!(
            "{}  {:.0}  {}  {vouched}  {due} {:.0}  {}",
            entry.session, entry.at, user.username, entry.review_by, entry.reason
        ))?;
    }
    Ok(())
}
