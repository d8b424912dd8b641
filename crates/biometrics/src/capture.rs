//! From frames to a probe: everything that can be done before the reference arrives.
use crate::align::{Crop, align};
use crate::compare::CompareError;
use crate::detect::Face;
use crate::embed::{BothWays, Embedding};
use crate::engine::Engine;
use crate::image::Image;
use crate::network::InferenceError;
use crate::parallel;
use crate::quality::{Hint, LEAST_EYE_DISTANCE, Quality};
use crate::timing::{Step, timed};

/// Most frames of one capture.
const MOST_FRAMES: usize = 16;
/// The best frames, on which the decision rests: each is embedded and checked for attacks.
const EVIDENCE_FRAMES: usize = 2;
/// Frames of one person a moment apart are more alike than this.
const SAME_PERSON: f32 = 0.5;
/// A second face of at least this share of the first one's area is somebody else standing there.
const COMPARABLE: f32 = 0.4;

/// A probe (ISO/IEC 2382-37) with what was found out about it; the embedding is wiped on drop.
#[derive(Clone)]
pub struct Capture {
    model_set: String,
    embedding: Embedding,
    mask_worn: bool,
    attack_score: f32,
    quality: Quality,
    frames_used: u32,
    steps: Vec<Step>,
}

/// A picture cannot be used to recognise somebody; the message is for the person in it.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FaceError {
    /// Nobody is there.
    #[error("no face was found")]
    NoFace,
    /// More than one person could be meant; small faces in the background do not count.
    #[error("{count} faces were found: only one person may be in front of the camera")]
    SeveralFaces {
        /// Faces of comparable size.
        count: usize,
    },
    /// Too few pixels.
    #[error(
        "the face is too small: {eye_distance:.0} pixels between the eyes, at least {least:.0} are needed"
    )]
    TooSmall {
        /// Pixels between the eyes.
        eye_distance: f32,
        /// Pixels needed.
        least: f32,
    },
    /// Too dark, blurred, or turned away.
    #[error("the picture is not good enough: {0}")]
    PoorQuality(Hint),
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

/// The one face of a picture, ready to be embedded.
pub(crate) struct Found {
    pub(crate) face: Face,
    pub(crate) crop: Crop,
    pub(crate) quality: Quality,
    detect_micros: u64,
    quality_micros: u64,
}

/// What one network is asked about one frame.
enum Question {
    Embed { frame: usize, mirrored: bool },
    Attack { frame: usize, judge: usize },
}

/// What it answered.
enum Answer {
    Embedding(Embedding),
    Attack(f32),
}

/// The answers about all frames of evidence.
#[derive(Default)]
struct Answers {
    embeddings: Vec<BothWays>,
    attack_scores: Vec<f32>,
    embed_micros: u64,
    attack_micros: u64,
}

impl Engine {
    /// Makes a probe of `frames`, which show one person within a moment: the best two of them are embedded and checked
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
        let (frames, found) = self.usable(&distinct(frames))?;
        let answers = self.ask(&frames, &found)?;
        let embeddings = &answers.embeddings;
        let first = &embeddings.first().ok_or(CaptureError::NoFrames)?.mean;
        if !embeddings.iter().all(|e| e.mean.similarity(first) >= SAME_PERSON) {
            return Err(CaptureError::FacesDiffer);
        }
        let (mask_score, mask_micros) = timed(|| {
            let scores =
                found.iter().zip(embeddings).map(|(f, e)| self.mask.score(&f.crop, &e.straight));
            scores.sum::<f32>() / found.len() as f32
        });
        let embedding =
            Embedding::mean(embeddings.iter().map(|e| &e.mean)).ok_or(CaptureError::NoFrames)?;
        let total = |micros: fn(&Found) -> u64| found.iter().map(micros).sum();
        let step = |name, micros| Step { name, micros };
        Ok(Capture {
            model_set: self.model_set().to_owned(),
            embedding,
            mask_worn: self.mask.worn(mask_score),
            attack_score: answers.attack_scores.iter().sum::<f32>()
                / answers.attack_scores.len() as f32,
            quality: found[0].quality,
            frames_used: found.len() as u32,
            steps: vec![
                step("detect", total(|f| f.detect_micros)),
                step("align and quality", total(|f| f.quality_micros)),
                step("attack", answers.attack_micros),
                step("embed", answers.embed_micros),
                step("mask", mask_micros),
            ],
        })
    }

    /// The best frames, best first, each with its one face.
    fn usable<'a>(
        &self,
        frames: &[&'a Image],
    ) -> Result<(Vec<&'a Image>, Vec<Found>), CaptureError> {
        let mut usable = Vec::new();
        let mut reason = FaceError::NoFace;
        for (frame, found) in
            frames.iter().zip(parallel::map(self.threads, frames, |f| self.find(f)))
        {
            match found? {
                Ok(found) => usable.push((*frame, found)),
                Err(error) => reason = error,
            }
        }
        if usable.is_empty() {
            return Err(CaptureError::Unusable(reason));
        }
        usable.sort_by(|(_, a), (_, b)| b.quality.rank().total_cmp(&a.quality.rank()));
        usable.truncate(EVIDENCE_FRAMES);
        Ok(usable.into_iter().unzip())
    }

    /// The one face in `image`, or why there is none that can be used.
    pub(crate) fn find(&self, image: &Image) -> Result<Result<Found, FaceError>, InferenceError> {
        let (faces, detect_micros) = timed(|| self.detector.detect(image));
        let face = match only_face(&faces?) {
            Ok(face) => face,
            Err(error) => return Ok(Err(error)),
        };
        let ((crop, quality), quality_micros) = timed(|| {
            let crop = align(image, &face.landmarks);
            let quality = Quality::measure(&crop, &face.landmarks);
            (crop, quality)
        });
        Ok(match quality.refusal() {
            Some(Hint::MoveCloser) => Err(FaceError::TooSmall {
                eye_distance: quality.eye_distance,
                least: LEAST_EYE_DISTANCE,
            }),
            Some(hint) => Err(FaceError::PoorQuality(hint)),
            None => Ok(Found { face, crop, quality, detect_micros, quality_micros }),
        })
    }

    /// Asks every network about every frame, on all threads.
    fn ask(&self, frames: &[&Image], found: &[Found]) -> Result<Answers, InferenceError> {
        let judges = self.attack.judges();
        let embed = (0..frames.len())
            .flat_map(|frame| [false, true].map(|mirrored| Question::Embed { frame, mirrored }));
        let attack = (0..frames.len()).flat_map(|frame| {
            (0..judges.len()).map(move |judge| Question::Attack { frame, judge })
        });
        // The long ones first, so that the threads end together.
        let questions: Vec<Question> = embed.chain(attack).collect();
        let results = parallel::map(self.threads, &questions, |question| {
            timed(|| match *question {
                Question::Embed { frame, mirrored } => {
                    let crop = &found[frame].crop;
                    let crop = if mirrored { crop.flipped() } else { crop.clone() };
                    self.embedder.embed(&crop).map(Answer::Embedding)
                }
                Question::Attack { frame, judge } => judges[judge]
                    .score(frames[frame], &found[frame].face.bounding_box)
                    .map(Answer::Attack),
            })
        });
        let mut answers = Answers::default();
        let mut straight = None;
        for (answer, micros) in results {
            match answer? {
                Answer::Embedding(embedding) => {
                    answers.embed_micros += micros;
                    // They come in pairs: straight, then mirrored.
                    match straight.take() {
                        None => straight = Some(embedding),
                        Some(first) => answers.embeddings.push(BothWays::new(first, &embedding)),
                    }
                }
                Answer::Attack(score) => {
                    answers.attack_scores.push(score);
                    answers.attack_micros += micros;
                }
            }
        }
        Ok(answers)
    }
}

/// The largest of `faces`, which come largest first, unless another is of comparable size.
pub(crate) fn only_face(faces: &[Face]) -> Result<Face, FaceError> {
    let largest = *faces.first().ok_or(FaceError::NoFace)?;
    let area = largest.bounding_box.area();
    let count = faces.iter().filter(|f| f.bounding_box.area() >= COMPARABLE * area).count();
    if count > 1 { Err(FaceError::SeveralFaces { count }) } else { Ok(largest) }
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
