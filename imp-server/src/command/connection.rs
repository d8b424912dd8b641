//! The connection policy: its versions, what was seen, what is learned from it, and what enforcement points report.
mod hosts;
mod policy;
mod proposal;
mod report;

pub use hosts::connection_hosts;
pub use policy::{
    SetConnectionPolicyError, connection_policy, observations, set_connection_policy,
};
pub use proposal::{
    DecideProposalError, ProposeRulesError, RuleWish, approve_proposal, find_proposal,
    list_proposals, propose_rules, reject_proposal,
};
pub use report::{
    Refusal, ReportError, Reporter, purge_reports, report_observations, report_refusals,
};

/// The most kinds of connections that are looked at, and kept.
pub(crate) const MOST_KINDS: u32 = 50_000;
