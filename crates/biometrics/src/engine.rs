//! All networks of a model set, loaded once.
use std::num::NonZeroUsize;

use imp_models::{CalibrationError, ModelSet, ModelStore, Thresholds};
use serde::Serialize;

use crate::attack::{AttackDetector, Traces};
use crate::capture::{Capture, VerifyError};
use crate::compare::{self, CompareError, Verification};
use crate::detect::{Detector, Face};
use crate::draw_mask::{MaskStyle, draw_mask};
use crate::embed::Embedder;
use crate::image::Image;
use crate::locate::{FaceError, cut, only_face};
use crate::mask::MaskDetector;
use crate::network::{InferenceError, NetworkError};
use crate::parallel;
use crate::population::Population;
use crate::quality::{Hint, Quality};
use crate::template::Template;
use crate::timing::{Step, timed};

/// The networks, ready to run; share it between threads.
pub struct Engine {
    pub(crate) detector: Detector,
    pub(crate) embedder: Embedder,
    pub(crate) attack: AttackDetector,
    pub(crate) mask: MaskDetector,
    pub(crate) population: Population,
    pub(crate) threads: usize,
    set: ModelSet,
    thresholds: Thresholds,
    id: String,
}

/// A model set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A model is missing, altered, or cannot be executed.
    #[error("the model set {set} cannot be loaded")]
    Models {
        /// The set.
        set: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no calibration for exactly these models and this pipeline.
    #[error("the model set {set} has no calibration that fits")]
    Calibration {
        /// The set.
        set: String,
        /// What is wrong, and what to do.
        source: CalibrationError,
    },
}

/// A mask could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawMaskError {
    /// There is no one face to draw on.
    #[error("there is no face to draw a mask on")]
    Face(#[source] FaceError),
    /// The detector failed.
    #[error("the face could not be looked for")]
    Inference(#[from] InferenceError),
}

/// What was found in a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Largest first, at most 8.
    pub faces: Vec<InspectedFace>,
    /// How long each step took.
    pub steps: Vec<Step>,
}

/// What was found out about one face.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InspectedFace {
    /// Where it is.
    pub face: Face,
    /// How good it is.
    pub quality: Quality,
    /// How it could be better.
    pub hint: Option<Hint>,
    /// Probability of a worn mask, 0–1.
    pub mask_score: f32,
    /// A mask is worn.
    pub mask_worn: bool,
    /// Probability of a bona fide presentation, 0–1.
    pub attack_score: f32,
}

/// Most faces that are looked at closely.
const MOST_INSPECTED: usize = 8;

impl Engine {
    /// Loads the active set of `store` with its calibration; `threads` are used for one capture.
    pub fn load(store: &ModelStore, threads: NonZeroUsize) -> Result<Self, LoadError> {
        let uncalibrated = |source| LoadError::Calibration { set: store.active_set().id(), source };
        let calibration = store.calibration(crate::PIPELINE).map_err(uncalibrated)?;
        Self::load_with(store, threads, &calibration.thresholds)
    }

    /// Loads the active set of `store` without a calibration, to make one: no comparison has a threshold.
    pub fn load_uncalibrated(store: &ModelStore, threads: NonZeroUsize) -> Result<Self, LoadError> {
        Self::load_with(store, threads, &store.uncalibrated())
    }

    fn load_with(
        store: &ModelStore,
        threads: NonZeroUsize,
        thresholds: &Thresholds,
    ) -> Result<Self, LoadError> {
        let set = store.active_set().clone();
        let id = set.id();
        let load = || -> Result<Self, NetworkError> {
            // Each part takes a while: load them side by side.
            let (detector, embedder, attack) = std::thread::scope(|scope| {
                let detector = scope.spawn(|| Detector::load(store, thresholds.detection));
                let attack = scope.spawn(|| AttackDetector::load(store));
                (joined(detector), Embedder::load(store), joined(attack))
            });
            Ok(Self {
                detector: detector?,
                embedder: embedder?,
                attack: attack?,
                mask: MaskDetector::load(store, thresholds.mask)?,
                population: Population::load(store)?,
                threads: threads.get(),
                set: set.clone(),
                thresholds: thresholds.clone(),
                id: id.clone(),
            })
        };
        load().map_err(|source| LoadError::Models { set: id.clone(), source: Box::new(source) })
    }

    /// Name and version of the loaded set, such as `imp-face@1`.
    pub fn model_set(&self) -> &str {
        &self.id
    }

    /// The loaded set.
    pub fn set(&self) -> &ModelSet {
        &self.set
    }

    /// The decision limits, from the calibration.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Decides whether `capture` shows the person of `template`.
    pub fn compare(
        &self,
        capture: &Capture,
        template: &Template,
    ) -> Result<Verification, CompareError> {
        compare::compare(&self.thresholds, capture, template)
    }

    /// From frames to a decision with its evidence: [`Engine::capture`], then [`Engine::compare`].
    pub fn verify(
        &self,
        frames: &[Image],
        template: &Template,
    ) -> Result<Verification, VerifyError> {
        Ok(self.compare(&self.capture(frames)?, template)?)
    }

    /// Finds every face in `image` and says what can be said about it.
    pub fn inspect(&self, image: &Image) -> Result<Inspection, InferenceError> {
        let (faces, micros) = timed(|| self.detector.detect(image));
        let mut faces = faces?;
        faces.truncate(MOST_INSPECTED);
        let mut steps = vec![Step { name: "detect", micros }];
        let mut inspected = Vec::with_capacity(faces.len());
        for result in parallel::map(self.threads, &faces, |face| self.inspect_face(image, *face)) {
            let (face, face_steps) = result?;
            inspected.push(face);
            for step in face_steps {
                match steps.iter_mut().find(|s| s.name == step.name) {
                    Some(sum) => sum.micros += step.micros,
                    None => steps.push(step),
                }
            }
        }
        Ok(Inspection { width: image.width(), height: image.height(), faces: inspected, steps })
    }

    /// Draws a face mask on the one face of a photograph; the same seed gives the same picture.
    pub fn draw_mask(
        &self,
        image: &Image,
        style: MaskStyle,
        seed: u64,
    ) -> Result<Image, DrawMaskError> {
        let face = only_face(&self.detector.detect(image)?).map_err(DrawMaskError::Face)?;
        let face = self.detector.refined(image, &face)?;
        Ok(draw_mask(image, &face.landmarks, style, seed))
    }

    fn inspect_face(
        &self,
        image: &Image,
        face: Face,
    ) -> Result<(InspectedFace, [Step; 5]), InferenceError> {
        let (face, landmarks_micros) = timed(|| self.detector.refined(image, &face));
        let face = face?;
        let ((crop, quality), quality_micros) = timed(|| cut(image, &face));
        let (attack_score, attack_micros) = timed(|| {
            let judges = self.attack.judges();
            let scores: Result<Vec<f32>, _> =
                judges.iter().map(|judge| judge.score(image, &face.bounding_box)).collect();
            scores.map(|scores| self.attack.fused(&scores, Traces::of(image, &face.bounding_box)))
        });
        let attack_score = attack_score?;
        let (embedding, embed_micros) = timed(|| self.embedder.embed(&crop));
        let embedding = embedding?;
        let (mask_score, mask_micros) = timed(|| self.mask.score(&crop, &embedding));
        let mask_worn = self.mask.worn(mask_score);
        let inspected = InspectedFace {
            face,
            quality,
            hint: quality.hint(),
            mask_score,
            mask_worn,
            attack_score,
        };
        let step = |name, micros| Step { name, micros };
        let steps = [
            step("landmarks", landmarks_micros),
            step("align and quality", quality_micros),
            step("attack", attack_micros),
            step("embed", embed_micros),
            step("mask", mask_micros),
        ];
        Ok((inspected, steps))
    }
}

/// What the thread returned; its panic goes on here.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
