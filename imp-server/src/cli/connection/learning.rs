//! `connection propose`, `proposals`, `approve`, `reject`
use imp_identity::ConnectionProposalId;
use imp_identity::name::Remark;

use super::Wish;
use crate::app::{self, App};
use crate::cli::account;
use crate::cli::output::{self, Failure};
use crate::command::connection::{
    RuleWish, approve_proposal, list_proposals, propose_rules, reject_proposal,
};
use crate::http::connection::proposal_answer;
use crate::store::StoredProposal;

/// Learns rules.
pub(super) async fn propose(app: &App, wish: Wish) -> Result<(), Failure> {
    let Wish { least, since, until } = wish;
    let since = since.map(|since| since.instant(app.now())).transpose()?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let wish = RuleWish { least, since, until };
    let proposal = propose_rules(context, account::operator(), wish).await?;
    print(&proposal)?;
    Ok(output::line("somebody else approves or rejects it")?)
}

/// Lists proposals.
pub(super) async fn list(app: &App, json: bool) -> Result<(), Failure> {
    for proposal in list_proposals(&app.storage).await? {
        if json {
            output::json_line(&proposal_answer(&proposal))?;
        } else {
            print(&proposal)?;
        }
    }
    Ok(())
}

/// Puts the rules of a proposal in force.
pub(super) async fn approve(app: &App, id: ConnectionProposalId) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let proposal = approve_proposal(context, account::operator(), id).await?;
    let version = proposal.verdict.and_then(|verdict| verdict.version).unwrap_or_default();
    Ok(output::line(format!("version {version} is in force"))?)
}

/// Decides that they are not put in force.
pub(super) async fn reject(
    app: &App,
    id: ConnectionProposalId,
    reason: Remark,
) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    reject_proposal(context, account::operator(), id, reason).await?;
    Ok(output::line("rejected")?)
}

fn print(proposal: &StoredProposal) -> Result<(), Failure> {
    let shown = proposal_answer(proposal);
    let (id, at, state, left_out) = (shown.id, shown.proposed_at, shown.state, shown.left_out);
    let rules = shown.rules.len();
    output::line(format!("{id}  {at:.0}  {state}  {rules} rules, {left_out} kinds left out"))?;
    for learned in shown.rules {
        let (rule, seen) = (learned.rule, learned.connections);
        let (from, to, protocol, ports) = (rule.from, rule.to, rule.protocol, rule.ports);
        let (sources, targets) = (learned.from_machines, learned.to_machines);
        output::line(format!(
            "  {from} -> {to} {protocol} {ports}: {seen} connections, {sources} to {targets} machines"
        ))?;
    }
    Ok(())
}
