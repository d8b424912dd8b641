//! The face's half of a tap: camera on, frames, and everything that can be found out before the reference arrives.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imp_biometrics::{Capture, CaptureError, FaceError, Image, ImageError};
use imp_hardware::camera::{Camera, CameraError, Frame};
use imp_identity::refusal::Abandonment;
use imp_socket::Hint;
use tokio::time::timeout_at;

use super::{Attempt, Failure, with_causes};
use crate::agent::{Agent, CameraFactory};
use crate::crash;
use crate::looking::{Looking, hint_for, hint_of};

/// No probe could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaceFailure {
    #[error("the camera gives no picture")]
    Camera(#[from] CameraError),
    #[error("the camera's picture cannot be used")]
    Image(#[from] ImageError),
    #[error("the face cannot be used")]
    Capture(#[from] CaptureError),
    #[error("the camera gave no picture in time")]
    Late,
    #[error("somebody stopped it")]
    Stopped,
}

/// Stops the camera's thread when the tap no longer waits for it.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A probe, and how long the camera took, in microseconds.
struct Captured {
    capture: Capture,
    camera_micros: u64,
}

impl From<&FaceFailure> for Abandonment {
    fn from(failure: &FaceFailure) -> Self {
        match failure {
            FaceFailure::Camera(_) | FaceFailure::Image(_) | FaceFailure::Late => Self::Camera,
            FaceFailure::Stopped => Self::Cancelled,
            FaceFailure::Capture(error) => match error {
                CaptureError::Unusable(face) => face_reason(face),
                CaptureError::FacesDiffer => Self::SeveralFaces,
                CaptureError::NoFrames
                | CaptureError::TooManyFrames(_)
                | CaptureError::Inference(_) => Self::Camera,
            },
        }
    }
}

/// Why a face cannot be used.
pub(crate) const fn face_reason(face: &FaceError) -> Abandonment {
    match face {
        FaceError::NoFace => Abandonment::NoFace,
        FaceError::SeveralFaces { .. } => Abandonment::SeveralFaces,
        FaceError::TooSmall { .. } | FaceError::PoorQuality(_) => Abandonment::PoorQuality,
    }
}

impl From<FaceFailure> for Failure {
    fn from(failure: FaceFailure) -> Self {
        Self::abandoned(Abandonment::from(&failure), with_causes(&failure))
    }
}

impl Attempt<'_> {
    /// Captures the face; tries again while the person may still be stepping up.
    pub(super) async fn capture_face(&self) -> Result<Capture, Failure> {
        let late = |detail: &str| Failure::abandoned(Abandonment::Camera, detail.to_owned());
        let free = timeout_at(self.deadline, Arc::clone(&self.agent.camera).lock_owned()).await;
        let held = free.map_err(|_| late("The camera is still busy with an earlier tap."))?;
        let stop = StopOnDrop(Arc::default());
        let (engine, factory) =
            (self.agent.devices.engine.clone(), self.agent.devices.camera.clone());
        let (settings, stopped) = (self.agent.config.capture, stop.0.clone());
        let looking = Arc::clone(&self.agent.looking);
        looking.hint(Hint::LookHere);
        let work = tokio::task::spawn_blocking(move || {
            let _held = held;
            let mut attempts = settings.attempts;
            let mut session = CameraSession::open(&factory, Arc::clone(&looking))?;
            loop {
                attempts -= 1;
                let images = session.take(settings.frames, Duration::ZERO, &stopped)?;
                let captured = engine.capture(&images);
                if let Some(hint) = hint_after(&captured) {
                    looking.hint(hint);
                }
                match captured {
                    Err(CaptureError::Unusable(_)) if attempts > 0 => {
                        session.show_for(HINT_TIME, &stopped)?;
                    }
                    Err(error) => return Err(error.into()),
                    Ok(capture) => {
                        looking.could_be(capture.quality().hint().map(hint_of));
                        return Ok(Captured { capture, camera_micros: session.micros });
                    }
                }
            }
        });
        let Ok(joined) = timeout_at(self.deadline, work).await else {
            return Err(late("The camera gave no usable picture in time."));
        };
        let result: Result<Captured, FaceFailure> =
            joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let Captured { capture, camera_micros } = result?;
        self.timeline.record("camera", camera_micros);
        for step in capture.steps() {
            self.timeline.record(&step.name.replace(' ', "-"), step.micros);
        }
        crash::point("tap:captured");
        Ok(capture)
    }
}

/// What the person is told after an attempt.
fn hint_after(captured: &Result<Capture, CaptureError>) -> Option<Hint> {
    match captured {
        Ok(capture) if capture.mask_worn() => Some(Hint::MaskIsFine),
        Ok(_) => Some(Hint::OneMoment),
        Err(CaptureError::Unusable(face)) => Some(hint_for(face)),
        Err(CaptureError::FacesDiffer) => Some(Hint::OneAtATime),
        Err(
            CaptureError::NoFrames | CaptureError::TooManyFrames(_) | CaptureError::Inference(_),
        ) => None,
    }
}

/// How long a person has to follow a hint before the next attempt.
const HINT_TIME: Duration = Duration::from_millis(700);
/// Between the pictures that she sees of herself meanwhile.
const PACE: Duration = Duration::from_millis(66);

/// The camera while it is on.
struct CameraSession {
    camera: Box<dyn Camera>,
    looking: Arc<Looking>,
    micros: u64,
}

impl CameraSession {
    fn open(factory: &CameraFactory, looking: Arc<Looking>) -> Result<Self, CameraError> {
        let start = Instant::now();
        let camera = factory()?;
        Ok(Self { camera, looking, micros: micros_since(start) })
    }

    /// Shows what the camera sees for `time`, and keeps nothing of it.
    fn show_for(&mut self, time: Duration, stopped: &AtomicBool) -> Result<(), FaceFailure> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.take(1, Duration::ZERO, stopped)?;
            std::thread::sleep(PACE);
        }
        Ok(())
    }

    /// Takes `count` frames with `interval` between them.
    fn take(
        &mut self,
        count: u8,
        interval: Duration,
        stopped: &AtomicBool,
    ) -> Result<Vec<Image>, FaceFailure> {
        let mut images = Vec::with_capacity(count.into());
        for n in 0..count {
            if n > 0 {
                std::thread::sleep(interval);
            }
            if stopped.load(Ordering::Relaxed) {
                return Err(FaceFailure::Stopped);
            }
            let start = Instant::now();
            let taken = image(self.camera.capture()?)?;
            self.micros = self.micros.saturating_add(micros_since(start));
            self.looking.show(&taken);
            images.push(taken);
        }
        Ok(images)
    }
}

/// How long one photograph may take, and opening the camera as well.
const PHOTOGRAPH: Duration = Duration::from_secs(5);

/// Takes photographs for an enrolment, in bounded time: a camera that gives nothing is given up, though its thread may hold
/// the device until the driver answers.
pub(crate) async fn photograph(
    agent: &Agent,
    count: u8,
    interval: Duration,
) -> Result<Vec<Image>, FaceFailure> {
    let deadline =
        tokio::time::Instant::now() + PHOTOGRAPH + (PHOTOGRAPH + interval) * u32::from(count);
    let free = timeout_at(deadline, Arc::clone(&agent.camera).lock_owned()).await;
    let held = free.map_err(|_| FaceFailure::Late)?;
    let stop = StopOnDrop(Arc::default());
    let (factory, stopped) = (agent.devices.camera.clone(), stop.0.clone());
    let looking = Arc::clone(&agent.looking);
    let work = tokio::task::spawn_blocking(move || {
        let _held = held;
        CameraSession::open(&factory, looking)?.take(count, interval, &stopped)
    });
    let joined = timeout_at(deadline, work).await.map_err(|_| FaceFailure::Late)?;
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// A frame as the engine wants it; nothing is copied.
pub(crate) fn image(frame: Frame) -> Result<Image, ImageError> {
    let (width, height) = (frame.width, frame.height);
    Image::from_rgb(width, height, frame.into_rgb())
}

fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_biometrics::Hint;

    #[test]
    fn each_way_a_face_cannot_be_used_has_its_reason_and_says_what_to_do() {
        let unusable = |face| FaceFailure::from(CaptureError::Unusable(face));
        let small = FaceError::TooSmall { eye_distance: 9.0, least: 24.0 };
        for (failure, reason) in [
            (unusable(FaceError::NoFace), Abandonment::NoFace),
            (unusable(FaceError::SeveralFaces { count: 2 }), Abandonment::SeveralFaces),
            (unusable(small), Abandonment::PoorQuality),
            (unusable(FaceError::PoorQuality(Hint::MoreLight)), Abandonment::PoorQuality),
            (CaptureError::FacesDiffer.into(), Abandonment::SeveralFaces),
            (CameraError::NoFrame("camera".to_owned()).into(), Abandonment::Camera),
        ] {
            assert_eq!(Abandonment::from(&failure), reason, "{failure}");
        }
        let failure = Failure::from(unusable(FaceError::PoorQuality(Hint::MoreLight)));
        assert!(failure.detail.unwrap().contains(&Hint::MoreLight.to_string()));
    }
}
