//! The connection policy: the matrix for administrators, signed copies and reports of enforcement points, and `AuthZEN`'s questions.
use std::error::Error;

use axum::extract::DefaultBodyLimit;
use imp_api::connection as contract;
use imp_connection::{Observation, Outcome, Policy, PolicyError, Proposed, Rule, RuleId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::connection::{
    DecideProposalError, ProposeRulesError, ReportError, SetConnectionPolicyError,
};
use crate::connections::CopyPolicyError;
use crate::store::{StoredPolicy, StoredProposal};

pub(crate) mod dry_run;
pub(crate) mod evaluation;
pub(crate) mod policy;
pub(crate) mod proposals;
pub(crate) mod reachability;
pub(crate) mod report;
pub(crate) mod rules;

/// The largest policy that is taken, in bytes, if `http.largest_body` allows it.
const LARGEST: usize = 16 * 1024 * 1024;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rules::show, rules::set))
        .routes(routes!(rules::diff))
        .routes(routes!(dry_run::try_out))
        .routes(routes!(proposals::list, proposals::propose))
        .routes(routes!(proposals::approve))
        .routes(routes!(proposals::reject))
        .routes(routes!(reachability::reachability))
        .routes(routes!(policy::copy))
        .routes(routes!(report::observations))
        .routes(routes!(report::refusals))
        .routes(routes!(evaluation::check))
        .routes(routes!(evaluation::evaluate))
        .routes(routes!(evaluation::evaluate_all))
        .routes(routes!(evaluation::configuration))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// Rules, parsed. The first fault is said with the name of its rule.
fn read_rules(rules: Vec<contract::Rule>) -> Result<Vec<Rule>, ProblemResponse> {
    rules.into_iter().enumerate().map(|(place, rule)| read_rule(place, rule)).collect()
}

fn read_rule(place: usize, rule: contract::Rule) -> Result<Rule, ProblemResponse> {
    let contract::Rule { id, from, to, protocol, ports, purpose, until } = rule;
    let named = id.clone().unwrap_or_else(|| format!("number {}", place + 1));
    let fault = |error: &dyn Error| {
        let problem = problem::CONNECTION_POLICY_INVALID.says("A rule is not what is expected.");
        problem.with_detail(format!("rule {named}: {error}"))
    };
    let from = from.parse().map_err(|error| fault(&error))?;
    let to = to.parse().map_err(|error| fault(&error))?;
    let protocol = protocol.parse().map_err(|error| fault(&error))?;
    let ports = ports.parse().map_err(|error| fault(&error))?;
    let purpose = purpose.parse().map_err(|error| fault(&error))?;
    let id = match id {
        Some(id) => id.parse().map_err(|error| fault(&error))?,
        None => RuleId::derived(&from, &to, protocol, ports),
    };
    Ok(Rule { id, from, to, protocol, ports, purpose, until })
}

/// A rule as the contract shows it.
fn rule(rule: &Rule) -> contract::Rule {
    contract::Rule {
        id: Some(rule.id.to_string()),
        from: rule.from.to_string(),
        to: rule.to.to_string(),
        protocol: rule.protocol.to_string(),
        ports: rule.ports.to_string(),
        purpose: rule.purpose.to_string(),
        until: rule.until,
    }
}

/// Rules that are to be tried.
fn tried(rules: Vec<contract::Rule>) -> Result<Policy, ProblemResponse> {
    Policy::new(0, read_rules(rules)?).map_err(|error| invalid(&error))
}

fn invalid(error: &PolicyError) -> ProblemResponse {
    problem::CONNECTION_POLICY_INVALID.because(error)
}

/// A version of the policy as the contract shows it.
pub(crate) fn policy_answer(stored: &StoredPolicy) -> contract::ConnectionPolicy {
    let (changed_by, changed_at) = stored.changed.clone().unzip();
    contract::ConnectionPolicy {
        version: stored.policy.version(),
        digest: stored.policy.digest(),
        rules: stored.policy.rules().iter().map(rule).collect(),
        changed_by,
        changed_at,
    }
}

/// A proposal as the contract shows it.
pub(crate) fn proposal_answer(stored: &StoredProposal) -> contract::Proposal {
    let verdict = stored.verdict.as_ref();
    let state = match verdict {
        None => "open",
        Some(verdict) if verdict.version.is_some() => "approved",
        Some(_) => "rejected",
    };
    contract::Proposal {
        id: stored.id,
        base: stored.base,
        rules: stored.rules.iter().map(proposed).collect(),
        left_out: stored.left_out,
        proposed_by: stored.by.clone(),
        proposed_at: stored.at,
        state: state.to_owned(),
        decided_by: verdict.map(|verdict| verdict.by.clone()),
        decided_at: verdict.map(|verdict| verdict.at),
        version: verdict.and_then(|verdict| verdict.version),
        remark: verdict.and_then(|verdict| verdict.remark.clone()),
    }
}

fn proposed(Proposed { rule: learned, evidence }: &Proposed) -> contract::ProposedRule {
    contract::ProposedRule {
        rule: rule(learned),
        connections: evidence.connections,
        from_machines: evidence.from_machines,
        to_machines: evidence.to_machines,
        first: evidence.first,
        last: evidence.last,
    }
}

/// What was seen, as the contract shows it.
pub(crate) fn observation(seen: &Observation) -> contract::Observation {
    contract::Observation {
        from: seen.from.clone(),
        to: seen.to.clone(),
        protocol: seen.protocol.to_string(),
        port: seen.port,
        outcome: seen.outcome.code().to_owned(),
        count: seen.count,
        first: seen.first,
        last: seen.last,
    }
}

/// What was seen, parsed.
fn read_observation(seen: contract::Observation) -> Result<Observation, ProblemResponse> {
    let fault = |what: &str| {
        problem::REPORT_INVALID
            .says("The report is not what is expected.")
            .with_detail(what.to_owned())
    };
    let protocol = seen.protocol.parse().map_err(|_| fault("protocol: tcp or udp is expected"))?;
    let outcome = Outcome::ALL.into_iter().find(|one| one.code() == seen.outcome);
    let outcome = outcome.ok_or_else(|| fault("outcome: expected, refused or let-through"))?;
    let contract::Observation { from, to, port, count, first, last, .. } = seen;
    Ok(Observation { from, to, protocol, port, outcome, count, first, last })
}

impl From<SetConnectionPolicyError> for ProblemResponse {
    fn from(error: SetConnectionPolicyError) -> Self {
        match &error {
            SetConnectionPolicyError::Invalid(source) => invalid(source),
            SetConnectionPolicyError::Conflict { .. } => problem::POLICY_CONFLICT.because(&error),
            SetConnectionPolicyError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ProposeRulesError> for ProblemResponse {
    fn from(error: ProposeRulesError) -> Self {
        match &error {
            ProposeRulesError::Nothing | ProposeRulesError::Many | ProposeRulesError::Waiting => {
                problem::PROPOSAL_STATE.because(&error)
            }
            ProposeRulesError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<DecideProposalError> for ProblemResponse {
    fn from(error: DecideProposalError) -> Self {
        match &error {
            DecideProposalError::NotFound => problem::NOT_FOUND.because(&error),
            DecideProposalError::Decided => problem::PROPOSAL_STATE.because(&error),
            DecideProposalError::Own => problem::PROPOSAL_OWN.because(&error),
            DecideProposalError::Invalid(source) => invalid(source),
            DecideProposalError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ReportError> for ProblemResponse {
    fn from(error: ReportError) -> Self {
        match &error {
            ReportError::Others => problem::REPORT_OF_OTHERS.because(&error),
            ReportError::Observation(_) => problem::REPORT_INVALID.because(&error),
            ReportError::Often => problem::TOO_SOON.because(&error),
            ReportError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<CopyPolicyError> for ProblemResponse {
    fn from(error: CopyPolicyError) -> Self {
        match &error {
            CopyPolicyError::Sign(_) | CopyPolicyError::Part(_) => problem::internal(&error),
            CopyPolicyError::Storage(source) => problem::storage(&error, source),
        }
    }
}
