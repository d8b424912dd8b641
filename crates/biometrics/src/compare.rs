//! The decision: one probe against one reference.
use imp_models::{ProbeKind, Thresholds};
use serde::Serialize;

use crate::capture::Capture;
use crate::embed::Embedding;
use crate::quality::Quality;
use crate::template::Template;
use crate::timing::{Step, timed};

/// Whether the probe and the reference are of the same person (ISO/IEC 2382-37, comparison decision).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The similarity reaches the threshold.
    Match,
    /// It does not.
    NonMatch,
}

/// Whether the presentation was bona fide (ISO/IEC 30107-3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackOutcome {
    /// A living face, as far as can be told.
    BonaFide,
    /// A print, a screen, or another artefact.
    Attack,
}

/// A decision with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// Same person or not.
    pub outcome: Outcome,
    /// Living face or not.
    pub attack: AttackOutcome,
    /// Cosine similarity, −1 to 1.
    pub similarity: f32,
    /// Least similarity that is a match, for this kind of reference and probe.
    pub threshold: f32,
    /// Probability that the presentation is bona fide, 0–1.
    pub attack_score: f32,
    /// Least probability that counts as bona fide.
    pub attack_threshold: f32,
    /// A face mask is worn.
    pub mask_worn: bool,
    /// Of the best frame.
    pub quality: Quality,
    /// Frames that the decision rests on.
    pub frames_used: u32,
    /// The models and thresholds, such as `imp-face@1`.
    pub model_set: String,
    /// How long each step took.
    pub steps: Vec<Step>,
}

impl Verification {
    /// Same person, and a bona fide presentation.
    pub fn accepted(&self) -> bool {
        self.outcome == Outcome::Match && self.attack == AttackOutcome::BonaFide
    }
}

/// A capture and a template cannot be compared.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// They come from different models, whose embeddings have nothing in common.
    #[error("the reference is of model set {reference}, the capture of {capture}: enrol again")]
    ModelSet {
        /// Of the template.
        reference: String,
        /// Of the capture.
        capture: String,
    },
    /// They come from different ways of using the models, whose similarities have other thresholds.
    #[error(
        "the reference is of pipeline {reference}, this program of {}: enrol again",
        crate::PIPELINE
    )]
    Pipeline {
        /// Of the template.
        reference: u32,
    },
    /// No threshold was measured for this kind of comparison.
    #[error("the model set has no threshold for this kind of comparison")]
    NoThreshold,
}

/// Decides whether `capture` shows the person of `template`.
pub(crate) fn compare(
    thresholds: &Thresholds,
    capture: &Capture,
    template: &Template,
) -> Result<Verification, CompareError> {
    if capture.model_set() != template.model_set() {
        let (reference, capture) =
            (template.model_set().to_owned(), capture.model_set().to_owned());
        return Err(CompareError::ModelSet { reference, capture });
    }
    let probe = if capture.mask_worn() { ProbeKind::Masked } else { ProbeKind::Bare };
    let threshold = thresholds.of(template.kind(), probe).ok_or(CompareError::NoThreshold)?;
    let (similarity, micros) =
        timed(|| template.prepared(probe).map_or(-1.0, |prepared| prepared.similarity(capture)));
    let mut steps = capture.steps().to_vec();
    steps.push(Step { name: "compare", micros });
    // Written so that a value that is no number is refused.
    let outcome = if similarity >= threshold { Outcome::Match } else { Outcome::NonMatch };
    let bona_fide = capture.attack_score() >= thresholds.attack;
    Ok(Verification {
        outcome,
        attack: if bona_fide { AttackOutcome::BonaFide } else { AttackOutcome::Attack },
        similarity,
        threshold,
        attack_score: capture.attack_score(),
        attack_threshold: thresholds.attack,
        mask_worn: capture.mask_worn(),
        quality: *capture.quality(),
        frames_used: capture.frames_used(),
        model_set: capture.model_set().to_owned(),
        steps,
    })
}

/// A reference made ready for probes of one kind.
pub struct Prepared(Embedding);

impl Template {
    /// What probes of this kind are compared with: a bare face with the bare part; a masked one with the mean of both
    /// parts, which does better than either. Never the better of two: under one threshold that would multiply false
    /// matches. `None` where the reference has no part.
    pub fn prepared(&self, kind: ProbeKind) -> Option<Prepared> {
        match (kind, self.bare(), self.masked()) {
            (ProbeKind::Bare, Some(bare), _) => Some(bare.clone()),
            (_, bare, masked) => Embedding::mean(bare.into_iter().chain(masked)),
        }
        .map(Prepared)
    }
}

impl Prepared {
    /// Cosine similarity with a probe, −1 to 1.
    pub fn similarity(&self, capture: &Capture) -> f32 {
        self.0.similarity(capture.embedding())
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Part;

    fn part(values: [f32; 2]) -> Part {
        Part { mean: Embedding::normalised(values.to_vec()), photographs: 1, spread: 0.0 }
    }

    #[test]
    fn the_reference_depends_on_the_kind_of_probe() {
        let template =
            Template::new("x@1".to_owned(), Some(part([1.0, 0.0])), Some(part([0.0, 1.0])));
        let probe = Embedding::normalised(vec![1.0, 0.0]);
        let similarity = |kind| template.prepared(kind).unwrap().0.similarity(&probe);
        assert!((similarity(ProbeKind::Bare) - 1.0).abs() < 1e-6);
        assert!((similarity(ProbeKind::Masked) - 0.5f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn a_reference_without_parts_matches_nobody() {
        let template = Template::new("x@1".to_owned(), None, None);
        assert!(template.prepared(ProbeKind::Masked).is_none());
        assert!(template.prepared(ProbeKind::Bare).is_none());
    }
}
