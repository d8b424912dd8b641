//! Everything that one photograph or frame gives, by the networks. References and probes are made of these pieces, at the
//! door and in an evaluation alike.
use serde::{Deserialize, Serialize};

use crate::align::{Crop, align};
use crate::attack::Traces;
use crate::detect::Face;
use crate::draw_mask::{MaskStyle, draw_mask};
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::image::Image;
use crate::locate::{FaceError, Located};
use crate::mask;
use crate::network::InferenceError;
use crate::parallel;
use crate::quality::Quality;
use crate::timing::timed;
use crate::views::{self, View};

/// Masks drawn on a bare face for a reference.
const DRAWN: [MaskStyle; 2] = [MaskStyle::Surgical, MaskStyle::Respirator];

/// One photograph or frame, measured; no picture. It can be kept (serde) and fused later; embeddings are wiped on drop.
#[derive(Clone, Deserialize, Serialize)]
pub struct Measured {
    /// Where the face is.
    pub face: Face,
    /// How good it is.
    pub quality: Quality,
    /// Probability of a worn mask, 0–1.
    pub mask_score: f32,
    /// Probability of a bona fide presentation by each network of the set, 0–1.
    pub attack_scores: Vec<f32>,
    /// Traces of reproduction.
    pub traces: Traces,
    attack_score: f32,
    straight: Embedding,
    mean: Embedding,
    /// The same face under drawn masks; none where they were not asked for.
    drawn: Vec<Embedding>,
}

impl Measured {
    /// Of the aligned crop.
    pub fn straight(&self) -> &Embedding {
        &self.straight
    }

    /// The mean over all views of the face, as it is and wider, each also in the mirror: what is compared.
    pub fn embedding(&self) -> &Embedding {
        &self.mean
    }

    /// Under drawn masks, by [`Engine::measure_reference`]; none where a mask is worn.
    pub fn drawn(&self) -> &[Embedding] {
        &self.drawn
    }

    /// Probability of a bona fide presentation, 0–1, by networks and traces together.
    pub fn attack_score(&self) -> f32 {
        self.attack_score
    }
}

impl std::fmt::Debug for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Measured([redacted])")
    }
}

/// How long the networks took, in microseconds; sums over frames.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) embed: u64,
    pub(crate) attack: u64,
    pub(crate) mask: u64,
}

/// What one network is asked about one frame.
enum Question {
    Embed { frame: usize, view: View },
    Attack { frame: usize, judge: usize },
}

/// What it answered.
enum Answer {
    Embedding(Embedding),
    Attack(f32),
}

/// The answers about one frame.
#[derive(Default)]
struct Answers {
    /// In the order of the views.
    embeddings: Vec<Embedding>,
    attack_scores: Vec<f32>,
}

impl Engine {
    /// Measures the one face of a photograph or frame, for a probe.
    pub fn measure(&self, image: &Image) -> Result<Result<Measured, FaceError>, InferenceError> {
        Ok(match self.locate(image)? {
            Ok(located) => Ok(self.examine_one(image, located)?),
            Err(error) => Err(error),
        })
    }

    /// As [`Engine::measure`], for a reference: a bare face is measured under drawn masks as well, which are the same
    /// for the same picture.
    pub fn measure_reference(
        &self,
        image: &Image,
    ) -> Result<Result<Measured, FaceError>, InferenceError> {
        let mut measured = match self.measure(image)? {
            Ok(measured) => measured,
            Err(error) => return Ok(Err(error)),
        };
        if !self.mask.worn(measured.mask_score) {
            let seed = seed(image);
            for (style, seed) in DRAWN.into_iter().zip(seed..) {
                measured.drawn.push(self.embed_masked(image, &measured.face, style, seed)?);
            }
        }
        Ok(Ok(measured))
    }

    /// Whether a mask is worn on a measured face.
    pub fn mask_worn(&self, measured: &Measured) -> bool {
        self.mask.worn(measured.mask_score)
    }

    /// The largest face of a picture as the recogniser sees it, to train one; `None` where there is no face.
    pub fn upright(&self, image: &Image) -> Result<Option<Crop>, InferenceError> {
        let Some(face) = self.detector.detect(image)?.first().copied() else { return Ok(None) };
        Ok(Some(align(image, &self.detector.refined(image, &face)?.landmarks)))
    }

    /// What the mask detector weighs in the largest face of a picture, to train it; `None` where there is no face.
    pub fn mask_features(&self, image: &Image) -> Result<Option<Vec<f32>>, InferenceError> {
        let Some(crop) = self.upright(image)? else { return Ok(None) };
        Ok(Some(mask::features(&crop, &self.embedder.embed(&crop)?)))
    }

    fn examine_one(&self, image: &Image, located: Located) -> Result<Measured, InferenceError> {
        let (mut measured, _) = self.examine(&[(image, located)])?;
        // One goes in, one comes out; were it not so, the network's answer would be what is missing.
        measured.pop().ok_or_else(|| InferenceError::nothing("the recogniser"))
    }

    /// Asks every network about every located face, on all threads.
    pub(crate) fn examine(
        &self,
        frames: &[(&Image, Located)],
    ) -> Result<(Vec<Measured>, Spent), InferenceError> {
        let judges = self.attack.judges();
        // What one frame shows in all views, several show in some.
        let embed = (0..frames.len()).flat_map(|frame| {
            let views: &[View] = if frame == 0 { &views::ALL } else { &views::SOME };
            views.iter().map(move |view| Question::Embed { frame, view: *view })
        });
        let attack = (0..frames.len()).flat_map(|frame| {
            (0..judges.len()).map(move |judge| Question::Attack { frame, judge })
        });
        // The long ones first, so that the threads end together.
        let questions: Vec<Question> = embed.chain(attack).collect();
        let results = parallel::map(self.threads, &questions, |question| {
            timed(|| self.answer(frames, question))
        });
        let mut answers: Vec<Answers> = frames.iter().map(|_| Answers::default()).collect();
        let mut spent = Spent::default();
        for (question, (answer, micros)) in questions.iter().zip(results) {
            let (Question::Embed { frame, .. } | Question::Attack { frame, .. }) = question;
            match answer? {
                Answer::Embedding(embedding) => {
                    spent.embed += micros;
                    answers[*frame].embeddings.push(embedding);
                }
                Answer::Attack(score) => {
                    spent.attack += micros;
                    answers[*frame].attack_scores.push(score);
                }
            }
        }
        let (measured, micros) = timed(|| {
            let pairs = frames.iter().zip(answers);
            pairs
                .filter_map(|((image, located), answers)| self.measured(image, located, answers))
                .collect()
        });
        spent.mask = micros;
        Ok((measured, spent))
    }

    fn answer(
        &self,
        frames: &[(&Image, Located)],
        question: &Question,
    ) -> Result<Answer, InferenceError> {
        match *question {
            Question::Embed { frame, view } => {
                let (image, located) = &frames[frame];
                let crop = view.of(image, &located.face.landmarks, &located.crop);
                self.embedder.embed(&crop).map(Answer::Embedding)
            }
            Question::Attack { frame, judge } => {
                let (image, located) = &frames[frame];
                let judge = &self.attack.judges()[judge];
                judge.score(image, &located.face.bounding_box).map(Answer::Attack)
            }
        }
    }

    fn measured(&self, image: &Image, located: &Located, answers: Answers) -> Option<Measured> {
        let mean = Embedding::mean(&answers.embeddings)?;
        let straight = answers.embeddings.into_iter().next()?;
        let traces = Traces::of(image, &located.face.bounding_box);
        Some(Measured {
            face: located.face,
            quality: located.quality,
            mask_score: self.mask.score(&located.crop, &straight),
            attack_score: self.attack.fused(&answers.attack_scores, traces),
            attack_scores: answers.attack_scores,
            traces,
            straight,
            mean,
            drawn: Vec::new(),
        })
    }

    /// The face under a drawn mask, aligned by the landmarks that the detector finds there: a mask moves them, and at
    /// the door they will be moved as well.
    fn embed_masked(
        &self,
        image: &Image,
        face: &Face,
        style: MaskStyle,
        seed: u64,
    ) -> Result<Embedding, InferenceError> {
        let masked = draw_mask(image, &face.landmarks, style, seed);
        let overlap = |f: &Face| f.bounding_box.overlap(&face.bounding_box);
        let faces = self.detector.detect(&masked)?;
        let same = faces.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        let landmarks = match same.filter(|f| overlap(f) > 0.3) {
            Some(found) => self.detector.refined(&masked, found)?.landmarks,
            None => face.landmarks,
        };
        let crops = views::crops(&masked, &landmarks, &views::SOME);
        let embeddings: Vec<Embedding> =
            crops.iter().map(|crop| self.embedder.embed(crop)).collect::<Result<_, _>>()?;
        Embedding::mean(&embeddings).ok_or_else(|| InferenceError::nothing("the recogniser"))
    }
}

/// A number that belongs to the picture (FNV-1a over some of its bytes), so that no two get the same drawn masks.
fn seed(image: &Image) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    image.rgb().iter().step_by(97).fold(0xcbf2_9ce4_8422_2325, mix) >> 8
}
