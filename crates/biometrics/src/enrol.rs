//! From photographs to a reference: bare faces, and masks drawn on them so that a mask at the door does not matter.
use crate::embed::Embedding;
use crate::engine::Engine;
use crate::image::Image;
use crate::locate::FaceError;
use crate::measure::Measured;
use crate::network::InferenceError;
use crate::parallel;
use crate::quality::{Hint, Quality};
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
    /// A photograph can be compared, but would make a weak reference.
    #[error("photograph {} would make a weak reference: {hint}", .index + 1)]
    Weak {
        /// Which, from 0.
        index: usize,
        /// How to take a better one.
        hint: Hint,
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

/// What a series of photographs gave.
#[derive(Debug)]
pub struct Series {
    /// The reference.
    pub template: Template,
    /// How many of them it was made of.
    pub photographs: usize,
    /// Least probability of a bona fide presentation among those, 0–1.
    pub attack_score: f32,
}

impl Engine {
    /// Makes a reference from 1 to 16 photographs of one person, at least one of them bare-faced, all of them good. Whether
    /// the presentations were bona fide is for [`Engine::capture`] to say.
    pub fn enrol(&self, photographs: &[Image]) -> Result<Template, EnrolError> {
        Ok(self.enrol_series(photographs, photographs.len())?.template)
    }

    /// As [`Engine::enrol`], but leaves out photographs that are unusable or weak, if `least` good ones remain; else the
    /// error is that of the first one left out.
    pub fn enrol_series(&self, photographs: &[Image], least: usize) -> Result<Series, EnrolError> {
        countable(photographs.len())?;
        let results = parallel::map(self.threads, photographs, |p| self.measure_reference(p));
        let mut good = Vec::with_capacity(photographs.len());
        let mut faults = Vec::new();
        for (index, result) in results.into_iter().enumerate() {
            match result? {
                Ok(measured) => good.push((index, measured)),
                Err(source) => faults.push((index, EnrolError::Unusable { index, source })),
            }
        }
        let eyes: Vec<Quality> = good.iter().map(|(_, measured)| measured.quality).collect();
        good.retain(|(index, measured)| {
            let shut = measured.quality.eyes_are_shut_beside(&eyes).then_some(Hint::OpenEyes);
            let weak = measured.quality.weakness().or(shut);
            faults.extend(weak.map(|hint| (*index, EnrolError::Weak { index: *index, hint })));
            weak.is_none()
        });
        if good.len() < least.max(1) {
            let first = faults.into_iter().min_by_key(|(index, _)| *index);
            return Err(first.map_or(EnrolError::NoPhotographs, |(_, error)| error));
        }
        let measured: Vec<&Measured> = good.iter().map(|(_, measured)| measured).collect();
        let template = self.template(&measured).map_err(|error| renumbered(error, &good))?;
        if template.bare().is_none() {
            return Err(EnrolError::OnlyMasked);
        }
        let attack_score = lowest(measured.iter().map(|m| m.attack_score()));
        Ok(Series { template, photographs: good.len(), attack_score })
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
        let other = |m: &&Measured| {
            let similarity = m.embedding().similarity(first.embedding());
            similarity.is_nan() || similarity < SAME_PERSON
        };
        if let Some(index) = photographs.iter().position(other) {
            return Err(EnrolError::DifferentPeople { index });
        }
        let of_kind =
            |masked: bool| photographs.iter().filter(move |m| self.mask_worn(m) == masked);
        let centred = |embedding, masked| self.population.centred(embedding, masked);
        let bare: Vec<Embedding> = of_kind(false).map(|m| centred(m.embedding(), false)).collect();
        let worn = of_kind(true).map(|m| m.embedding());
        let drawn = photographs.iter().flat_map(|m| m.drawn());
        let masked: Vec<Embedding> = worn.chain(drawn).map(|e| centred(e, true)).collect();
        Ok(Template::new(
            self.model_set().to_owned(),
            part(&bare, of_kind(false).count()),
            part(&masked, of_kind(true).count()),
        ))
    }
}

/// Of photographs that were left out, the template knows nothing.
fn renumbered(error: EnrolError, good: &[(usize, Measured)]) -> EnrolError {
    match error {
        EnrolError::DifferentPeople { index } => EnrolError::DifferentPeople {
            index: good.get(index).map_or(index, |(index, _)| *index),
        },
        other @ (EnrolError::NoPhotographs
        | EnrolError::TooMany(_)
        | EnrolError::Unusable { .. }
        | EnrolError::Weak { .. }
        | EnrolError::OnlyMasked
        | EnrolError::Inference(_)) => other,
    }
}

fn countable(photographs: usize) -> Result<(), EnrolError> {
    match photographs {
        0 => Err(EnrolError::NoPhotographs),
        1..=MOST_PHOTOGRAPHS => Ok(()),
        more => Err(EnrolError::TooMany(more)),
    }
}

fn part(embeddings: &[Embedding], photographs: usize) -> Option<Part> {
    let mean = Embedding::mean(embeddings)?;
    let far: f32 = embeddings.iter().map(|e| 1.0 - e.similarity(&mean)).sum();
    let spread = (far / embeddings.len() as f32).clamp(0.0, 2.0);
    Some(Part { mean, photographs: photographs as u16, spread })
}

/// The lowest of probabilities; one that is no number counts as 0.
fn lowest(scores: impl Iterator<Item = f32>) -> f32 {
    scores.fold(1.0, |low: f32, score| if score.is_nan() { 0.0 } else { low.min(score) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_is_no_number_is_the_lowest() {
        assert!((lowest([0.9, 0.4, 0.8].into_iter()) - 0.4).abs() < 1e-6);
        assert!(lowest([0.9, f32::NAN, 0.8].into_iter()).abs() < 1e-6);
        assert!(lowest([f32::NAN].into_iter()).abs() < 1e-6);
    }
}
