//! The ways in which a face is shown to the recogniser: as it is and a little smaller, each also in the mirror. The mean of
//! their embeddings depends less on where exactly the landmarks were seen (`docs/faces/recognition.md` has the figures).
use crate::align::{Crop, align, align_wider};
use crate::detect::Landmarks;
use crate::image::Image;

/// One way of showing a face.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct View {
    /// With more around it.
    wide: bool,
    mirrored: bool,
}

/// Size of the face in a wide view, as a share of that in the other.
const WIDE: f32 = 0.94;

/// All views; the first is the face as it is.
pub(crate) const ALL: [View; 4] = [
    View { wide: false, mirrored: false },
    View { wide: true, mirrored: true },
    View { wide: false, mirrored: true },
    View { wide: true, mirrored: false },
];

/// The views of what is shown more than once anyway, another frame or another drawn mask: both sizes, both sides. The first
/// is the face as it is.
pub(crate) const SOME: [View; 2] = [ALL[0], ALL[1]];

impl View {
    /// The face with these landmarks, shown this way; `crop` is the face as it is.
    pub(crate) fn of(self, image: &Image, landmarks: &Landmarks, crop: &Crop) -> Crop {
        let crop = if self.wide { align_wider(image, landmarks, WIDE) } else { crop.clone() };
        if self.mirrored { crop.flipped() } else { crop }
    }
}

/// The face with these landmarks in every one of `views`.
pub(crate) fn crops(image: &Image, landmarks: &Landmarks, views: &[View]) -> Vec<Crop> {
    let crop = align(image, landmarks);
    views.iter().map(|view| view.of(image, landmarks, &crop)).collect()
}
