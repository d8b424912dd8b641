//! From measured frames to a probe: the best frames, weighted by their quality, on which the whole decision rests.
use crate::capture::{Capture, CaptureError};
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::measure::Measured;
use crate::quality::Quality;

/// The best frames, on which the decision rests: each is embedded and checked for attacks.
const EVIDENCE_FRAMES: usize = 3;
/// Frames of one person a moment apart are more alike than this.
const SAME_PERSON: f32 = 0.5;
/// No frame of evidence counts less than this, however poor beside the best.
const LEAST_WEIGHT: f32 = 0.05;

impl Engine {
    /// Makes a probe of measured frames, which show one person within a moment; the best three of them count. What
    /// [`Engine::capture`] does once its frames are measured.
    pub fn capture_of(&self, frames: &[&Measured]) -> Result<Capture, CaptureError> {
        let best = best(frames.to_vec(), |measured| &measured.quality);
        let first = *best.first().ok_or(CaptureError::NoFrames)?;
        if !best.iter().all(|m| m.embedding().similarity(first.embedding()) >= SAME_PERSON) {
            return Err(CaptureError::FacesDiffer);
        }
        let embedding = Embedding::weighted_mean(
            best.iter().map(|m| (m.quality.rank().max(LEAST_WEIGHT), m.embedding())),
        )
        .ok_or(CaptureError::NoFrames)?;
        let mean = |score: fn(&Measured) -> f32| {
            best.iter().map(|m| score(m)).sum::<f32>() / best.len() as f32
        };
        let mask_worn = self.mask.worn(mean(|m| m.mask_score));
        Ok(Capture {
            model_set: self.model_set().to_owned(),
            embedding: self.population.centred(&embedding, mask_worn),
            mask_worn,
            attack_score: mean(Measured::attack_score),
            quality: first.quality,
            frames_used: best.len() as u32,
            steps: Vec::new(),
        })
    }
}

/// The best of `items` by quality, best first: those that will be evidence.
pub(crate) fn best<T>(mut items: Vec<T>, quality: impl Fn(&T) -> &Quality) -> Vec<T> {
    items.sort_by(|a, b| quality(b).rank().total_cmp(&quality(a).rank()));
    items.truncate(EVIDENCE_FRAMES);
    items
}
