//! From the camera to a template.
use std::time::Duration;

use imp_biometrics::{Engine, EnrolError as Unusable, FaceError, Image, Template};

use imp_socket::Hint;

use super::{EnrolError, Progress, Tell};
use crate::agent::Agent;
use crate::looking::hint_for;
use crate::tap::photograph;

/// How long a person has to follow a hint.
const PAUSE: Duration = Duration::from_secs(1);

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
            let (shown, hint) = match &result {
                Err(EnrolError::Photographs(Unusable::Unusable { source, .. })) => {
                    (hint_for(source), hint(source))
                }
                Err(EnrolError::Photographs(Unusable::OnlyMasked)) => {
                    (Hint::MaskOff, "Please take the mask off for a moment.".to_owned())
                }
                Err(error @ EnrolError::NotLive) => (Hint::LookHere, error.to_string()),
                Ok(_) | Err(_) => return result,
            };
            if attempts == 0 {
                return result;
            }
            self.looking.hint(shown);
            tell(Progress::Again { hint });
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Makes a template of the good ones of `images`, if they are at least half.
fn template(engine: &Engine, images: Vec<Image>) -> Result<(Template, usize), EnrolError> {
    let mut images = distinct(images);
    let least = images.len().div_ceil(2);
    let template = loop {
        match engine.enrol(&images) {
            Err(Unusable::Unusable { index, .. })
                if images.len() > least && index < images.len() =>
            {
                images.remove(index);
            }
            result => break result?,
        }
    };
    if !are_live(engine, &images)? {
        return Err(EnrolError::NotLive);
    }
    Ok((template, images.len()))
}

/// Whether every presentation was bona fide (ISO/IEC 30107-3): one picture of a print would weaken the whole reference.
fn are_live(engine: &Engine, images: &[Image]) -> Result<bool, EnrolError> {
    for image in images {
        let inspection = engine.inspect(image)?;
        let score = inspection.faces.first().map_or(0.0, |face| face.attack_score);
        if score < engine.thresholds().attack {
            return Ok(false);
        }
    }
    Ok(!images.is_empty())
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
fn hint(face: &FaceError) -> String {
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
}
