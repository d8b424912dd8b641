//! The trial of a new reference: she is looked at as at the door, and must be recognised by it. Otherwise nothing is signed or
//! stored: better to be told at the desk than in front of a patient.
use std::time::Duration;

use imp_biometrics::{CaptureError, Engine, Image, Outcome, Template};
use imp_socket::Hint;

use super::photographs::{PAUSE, advice};
use super::{EnrolError, Progress, Tell};
use crate::agent::Agent;
use crate::looking::hint_for;
use crate::tap::photograph;

/// Times that she is looked at, before the reference is given up.
const TRIALS: u8 = 3;

/// Why a trial failed, and what the person is told.
struct Fault {
    error: EnrolError,
    shown: Hint,
    said: String,
}

impl Agent {
    /// Looks at her afresh and compares with `template`; gives it back if it recognises her.
    pub(super) async fn try_reference(
        &self,
        mut template: Template,
        tell: Tell<'_>,
    ) -> Result<Template, EnrolError> {
        tell(Progress::Trying);
        self.looking.hint(Hint::OnceMore);
        let mut trials = TRIALS;
        loop {
            trials -= 1;
            let images = photograph(self, self.config.capture.frames, Duration::ZERO).await?;
            let engine = self.devices.engine.clone();
            let work = tokio::task::spawn_blocking(move || {
                let tried = try_once(&engine, &images, &template);
                (template, tried)
            });
            let (again, tried) =
                work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            template = again;
            match tried {
                Ok(()) => return Ok(template),
                Err(fault) if trials == 0 => return Err(fault.error),
                Err(Fault { shown, said, .. }) => {
                    self.looking.hint(shown);
                    tell(Progress::Again { hint: said });
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn try_once(engine: &Engine, images: &[Image], template: &Template) -> Result<(), Fault> {
    let not_recognised = |cause: super::Failed| {
        let error = EnrolError::NotRecognised(cause);
        let said = "The new reference does not recognise her yet. Look at the camera as at work.";
        Fault { error, shown: Hint::OnceMore, said: said.to_owned() }
    };
    let capture = engine.capture(images).map_err(|error| match &error {
        CaptureError::Unusable(face) => {
            let (shown, said) = (hint_for(face), advice(face));
            Fault { error: EnrolError::NotRecognised(Box::new(error)), shown, said }
        }
        CaptureError::NoFrames
        | CaptureError::TooManyFrames(_)
        | CaptureError::FacesDiffer
        | CaptureError::Inference(_) => not_recognised(Box::new(error)),
    })?;
    let verification =
        engine.compare(&capture, template).map_err(|error| not_recognised(Box::new(error)))?;
    if verification.accepted() {
        return Ok(());
    }
    if verification.outcome == Outcome::Match {
        let error = EnrolError::NotLive;
        let said = error.to_string();
        return Err(Fault { error, shown: Hint::LookHere, said });
    }
    let (similarity, threshold) = (verification.similarity, verification.threshold);
    Err(not_recognised(
        format!("the similarity is {similarity:.2}, at least {threshold:.2} is needed").into(),
    ))
}
