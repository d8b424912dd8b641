//! From frames to a probe: everything that can be done before the reference arrives.
use crate::compare::CompareError;
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::fuse;
use crate::image::Image;
use crate::locate::{FaceError, Located};
use crate::measure::Measured;
use crate::network::InferenceError;
use crate::parallel;
use crate::quality::Quality;
use crate::timing::{Step, timed};

/// Most frames of one capture.
const MOST_FRAMES: usize = 16;

/// A probe (ISO/IEC 2382-37) with what was found out about it; the embedding is wiped on drop.
#[derive(Clone)]
pub struct Capture {
    pub(crate) model_set: String,
    pub(crate) embedding: Embedding,
    pub(crate) mask_worn: bool,
    pub(crate) attack_score: f32,
    pub(crate) quality: Quality,
    pub(crate) frames_used: u32,
    pub(crate) steps: Vec<Step>,
}

/// No probe could be made.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No frames were given.
    #[error("no frames were captured")]
    NoFrames,
    /// More than 16 frames were given.
    #[error("at most {MOST_FRAMES} frames can be used, {0} were given")]
    TooManyFrames(usize),
    /// No frame can be used; the reason is that of the last one.
    #[error("no frame can be used")]
    Unusable(#[source] FaceError),
    /// The frames show different people.
    #[error("the frames do not show one and the same person")]
    FacesDiffer,
    /// A network failed.
    #[error("the frames could not be evaluated")]
    Inference(#[from] InferenceError),
}

/// No decision could be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The frames are of no use.
    #[error("the capture failed")]
    Capture(#[from] CaptureError),
    /// The reference does not fit.
    #[error("the comparison failed")]
    Compare(#[from] CompareError),
}

impl Capture {
    /// The models it was made with, such as `imp-face@1`.
    pub fn model_set(&self) -> &str {
        &self.model_set
    }

    /// A face mask is worn.
    pub fn mask_worn(&self) -> bool {
        self.mask_worn
    }

    /// Probability that the presentation is bona fide, 0–1.
    pub fn attack_score(&self) -> f32 {
        self.attack_score
    }

    /// Of the best frame.
    pub fn quality(&self) -> &Quality {
        &self.quality
    }

    /// Frames that were embedded and checked for attacks.
    pub fn frames_used(&self) -> u32 {
        self.frames_used
    }

    /// How long each step took.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn embedding(&self) -> &Embedding {
        &self.embedding
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Capture([redacted])")
    }
}

impl Engine {
    /// Makes a probe of `frames`, which show one person within a moment: the best three of them are embedded and checked
    /// for presentation attacks, so that both findings are about the same pictures. Frames that are byte for byte equal
    /// count once.
    pub fn capture(&self, frames: &[Image]) -> Result<Capture, CaptureError> {
        let (result, micros) = timed(|| self.capture_untimed(frames));
        let mut capture = result?;
        capture.steps.push(Step { name: "capture", micros });
        Ok(capture)
    }

    fn capture_untimed(&self, frames: &[Image]) -> Result<Capture, CaptureError> {
        if frames.is_empty() {
            return Err(CaptureError::NoFrames);
        }
        if frames.len() > MOST_FRAMES {
            return Err(CaptureError::TooManyFrames(frames.len()));
        }
        let best = self.usable(&distinct(frames))?;
        let (measured, spent) = self.examine(&best)?;
        let mut capture = self.capture_of(&measured.iter().collect::<Vec<&Measured>>())?;
        let total = |micros: fn(&Located) -> u64| best.iter().map(|(_, l)| micros(l)).sum();
        let step = |name, micros| Step { name, micros };
        capture.steps = vec![
            step("detect", total(|l| l.detect_micros)),
            step("landmarks", total(|l| l.landmarks_micros)),
            step("align and quality", total(|l| l.quality_micros)),
            step("attack", spent.attack),
            step("embed", spent.embed),
            step("mask", spent.mask),
        ];
        Ok(capture)
    }

    /// The best frames, best first, each with its one face.
    fn usable<'a>(&self, frames: &[&'a Image]) -> Result<Vec<(&'a Image, Located)>, CaptureError> {
        let mut usable = Vec::new();
        let mut reason = FaceError::NoFace;
        let located = parallel::map(self.threads, frames, |frame| self.locate(frame));
        for (frame, located) in frames.iter().zip(located) {
            match located? {
                Ok(located) => usable.push((*frame, located)),
                Err(error) => reason = error,
            }
        }
        if usable.is_empty() {
            return Err(CaptureError::Unusable(reason));
        }
        Ok(fuse::best(usable, |(_, located)| &located.quality))
    }
}

/// The frames without those equal to an earlier one.
fn distinct(frames: &[Image]) -> Vec<&Image> {
    let mut distinct: Vec<&Image> = Vec::with_capacity(frames.len());
    for frame in frames {
        if distinct.iter().all(|seen| seen.rgb() != frame.rgb()) {
            distinct.push(frame);
        }
    }
    distinct
}
