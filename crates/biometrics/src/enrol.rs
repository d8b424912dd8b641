//! From photographs to a reference: bare faces, and masks drawn on them so that a mask at the door does not matter.
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::image::Image;
use crate::locate::FaceError;
use crate::measure::Measured;
use crate::network::InferenceError;
use crate::parallel;
use crate::template::{Part, Template};

/// Most photographs of one enrolment.
const MOST_PHOTOGRAPHS: usize = 16;
/// Photographs of one person are more alike than this, with a mask or without.
const SAME_PERSON: f32 = 0.25;

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
        countable(photographs.len())?;
        let results = parallel::map(self.threads, photographs, |p| self.measure_reference(p));
        let mut measured: Vec<Measured> = Vec::with_capacity(photographs.len());
        for (index, result) in results.into_iter().enumerate() {
            measured.push(result?.map_err(|source| EnrolError::Unusable { index, source })?);
        }
        self.template(&measured.iter().collect::<Vec<_>>())
    }

    /// Makes a reference of photographs of one person measured by [`Engine::measure_reference`]: the second half of
    /// [`Engine::reference`].
    pub fn template(&self, photographs: &[&Measured]) -> Result<Template, EnrolError> {
        countable(photographs.len())?;
        let first = photographs.first().ok_or(EnrolError::NoPhotographs)?;
        let other = |m: &&Measured| m.embedding().similarity(first.embedding()) < SAME_PERSON;
        if let Some(index) = photographs.iter().position(other) {
            return Err(EnrolError::DifferentPeople { index });
        }
        let of_kind =
            |masked: bool| photographs.iter().filter(move |m| self.mask_worn(m) == masked);
        let bare: Vec<&Embedding> = of_kind(false).map(|m| m.embedding()).collect();
        let worn = of_kind(true).map(|m| m.embedding());
        let masked: Vec<&Embedding> =
            worn.chain(photographs.iter().flat_map(|m| m.drawn())).collect();
        Ok(Template::new(
            self.model_set().to_owned(),
            part(&bare, of_kind(false).count()),
            part(&masked, of_kind(true).count()),
        ))
    }
}

fn countable(photographs: usize) -> Result<(), EnrolError> {
    match photographs {
        0 => Err(EnrolError::NoPhotographs),
        1..=MOST_PHOTOGRAPHS => Ok(()),
        more => Err(EnrolError::TooMany(more)),
    }
}

fn part(embeddings: &[&Embedding], photographs: usize) -> Option<Part> {
    let mean = Embedding::mean(embeddings.iter().copied())?;
    let far: f32 = embeddings.iter().map(|e| 1.0 - e.similarity(&mean)).sum();
    let spread = (far / embeddings.len() as f32).clamp(0.0, 2.0);
    Some(Part { mean, photographs: photographs as u16, spread })
}
