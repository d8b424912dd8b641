//! Who may do what: the hospital's authorization policies in Cedar, their schema, and the decision.
//!
//! Nothing is permitted that no policy permits, and a policy that forbids wins. The policies are checked against the
//! operations that the server has: one that names an operation, a role or an attribute that does not exist is refused
//! before it counts.
mod caller;
mod cases;
mod decide;
mod load;
mod operation;
mod place;
mod schema;

pub use caller::{Caller, Circumstances, Person, Subject};
pub use cases::{Case, Cases, CasesError, Outcome, run_cases, uncovered};
pub use decide::Decision;
pub use load::{Access, Fault, LoadError, PolicyText};
pub use operation::{CallerKind, Operation, SubjectKind};
