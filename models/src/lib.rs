//! The networks IMP ships: which they are, where they came from, and a reader that refuses a file whose digest is wrong;
//! and the calibration that belongs to them.
mod calibration;
mod manifest;
mod store;

pub use calibration::{
    Calibration, CalibrationError, Comparison, Made, OutOfBounds, Rate, Thresholds,
};
pub use manifest::{
    Channels, ImageConvention, Input, Manifest, ManifestError, Model, ModelSet, Output, ProbeKind,
    Purpose, ReferenceKind,
};
pub use store::{ModelStore, OpenError, ReadError};
