//! HTTP as every server of IMP speaks it: problems for answers (RFC 9457), bounds on bodies and time, careful headers.
mod json;
mod layers;
pub mod problem;

pub use json::Json;
pub use layers::{Bounds, protected};
pub use problem::{ProblemKind, ProblemResponse};
