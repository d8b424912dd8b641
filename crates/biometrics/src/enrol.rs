//! From photographs to a reference: bare faces, and masks drawn on them so that a mask at the door does not matter.
use crate::align::{Crop, align};
use crate::capture::{FaceError, Found};
use crate::detect::Face;
use crate::draw_mask::{MaskStyle, draw_mask};
use crate::embed::{BothWays, Embedding};
use crate::engine::Engine;
use crate::image::Image;
use crate::network::InferenceError;
use crate::parallel;
use crate::template::{Part, Template};

/// Most photographs of one enrolment.
const MOST_PHOTOGRAPHS: usize = 16;
/// Photographs of one person are more alike than this, with a mask or without.
const SAME_PERSON: f32 = 0.25;
/// Masks drawn on each bare photograph.
const DRAWN: [MaskStyle; 2] = [MaskStyle::Surgical, MaskStyle::Respirator];

/// No reference could be made.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// No photographs were given.
    #[error("no photographs were given")]
    NoPhotographs,
    /// More than 16 photographs were given.
    #[error("at most {MOST_PHOTOGRAPHS} photographs can be enrolled, {0} were given")]
    TooMany(usize),
    /// A photograph cannot be used.
    #[error("photograph {} cannot be used", .index + 1)]
    Unusable {
        /// Which, from 0.
        index: usize,
        /// Why.
        source: FaceError,
    },
    /// Every photograph shows a mask.
    #[error("at least one photograph without a mask is needed")]
    OnlyMasked,
    /// A photograph shows somebody else.
    #[error("photograph {} shows another person than the first", .index + 1)]
    DifferentPeople {
        /// Which, from 0.
        index: usize,
    },
    /// A network failed.
    #[error("the photographs could not be evaluated")]
    Inference(#[from] InferenceError),
}

/// One photograph, embedded.
struct Enrolled {
    embedding: Embedding,
    masked: bool,
    /// The same face under drawn masks; none where a mask is worn.
    drawn: Vec<Embedding>,
}

impl Engine {
    /// Makes a reference from 1 to 16 photographs of one person, at least one of them bare-faced. Whether the
    /// presentations were bona fide is for [`Engine::capture`] to say.
    pub fn enrol(&self, photographs: &[Image]) -> Result<Template, EnrolError> {
        let template = self.reference(photographs)?;
        if template.bare().is_none() { Err(EnrolError::OnlyMasked) } else { Ok(template) }
    }

    /// As [`Engine::enrol`], but content with photographs that all show a mask: good enough to compare two pictures,
    /// not to enrol somebody.
    pub fn reference(&self, photographs: &[Image]) -> Result<Template, EnrolError> {
        if photographs.is_empty() {
            return Err(EnrolError::NoPhotographs);
        }
        if photographs.len() > MOST_PHOTOGRAPHS {
            return Err(EnrolError::TooMany(photographs.len()));
        }
        let mut enrolled: Vec<Enrolled> = Vec::with_capacity(photographs.len());
        let seeds: Vec<(usize, &Image)> = photographs.iter().enumerate().collect();
        for (index, result) in
            parallel::map(self.threads, &seeds, |(seed, image)| self.enrol_one(image, *seed as u64))
                .into_iter()
                .enumerate()
        {
            let one = result?.map_err(|source| EnrolError::Unusable { index, source })?;
            if enrolled
                .first()
                .is_some_and(|f| f.embedding.similarity(&one.embedding) < SAME_PERSON)
            {
                return Err(EnrolError::DifferentPeople { index });
            }
            enrolled.push(one);
        }
        let of_kind = |masked: bool| enrolled.iter().filter(move |e| e.masked == masked);
        let part = |mean: Option<Embedding>, photographs: usize| {
            mean.map(|mean| Part { mean, photographs: photographs as u16 })
        };
        let bare = Embedding::mean(of_kind(false).map(|e| &e.embedding));
        let worn = of_kind(true).map(|e| &e.embedding);
        let masked = Embedding::mean(worn.chain(enrolled.iter().flat_map(|e| &e.drawn)));
        Ok(Template::new(
            self.model_set().to_owned(),
            part(bare, of_kind(false).count()),
            part(masked, of_kind(true).count()),
        ))
    }

    fn enrol_one(
        &self,
        image: &Image,
        seed: u64,
    ) -> Result<Result<Enrolled, FaceError>, InferenceError> {
        let found = match self.find(image)? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let BothWays { straight, mean: embedding } = self.embedder.embed_both_ways(&found.crop)?;
        let masked = self.mask.worn(self.mask.score(&found.crop, &straight));
        let mut drawn = Vec::new();
        if !masked {
            for (index, style) in DRAWN.into_iter().enumerate() {
                let seed = seed * DRAWN.len() as u64 + index as u64;
                let crop = self.masked_crop(image, &found, style, seed)?;
                drawn.push(self.embedder.embed_both_ways(&crop)?.mean);
            }
        }
        Ok(Ok(Enrolled { embedding, masked, drawn }))
    }

    /// The face under a drawn mask, aligned by the landmarks that the detector finds there: a mask moves them, and at
    /// the door they will be moved as well.
    pub(crate) fn masked_crop(
        &self,
        image: &Image,
        found: &Found,
        style: MaskStyle,
        seed: u64,
    ) -> Result<Crop, InferenceError> {
        let masked = draw_mask(image, &found.face.landmarks, style, seed);
        let overlap = |f: &Face| f.bounding_box.overlap(&found.face.bounding_box);
        let faces = self.detector.detect(&masked)?;
        let same = faces.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        let landmarks =
            same.filter(|f| overlap(f) > 0.3).map_or(found.face.landmarks, |f| f.landmarks);
        Ok(align(&masked, &landmarks))
    }
}
