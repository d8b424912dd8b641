//! `connection`: which machine may connect to which.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use imp_connection::{Policy, Protocol};
use imp_identity::ConnectionProposalId;
use imp_identity::name::Remark;
use jiff::Timestamp;

use super::output::{self, Failure, failure};
use super::{account, arguments};
use crate::app::{self, App};
use crate::command::connection::{connection_policy, set_connection_policy};
use crate::config::Config;
use crate::store::StoredPolicy;

mod asking;
mod learning;
mod mud;
mod table;

/// What to do with the connection policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the rules in force as a table.
    Show {
        /// Another version than the one in force.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Put the rules of a file in force, instead of those that are.
    Import {
        /// A table (CSV: id,from,to,protocol,ports,purpose,until), a document (JSON), or `-` for a table on stdin.
        file: PathBuf,
        /// Add the rules to those in force; a rule of the same name is replaced.
        #[arg(long)]
        add: bool,
    },
    /// Read a manufacturer's usage description (MUD, RFC 8520), and say which rules it asks for.
    ImportMud(Box<mud::Arguments>),
    /// Print the rules for another system.
    Export {
        /// csv or json.
        #[arg(long, default_value = "csv", value_parser = ["csv", "json"])]
        format: String,
        /// Another version than the one in force.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Say what changed from one version to another.
    Diff {
        /// The earlier version.
        from: u32,
        /// The later version; the one in force unless said otherwise.
        to: Option<u32>,
    },
    /// Say what the rules of a file would change for the connections that were seen.
    DryRun {
        /// A table or document, as for import.
        file: PathBuf,
    },
    /// Learn rules from the connections that were seen. Somebody else approves them.
    Propose(Wish),
    /// List proposals, latest first.
    Proposals {
        /// In JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put the rules of a proposal in force. Who asked for it cannot.
    Approve {
        /// The proposal.
        proposal: ConnectionProposalId,
    },
    /// Decide that the rules of a proposal are not put in force.
    Reject {
        /// The proposal.
        proposal: ConnectionProposalId,
        /// Why.
        reason: Remark,
    },
    /// Say whether a connection is expected, and why. The exit code is 0 when it is, 1 when not.
    Check(Question),
    /// Print who can reach whom, in JSON, for the analysis of risks.
    Reachability,
}

/// What to learn.
#[derive(Debug, Args)]
pub(super) struct Wish {
    /// Only what was seen at least so often.
    #[arg(long, default_value_t = 1)]
    least: u64,
    /// Only what was seen since then: an instant, a day, or how long ago, such as 14d.
    #[arg(long)]
    since: Option<arguments::When>,
    /// When the rules are to end.
    #[arg(long)]
    until: Option<Timestamp>,
}

/// A connection.
#[derive(Debug, Args)]
pub(super) struct Question {
    /// Who connects: a SPIFFE ID, or the name of a device on the network.
    from: String,
    /// To whom.
    to: String,
    /// tcp or udp.
    protocol: Protocol,
    /// The port of whom it is connected to.
    port: u16,
    /// When; now unless said otherwise.
    #[arg(long)]
    at: Option<Timestamp>,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Show { version } => {
            let stored = stored(&app, version).await?;
            output::note(format!("version {}", stored.policy.version()))?;
            Ok(output::text(&imp_connection::csv::write(&stored.policy))?)
        }
        Command::Import { file, add } => import(&app, &file, add).await,
        Command::ImportMud(arguments) => mud::import(&app, *arguments).await,
        Command::Export { format, version } => {
            let policy = stored(&app, version).await?.policy;
            let csv = format == "csv";
            let text = if csv { imp_connection::csv::write(&policy) } else { policy.document() };
            Ok(output::text(&text)?)
        }
        Command::Diff { from, to } => asking::diff(&app, from, to).await,
        Command::DryRun { file } => asking::dry_run(&app, &file).await,
        Command::Propose(wish) => learning::propose(&app, wish).await,
        Command::Proposals { json } => learning::list(&app, json).await,
        Command::Approve { proposal } => learning::approve(&app, proposal).await,
        Command::Reject { proposal, reason } => learning::reject(&app, proposal, reason).await,
        Command::Check(question) => asking::check(&app, question).await,
        Command::Reachability => asking::reachability(&app).await,
    }
}

/// A version, or the one in force.
async fn stored(app: &App, version: Option<u32>) -> Result<StoredPolicy, Failure> {
    let found = connection_policy(&app.storage, version).await?;
    found.ok_or_else(|| failure("there is no such version"))
}

async fn import(app: &App, file: &std::path::Path, add: bool) -> Result<(), Failure> {
    let rules = table::read(file)?;
    put(app, rules, add).await
}

/// Puts rules in force, and says what became of it.
async fn put(app: &App, rules: Vec<imp_connection::Rule>, add: bool) -> Result<(), Failure> {
    let before = stored(app, None).await?.policy;
    let rules = if add { table::added(&before, rules) } else { rules };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let edited = before.version();
    let after = set_connection_policy(context, account::operator(), edited, rules).await?.policy;
    if after.version() == edited {
        return Ok(output::line(format!("nothing changes: version {edited} stays in force"))?);
    }
    asking::print_diff(&before, &after)?;
    let (version, count) = (after.version(), after.rules().len());
    Ok(output::line(format!("version {version} is in force, with {count} rules"))?)
}

/// How a policy is told apart.
fn versions(before: &Policy, after: &Policy) -> String {
    format!("version {} to {}", before.version(), after.version())
}
