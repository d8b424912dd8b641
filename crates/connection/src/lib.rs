//! The connection policy: which machine may connect to which, by what protocol, to which port, what for and until when. What no
//! rule expects is unexpected.
//!
//! A [`Policy`] decides an [`Attempt`]; a [`PolicyCopy`] is the same, signed, with the machines that it speaks of, for an
//! enforcement point that has to decide while the server cannot be reached. No input or output: time and keys are arguments.
mod attempt;
pub mod csv;
mod decide;
mod diff;
mod dry_run;
mod endpoint;
mod index;
mod inventory;
mod mud;
mod observation;
mod policy;
mod ports;
mod proposal;
mod reachability;
mod rule;
mod signed;
mod text;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Party};
pub use decide::{Decision, Reason, Side};
pub use diff::{Diff, RuleChange};
pub use dry_run::{DryRun, Judged, dry_run};
pub use endpoint::{Endpoint, Group, InvalidEndpoint};
pub use inventory::{Asked, Inventory, Member};
pub use mud::{Mud, MudError, MudImport, MudMeaning, RefusedTerm, Why};
pub use observation::{InvalidObservation, Observation, Outcome};
pub use policy::{MAX_BYTES, MAX_RULES, Policy, PolicyError};
pub use ports::{InvalidPorts, InvalidProtocol, Ports, Protocol};
pub use proposal::{Evidence, LeftOut, LeftOutReason, Proposal, Proposed, propose};
pub use reachability::{Edge, Located, Node, Reachability, reachability};
pub use rule::{InvalidRuleId, Rule, RuleId};
pub use signed::{CopyError, Edition, Pinned, PolicyCopy, SignedPolicy, key_id};
pub use text::{InvalidPurpose, Purpose};
