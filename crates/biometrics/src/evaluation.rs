//! What evaluation and training need to see of a picture, by the same code that decides at the door.
use crate::align::align;
use crate::detect::{Face, Point};
use crate::draw_mask::{MaskStyle, draw_mask};
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::image::Image;
use crate::mask;
use crate::network::InferenceError;
use crate::quality::Quality;

/// One face, measured in every way.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Of the aligned crop.
    pub straight: Embedding,
    /// Of its mirror image.
    pub mirrored: Embedding,
    /// What the mask detector weighs.
    pub mask_features: Vec<f32>,
    /// Probability of a worn mask, 0–1.
    pub mask_score: f32,
    /// Probability of a bona fide presentation, 0–1.
    pub attack_score: f32,
    /// How good the face is.
    pub quality: Quality,
}

impl Engine {
    /// Measures the face nearest to the middle of a photograph, with a mask drawn on it if one is given; `None` where
    /// there is no face.
    pub fn sample(
        &self,
        image: &Image,
        drawn: Option<(MaskStyle, u64)>,
    ) -> Result<Option<Sample>, InferenceError> {
        let Some(face) = central(image, &self.detector.detect(image)?) else { return Ok(None) };
        let Some((style, seed)) = drawn else { return self.sample_face(image, &face).map(Some) };
        let masked = draw_mask(image, &face.landmarks, style, seed);
        let overlap = |f: &Face| f.bounding_box.overlap(&face.bounding_box);
        let faces = self.detector.detect(&masked)?;
        let again = faces.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        match again.filter(|f| overlap(f) > 0.3) {
            Some(face) => self.sample_face(&masked, face).map(Some),
            None => Ok(None),
        }
    }

    fn sample_face(&self, image: &Image, face: &Face) -> Result<Sample, InferenceError> {
        let crop = align(image, &face.landmarks);
        let straight = self.embedder.embed(&crop)?;
        let mirrored = self.embedder.embed(&crop.flipped())?;
        let judges = self.attack.judges();
        let mut attack_score = 0.0;
        for judge in judges {
            attack_score += judge.score(image, &face.bounding_box)? / judges.len() as f32;
        }
        Ok(Sample {
            mask_features: mask::features(&crop, &straight),
            mask_score: self.mask.score(&crop, &straight),
            attack_score,
            quality: Quality::measure(&crop, &face.landmarks),
            straight,
            mirrored,
        })
    }
}

fn central(image: &Image, faces: &[Face]) -> Option<Face> {
    let middle = Point { x: image.width() as f32 / 2.0, y: image.height() as f32 / 2.0 };
    let distance = |face: &Face| {
        let b = face.bounding_box;
        middle.distance(Point { x: b.left + b.width / 2.0, y: b.top + b.height / 2.0 })
    };
    faces.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
}
