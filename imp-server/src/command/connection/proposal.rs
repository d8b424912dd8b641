//! Rules that are learned from what was seen. Somebody asks for them, and somebody else decides.
use std::collections::BTreeMap;

use imp_connection::{Inventory, Policy, PolicyError, Rule, RuleId, propose};
use imp_identity::name::Remark;
use imp_identity::{Actor, ConnectionProposalId};
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;

use super::MOST_KINDS;
use super::policy::put;
use crate::command::Context;
use crate::store::{StoredProposal, Tables as _, Verdict};

/// The most proposals that wait for somebody.
const MOST_WAITING: i64 = 100;
/// The most rules of one proposal: more than that nobody reads.
const MOST_RULES: usize = 1000;

/// What somebody wants to learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleWish {
    /// Only what was seen at least so often.
    pub least: u64,
    /// Only what was seen since then.
    pub since: Option<Timestamp>,
    /// When the rules are to end.
    pub until: Option<Timestamp>,
}

/// Nothing is proposed.
#[derive(Debug, thiserror::Error)]
pub enum ProposeRulesError {
    /// There is nothing to learn.
    #[error(
        "nothing was seen that the policy does not expect, and that was seen often enough between machines that are known"
    )]
    Nothing,
    /// Nobody would read it.
    #[error(
        "there would be more than {MOST_RULES} rules: ask for what was seen more often, or lately"
    )]
    Many,
    /// Too many wait already.
    #[error("there are {MOST_WAITING} proposals that nobody has decided")]
    Waiting,
    /// See the source.
    #[error("could not store the proposal")]
    Storage(#[from] StorageError),
}

/// The proposal was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideProposalError {
    /// There is no such proposal.
    #[error("there is no such proposal")]
    NotFound,
    /// Somebody decided it already.
    #[error("the proposal was decided already")]
    Decided,
    /// Two people must agree.
    #[error("who asked for a proposal cannot approve it: somebody else must")]
    Own,
    /// The rules do not fit into the policy.
    #[error(transparent)]
    Invalid(#[from] PolicyError),
    /// See the source.
    #[error("could not store the decision")]
    Storage(#[from] StorageError),
}

/// Proposes rules that would expect what was seen.
pub async fn propose_rules(
    context: &mut Context<'_>,
    actor: Actor,
    wish: RuleWish,
) -> Result<StoredProposal, ProposeRulesError> {
    let mut transaction = context.storage.begin().await?;
    if transaction.connections().undecided().await? >= MOST_WAITING {
        return Err(ProposeRulesError::Waiting);
    }
    let policy = transaction.connections().current().await?.policy;
    let members = transaction.connections().members(context.trust_domain).await?;
    let inventory = Inventory::new(context.trust_domain.clone(), members);
    let since = wish.since.unwrap_or(Timestamp::UNIX_EPOCH);
    let seen = transaction.observations().since(since, MOST_KINDS).await?;
    let learned = propose(&policy, &inventory, &seen, (wish.least, wish.until), context.now);
    match learned.rules.len() {
        0 => return Err(ProposeRulesError::Nothing),
        many if many > MOST_RULES => return Err(ProposeRulesError::Many),
        _ => {}
    }
    let proposal = StoredProposal {
        id: ConnectionProposalId::generate(context.now, &mut context.rng),
        base: policy.version(),
        rules: learned.rules,
        left_out: u64::try_from(learned.left_out.len()).unwrap_or(u64::MAX),
        by: actor,
        at: context.now,
        verdict: None,
    };
    transaction.connections().propose(&proposal).await?;
    transaction.commit().await?;
    Ok(proposal)
}

/// Puts the rules of a proposal in force, beside those that are by now. Who asked for it cannot.
pub async fn approve_proposal(
    context: &mut Context<'_>,
    actor: Actor,
    id: ConnectionProposalId,
) -> Result<StoredProposal, DecideProposalError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.connections().proposal(id).await?;
    let mut proposal = undecided(found)?;
    if proposal.by == actor {
        return Err(DecideProposalError::Own);
    }
    let current = transaction.connections().current().await?.policy;
    let next = current.version().saturating_add(1);
    let learned = proposal.rules.iter().map(|proposed| proposed.rule.clone());
    let policy = Policy::new(next, joined(&current, learned, context.now))?;
    put(context, &mut transaction, actor.clone(), policy).await?;
    let verdict = Verdict { by: actor, at: context.now, version: Some(next), remark: None };
    transaction.connections().decide(id, &verdict).await?;
    transaction.commit().await?;
    proposal.verdict = Some(verdict);
    Ok(proposal)
}

/// Decides that the rules of a proposal are not put in force.
pub async fn reject_proposal(
    context: &mut Context<'_>,
    actor: Actor,
    id: ConnectionProposalId,
    reason: Remark,
) -> Result<StoredProposal, DecideProposalError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.connections().proposal(id).await?;
    let mut proposal = undecided(found)?;
    let remark = Some(reason.as_str().to_owned());
    let verdict = Verdict { by: actor, at: context.now, version: None, remark };
    transaction.connections().decide(id, &verdict).await?;
    transaction.commit().await?;
    proposal.verdict = Some(verdict);
    Ok(proposal)
}

/// The latest proposals, latest first; at most 100.
pub async fn list_proposals(storage: &Storage) -> Result<Vec<StoredProposal>, StorageError> {
    storage.read().await?.connections().proposals(100).await
}

/// One proposal.
pub async fn find_proposal(
    storage: &Storage,
    id: ConnectionProposalId,
) -> Result<Option<StoredProposal>, StorageError> {
    storage.read().await?.connections().proposal(id).await
}

fn undecided(found: Option<StoredProposal>) -> Result<StoredProposal, DecideProposalError> {
    let proposal = found.ok_or(DecideProposalError::NotFound)?;
    if proposal.verdict.is_some() { Err(DecideProposalError::Decided) } else { Ok(proposal) }
}

/// The rules in force with the learned ones. One whose time is over makes way for a learned one of its name; of two that say the same,
/// the one in force stays; and a learned one whose name is another's is given a number.
fn joined(current: &Policy, learned: impl Iterator<Item = Rule>, now: Timestamp) -> Vec<Rule> {
    let mut rules: BTreeMap<_, _> =
        current.rules().iter().map(|rule| (rule.id.clone(), rule.clone())).collect();
    for rule in learned {
        let stays = |other: &Rule| !other.is_over(now);
        let says_the_same = |other: &Rule| {
            (&other.from, &other.to, other.protocol, other.ports)
                == (&rule.from, &rule.to, rule.protocol, rule.ports)
        };
        let numbered = (2_u32..).map_while(|number| format!("{}.{number}", rule.id).parse().ok());
        let mut names = std::iter::once(rule.id.clone()).chain(numbered);
        let is_decisive = |name: &RuleId| {
            rules.get(name).is_none_or(|other| !stays(other) || says_the_same(other))
        };
        let Some(id) = names.find(is_decisive) else { continue };
        if rules.get(&id).is_none_or(|other| !stays(other)) {
            rules.insert(id.clone(), Rule { id, ..rule });
        }
    }
    rules.into_values().collect()
}
