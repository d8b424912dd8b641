//! From camera frames to a decision with its evidence: detect, align, judge quality, detect presentation attacks and
//! masks, embed, compare. Strictly one to one; vocabulary of ISO/IEC 2382-37.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic goes from integers to floats and back, bounded by images of at most 2048 pixels a side"
)]
mod align;
mod attack;
mod capture;
pub mod challenge;
mod compare;
mod depthwise;
mod dequantise;
mod detect;
mod draw_mask;
mod embed;
mod engine;
mod enrol;
mod fuse;
mod graph;
mod image;
mod jpeg;
mod landmarks;
mod locate;
mod mask;
mod measure;
mod network;
mod networks;
mod parallel;
mod population;
mod prelu;
mod protect;
mod quality;
mod resize;
mod template;
mod timing;
mod views;

pub use align::{Crop, SIDE as CROP_SIDE, Similarity, align};
pub use attack::Traces;
pub use capture::{Capture, CaptureError, VerifyError};
pub use compare::{AttackOutcome, CompareError, Outcome, Prepared, Verification};
pub use detect::{BoundingBox, Face, Landmarks, Point};
pub use draw_mask::{MaskStyle, UnknownMaskStyle, draw_mask};
pub use embed::{DIMENSIONS, Embedding};
pub use engine::{DrawMaskError, Engine, InspectedFace, Inspection, LoadError};
pub use enrol::{EnrolError, Series};
pub use image::{Image, ImageError};
pub use locate::FaceError;
pub use measure::Measured;
pub use network::InferenceError;
pub use networks::LoadedNetwork;
pub use protect::{ProtectedTemplate, TemplateError, TemplateKey};
pub use quality::{Hint, Quality};
pub use template::Template;
pub use timing::Step;

/// What is done with the models between pixels and similarity, as a number: whoever changes it so that scores move raises
/// it, and the calibration must be made anew (`imp-client face evaluate`).
pub const PIPELINE: u32 = 3;
