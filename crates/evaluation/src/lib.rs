//! Technology evaluation of face recognition after ISO/IEC 19795-1: how often people are not recognised, how often taken
//! for somebody else, how often no reference or probe can be made; thresholds, and a report that says what it cannot say.
pub mod attack;
mod calibrate;
mod comparisons;
mod conditions;
mod dataset;
mod decisions;
mod evaluation;
mod groups;
mod journal;
mod measuring;
mod proportion;
mod protocol;
mod random;
mod report;
mod subjects;
mod trials;
mod unlinkability;

pub use comparisons::{Chosen, DetPoint};
pub use conditions::{Condition, Curve, Limit, Probes};
pub use dataset::{Dataset, DatasetError, Person, Presentation, Shows};
pub use evaluation::{Evaluated, Measurements, Settings, evaluate};
pub use groups::{Differential, Group};
pub use journal::{Existing, JournalError};
pub use measuring::Progress;
pub use proportion::{Proportion, Support};
pub use report::{Calibrated, Enrolled, InUse, Report, Share, ThresholdRow};
pub use subjects::Acquisition;
pub use trials::{Enrolment, Wearing};
pub use unlinkability::{Local, Unlinkability, UnlinkabilityError};
