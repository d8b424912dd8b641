//! The one face of a picture, exactly where it is, cut out upright, and whether it is good enough to go on with.
use crate::align::{Crop, align};
use crate::detect::Face;
use crate::engine::Engine;
use crate::image::Image;
use crate::network::InferenceError;
use crate::quality::{Hint, LEAST_EYE_DISTANCE, Quality};
use crate::timing::timed;

/// A second face of at least this share of the first one's area is somebody else standing there.
const COMPARABLE: f32 = 0.4;

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

/// A face that can be measured.
pub(crate) struct Located {
    pub(crate) face: Face,
    pub(crate) crop: Crop,
    pub(crate) quality: Quality,
    pub(crate) detect_micros: u64,
    pub(crate) landmarks_micros: u64,
    pub(crate) quality_micros: u64,
}

impl Engine {
    /// Where the one face in `image` is and how good it is, without recognising anybody: for hints before a capture.
    pub fn look(
        &self,
        image: &Image,
    ) -> Result<Result<(Face, Quality), FaceError>, InferenceError> {
        Ok(self.locate(image)?.map(|located| (located.face, located.quality)))
    }

    /// The one face in `image`, or why there is none that can be used.
    pub(crate) fn locate(
        &self,
        image: &Image,
    ) -> Result<Result<Located, FaceError>, InferenceError> {
        let (faces, detect_micros) = timed(|| self.detector.detect(image));
        let face = match only_face(&faces?) {
            Ok(face) => face,
            Err(error) => return Ok(Err(error)),
        };
        let (face, landmarks_micros) = timed(|| self.detector.refined(image, &face));
        let face = face?;
        let ((crop, quality), quality_micros) = timed(|| cut(image, &face));
        Ok(match quality.refusal() {
            Some(Hint::MoveCloser) => Err(FaceError::TooSmall {
                eye_distance: quality.eye_distance,
                least: LEAST_EYE_DISTANCE,
            }),
            Some(hint) => Err(FaceError::PoorQuality(hint)),
            None => {
                Ok(Located { face, crop, quality, detect_micros, landmarks_micros, quality_micros })
            }
        })
    }
}

/// The face upright, and how good it is.
pub(crate) fn cut(image: &Image, face: &Face) -> (Crop, Quality) {
    let crop = align(image, &face.landmarks);
    let quality = Quality::measure(image, face, &crop);
    (crop, quality)
}

/// The largest of `faces`, which come largest first, unless another is of comparable size.
pub(crate) fn only_face(faces: &[Face]) -> Result<Face, FaceError> {
    let largest = *faces.first().ok_or(FaceError::NoFace)?;
    let area = largest.bounding_box.area();
    let count = faces.iter().filter(|f| f.bounding_box.area() >= COMPARABLE * area).count();
    if count > 1 { Err(FaceError::SeveralFaces { count }) } else { Ok(largest) }
}
