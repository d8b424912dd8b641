//! `connection diff`, `dry-run`, `check`, `reachability`
use std::path::Path;

use imp_connection::{Asked, Diff, Endpoint, Policy, Rule, dry_run as judge};
use imp_identity::spiffe::SpiffeId;

use super::{Question, stored, table, versions};
use crate::app::App;
use crate::cli::output::{self, Failure, failure};
use crate::command::connection::{connection_hosts, observations};
use crate::http::connection::dry_run::answer;

/// Says what changed.
pub(super) async fn diff(app: &App, from: u32, to: Option<u32>) -> Result<(), Failure> {
    // Before the first version nothing is expected.
    let before = if from == 0 { Policy::empty() } else { stored(app, Some(from)).await?.policy };
    let after = stored(app, to).await?.policy;
    output::note(versions(&before, &after))?;
    print_diff(&before, &after)
}

/// The rules that only one of them has, and those that changed.
pub(super) fn print_diff(before: &Policy, after: &Policy) -> Result<(), Failure> {
    let Diff { added, removed, changed } = Diff::between(before, after);
    let print = |mark: char, rule: &Rule| {
        let Rule { id, from, to, protocol, ports, purpose, until } = rule;
        let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
        output::line(format!("{mark} {id}: {from} -> {to} {protocol} {ports} ({purpose}{until})"))
    };
    for rule in &removed {
        print('-', rule)?;
    }
    for change in &changed {
        print('-', &change.before)?;
        print('+', &change.after)?;
    }
    for rule in &added {
        print('+', rule)?;
    }
    Ok(())
}

/// Holds the rules of a file against what was seen.
pub(super) async fn dry_run(app: &App, file: &Path) -> Result<(), Failure> {
    let tried = Policy::new(0, table::read(file)?)?;
    let snapshot = app.connections.refresh(&app.storage).await?;
    let seen = observations(&app.storage, None).await?;
    let run = judge(&snapshot.policy, &tried, &snapshot.inventory, &seen, app.now());
    output::json(&answer(&run))
}

/// Says whether a connection is expected.
pub(super) async fn check(app: &App, question: Question) -> Result<(), Failure> {
    let Question { from, to, protocol, port, at } = question;
    let hosts = connection_hosts(&app.storage, app.keys.trust_domain()).await?;
    let machine = |text: &str| -> Result<SpiffeId, Failure> {
        match hosts.get(text) {
            Some(Endpoint::Machine(machine)) => Ok(machine.clone()),
            Some(Endpoint::Group(_)) | None => {
                text.parse().map_err(|_| failure(format!("there is no machine `{text}`")))
            }
        }
    };
    let (from, to) = (machine(&from)?, machine(&to)?);
    let snapshot = app.connections.refresh(&app.storage).await?;
    let at = at.unwrap_or_else(|| app.now());
    let decision = snapshot.decide(&Asked { from: &from, to: &to, protocol, port, at });
    let said = format!("{}: {decision}", decision.word());
    if decision.is_expected() { Ok(output::line(said)?) } else { Err(failure(said)) }
}

/// Prints the graph.
pub(super) async fn reachability(app: &App) -> Result<(), Failure> {
    let snapshot = app.connections.refresh(&app.storage).await?;
    let graph = imp_connection::reachability(&snapshot.policy, &snapshot.inventory, app.now());
    output::json(&graph)
}
