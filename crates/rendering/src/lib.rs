//! Presentation attack instruments (ISO/IEC 30107-3) and bona fide people, seen by a camera: short sequences of frames
//! rendered from still photographs, the same for the same seed.
//!
//! A [`Scene`](scene::Scene) says how much light comes from each direction at each moment; the [`Camera`] turns that
//! light into the bytes a webcam would give. Attacks and bona fide people go through the same camera, so that they
//! differ in what was presented and not in how it was recorded. What the model leaves out is in `docs/faces/attacks.md`.
//! Rendered attacks are no substitute for a laboratory test.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic goes from integers to floats and back, bounded by images of at most 2048 pixels a side"
)]
mod camera;
mod geometry;
mod head;
mod instrument;
mod light;
mod motion;
mod noise;
mod room;
mod scene;
mod set;
mod subject;

pub use camera::{Camera, CameraError, Frame};
pub use head::{Expression, turning_head};
pub use instrument::{Species, UnknownSpecies, presentation};
pub use set::{PhotographSet, Rendered, SetError};
pub use subject::Subject;
