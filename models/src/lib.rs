//! The networks IMP ships: which they are, where they came from, and a reader that refuses a file whose digest is wrong.
mod manifest;
mod store;

pub use manifest::{
    Channels, Comparison, ImageConvention, Input, Manifest, ManifestError, Model, ModelSet, Output,
    ProbeKind, Purpose, ReferenceKind, Thresholds,
};
pub use store::{ModelStore, OpenError, ReadError};
