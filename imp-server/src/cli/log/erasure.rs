//! `log erase` and `log erasures`. Who has a shell on the server may ask; only an auditor, with her own token, approves.
use clap::Args;
use imp_identity::erasure::Scope;
use imp_identity::name::{Remark, Username};

use super::super::output::{self, Failure};
use super::super::{account, arguments};
use crate::app;
use crate::command;
use crate::config::Config;
use crate::http::log::erasure::answer;

/// What to erase.
#[derive(Debug, Args)]
pub(in crate::cli) struct Erase {
    #[command(flatten)]
    scope: Named,
    /// Why, for the auditor and for the log.
    #[arg(long, value_name = "TEXT")]
    reason: Remark,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// The record of this one entry.
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// Everything about this user that may be erased early.
    #[arg(long, value_name = "USERNAME")]
    user: Option<Username>,
}

/// How to list.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Asks.
pub(super) async fn erase(config: Config, asked: Erase) -> Result<(), Failure> {
    let app = super::super::open(config).await?;
    let scope = match asked.scope {
        Named { index: Some(index), .. } => Scope::Record(index),
        Named { user: Some(username), .. } => {
            Scope::Person(arguments::user(&app.storage, &username).await?.id)
        }
        Named { index: None, user: None } => {
            return Err(output::failure("name an entry with --index, or a person with --user"));
        }
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let actor = account::operator();
    let erasure = command::request_erasure(context, actor, scope, asked.reason).await?;
    output::line(format!("asked for erasure {}", erasure.id))?;
    Ok(output::line("an auditor approves or refuses it: POST /v1/log/erasures/…/approval")?)
}

/// Lists requests, latest first.
pub(super) async fn list(config: Config, List { json }: List) -> Result<(), Failure> {
    let app = super::super::open(config).await?;
    let mut before = None;
    loop {
        let page = command::list_erasures(&app.storage, before, 500).await?;
        for erasure in &page {
            let shown = answer(erasure);
            if json {
                output::json_line(&shown)?;
                continue;
            }
            let what = match erasure.scope {
                Scope::Record(index) => format!("entry {index}"),
                Scope::Person(user) => format!("all about {user}"),
            };
            let (id, at, state, erased) = (shown.id, shown.requested_at, shown.state, shown.erased);
            output::line(format!("{id}  {at:.0}  {state:<9}  {erased:>6} erased  {what}"))?;
        }
        before = page.last().map(|last| last.id);
        if before.is_none() {
            return Ok(());
        }
    }
}
