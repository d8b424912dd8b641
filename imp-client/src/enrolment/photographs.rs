//! From the camera to a template.
use std::time::Duration;

use imp_biometrics::{Engine, EnrolError as Refused, FaceError, Image, Template};
use imp_socket::Hint;

use super::{EnrolError, Progress, Tell};
use crate::agent::Agent;
use crate::looking::{hint_for, hint_of};
use crate::tap::photograph;

/// How long a person has to follow a hint.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

impl Agent {
    /// Takes photographs until they are good; also returns how many the template was made of.
    pub(super) async fn photographs(
        &self,
        tell: Tell<'_>,
    ) -> Result<(Template, usize), EnrolError> {
        let settings = self.config.enrolment;
        let interval = Duration::from_millis(settings.interval_milliseconds.into());
        let mut attempts = settings.attempts;
        self.looking.hint(Hint::LookHere);
        loop {
            attempts -= 1;
            let images = photograph(self, settings.photographs, interval).await?;
            let engine = self.devices.engine.clone();
            let work = tokio::task::spawn_blocking(move || template(&engine, images));
            let result =
                work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let again = match &result {
                Err(error) if attempts > 0 => again(error),
                Ok(_) | Err(_) => None,
            };
            let Some((shown, hint)) = again else { return result };
            self.looking.hint(shown);
            tell(Progress::Again { hint });
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What she is told before the next try, on the screen and by the officer; `None` where another one would not help.
fn again(error: &EnrolError) -> Option<(Hint, String)> {
    match error {
        EnrolError::Photographs(Refused::Unusable { source, .. }) => {
            Some((hint_for(source), advice(source)))
        }
        EnrolError::Photographs(Refused::Weak { hint, .. }) => {
            Some((hint_of(*hint), format!("The photographs would make a weak reference: {hint}.")))
        }
        EnrolError::Photographs(Refused::OnlyMasked) => {
            Some((Hint::MaskOff, "Please take the mask off for a moment.".to_owned()))
        }
        EnrolError::Photographs(Refused::DifferentPeople { .. }) => {
            Some((Hint::OneAtATime, "The photographs show more than one person.".to_owned()))
        }
        EnrolError::NotLive => Some((Hint::LookHere, error.to_string())),
        EnrolError::Photographs(
            Refused::NoPhotographs | Refused::TooMany(_) | Refused::Inference(_),
        )
        | EnrolError::Busy
        | EnrolError::Server(_)
        | EnrolError::State(_)
        | EnrolError::NotBound
        | EnrolError::Camera(_)
        | EnrolError::Inference(_)
        | EnrolError::NotRecognised(_)
        | EnrolError::Credential(_)
        | EnrolError::Phone(_)
        | EnrolError::Confirmation(_)
        | EnrolError::PhoneNotHeard
        | EnrolError::Sign(_) => None,
    }
}

/// Makes a template of the good ones of `images`, if they are at least half. One picture of a print would weaken the whole
/// reference (ISO/IEC 30107-3): every presentation has to be bona fide.
fn template(engine: &Engine, images: Vec<Image>) -> Result<(Template, usize), EnrolError> {
    let images = distinct(images);
    let series = engine.enrol_series(&images, images.len().div_ceil(2))?;
    // Written so that a score that is no number is an attack.
    let bona_fide = series.attack_score >= engine.thresholds().attack;
    if bona_fide { Ok((series.template, series.photographs)) } else { Err(EnrolError::NotLive) }
}

/// A folder with few pictures, or a single one, gives the same ones again: each counts once.
fn distinct(images: Vec<Image>) -> Vec<Image> {
    let mut distinct: Vec<Image> = Vec::with_capacity(images.len());
    for image in images {
        if distinct.iter().all(|known| known.rgb() != image.rgb()) {
            distinct.push(image);
        }
    }
    distinct
}

/// What to do better, for the person before the camera.
pub(super) fn advice(face: &FaceError) -> String {
    let reason = crate::tap::face_reason(face);
    format!("{} ({face})", reason.explain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_picture_counts_once() {
        let image = |value| Image::from_rgb(32, 32, vec![value; 32 * 32 * 3]).unwrap();
        let images = vec![image(1), image(2), image(1), image(2), image(1)];
        assert_eq!(distinct(images).len(), 2);
    }

    #[test]
    fn a_weak_photograph_is_taken_again_with_its_own_hint_and_a_broken_camera_is_not() {
        let weak = Refused::Weak { index: 0, hint: imp_biometrics::Hint::UncoverEyes };
        let (shown, said) = again(&weak.into()).unwrap();
        assert_eq!(shown, Hint::UncoverEyes);
        assert!(said.contains("take off dark glasses"), "{said}");
        assert!(again(&EnrolError::Camera("gone".into())).is_none());
    }
}
