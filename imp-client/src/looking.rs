//! What the person before the screen is shown while a tap or an enrolment is under way: one hint at a time, and what the camera sees. Pictures
//! are made small, kept until the next one, and only while somebody watches.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use imp_biometrics::{FaceError, Hint as Quality, Image};
use imp_socket::{Frame, Hint, Tapping};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Most pixels from left to right that are shown.
const WIDEST: u32 = 320;
/// Of the JPEG, 1–100: the lower ones where the picture would not fit into a line.
const QUALITIES: [u8; 3] = [70, 40, 15];

/// What is under way, and who wants to hear of it.
#[derive(Debug)]
pub(crate) struct Looking {
    tapping: Mutex<Option<Tapping>>,
    better: Mutex<Option<Hint>>,
    picture: watch::Sender<Option<Arc<Picture>>>,
    changed: watch::Sender<()>,
}

/// A small picture of what the camera sees.
pub(crate) struct Picture {
    width: u32,
    height: u32,
    rgb: Zeroizing<Vec<u8>>,
}

/// A tap or an enrolment is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Looking>);

impl Default for Looking {
    fn default() -> Self {
        let (picture, changed) = (watch::Sender::new(None), watch::Sender::new(()));
        Self { tapping: Mutex::default(), better: Mutex::default(), picture, changed }
    }
}

impl Looking {
    /// Something is under way from now on.
    #[must_use]
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        *self.held() = Some(Tapping::default());
        self.could_be(None);
        self.notice();
        UnderWay(Arc::clone(self))
    }

    /// What is under way.
    pub(crate) fn tapping(&self) -> Option<Tapping> {
        *self.held()
    }

    /// Has the person be told to do one thing, instead of what she was told before.
    pub(crate) fn hint(&self, hint: Hint) {
        if let Some(tapping) = self.held().as_mut() {
            tapping.hint = Some(hint);
        }
        self.notice();
    }

    /// What could have been better about a face that was good enough: said only if she is not recognised.
    pub(crate) fn could_be(&self, better: Option<Hint>) {
        *self.better.lock().unwrap_or_else(PoisonError::into_inner) = better;
    }

    /// What was last said by [`Self::could_be`].
    pub(crate) fn better(&self) -> Option<Hint> {
        *self.better.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what the camera sees, if somebody watches.
    pub(crate) fn show(&self, image: &Image) {
        if self.picture.receiver_count() == 0 {
            return;
        }
        let picture = Arc::new(Picture::of(image));
        // A camera's thread may outlive its tap by a frame: nobody is shown that one.
        let under_way = self.held();
        if under_way.is_some() {
            self.picture.send_replace(Some(picture));
        }
    }

    /// What the camera sees from now on; `None` while it is not looking.
    pub(crate) fn pictures(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        self.picture.subscribe()
    }

    /// Has everybody look who follows the workstation's status.
    pub(crate) fn notice(&self) {
        self.changed.send_replace(());
    }

    /// Hears of each [`Self::notice`].
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn held(&self) -> MutexGuard<'_, Option<Tapping>> {
        self.tapping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut tapping = self.0.held();
        *tapping = None;
        self.0.picture.send_replace(None);
        drop(tapping);
        self.0.notice();
    }
}

impl Picture {
    /// `image` with every so many pixels left out.
    fn of(image: &Image) -> Self {
        let step = image.width().div_ceil(WIDEST).max(1);
        let (width, height) = (image.width() / step, image.height() / step);
        let mut rgb = Zeroizing::new(Vec::with_capacity((width * height * 3) as usize));
        let row_bytes = image.width() as usize * 3;
        let step = step as usize;
        for row in image.rgb().chunks_exact(row_bytes).step_by(step).take(height as usize) {
            for pixel in row.chunks_exact(3).step_by(step).take(width as usize) {
                rgb.extend_from_slice(pixel);
            }
        }
        Self { width, height, rgb }
    }

    /// As it is sent; `None` if it cannot be.
    pub(crate) fn frame(&self) -> Option<Frame> {
        QUALITIES.into_iter().find_map(|quality| self.encode(quality))
    }

    fn encode(&self, quality: u8) -> Option<Frame> {
        let mut jpeg = Zeroizing::new(Vec::with_capacity(Frame::MOST_BYTES));
        let mut encoder = JpegEncoder::new_with_quality(&mut *jpeg, quality);
        encoder.encode(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8).ok()?;
        Frame::new(self.width, self.height, &jpeg)
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

/// What to do about a face that cannot be used.
pub(crate) const fn hint_for(face: &FaceError) -> Hint {
    match face {
        FaceError::NoFace => Hint::LookHere,
        FaceError::SeveralFaces { .. } => Hint::OneAtATime,
        FaceError::TooSmall { .. } => Hint::ComeCloser,
        FaceError::PoorQuality(quality) => hint_of(*quality),
    }
}

/// What to do about a picture that could be better.
pub(crate) const fn hint_of(quality: Quality) -> Hint {
    match quality {
        Quality::MoveCloser => Hint::ComeCloser,
        Quality::MoveBack => Hint::MoveBack,
        Quality::LightBehind => Hint::LightBehind,
        Quality::ChinLevel => Hint::ChinLevel,
        Quality::UncoverEyes => Hint::UncoverEyes,
        Quality::OpenEyes => Hint::OpenEyes,
        Quality::HoldStill => Hint::HoldStill,
        Quality::MoreLight => Hint::MoreLight,
        Quality::LessLight => Hint::LessLight,
        Quality::EvenLight => Hint::EvenLight,
        Quality::FaceCamera => Hint::LookHere,
        Quality::HeadUpright => Hint::HeadUpright,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32) -> Image {
        let value = |n: u32| (n % 251) as u8;
        Image::from_rgb(width, height, (0..width * height * 3).map(value).collect()).unwrap()
    }

    #[test]
    fn one_hint_replaces_the_other_and_goes_with_the_tap() {
        let looking = Arc::new(Looking::default());
        let mut changes = looking.changes();
        looking.hint(Hint::HoldStill);
        assert_eq!(looking.tapping(), None, "nothing is under way");
        let under_way = looking.begin();
        assert_eq!(looking.tapping(), Some(Tapping { hint: None }));
        looking.hint(Hint::ComeCloser);
        looking.hint(Hint::HoldStill);
        assert_eq!(looking.tapping(), Some(Tapping { hint: Some(Hint::HoldStill) }));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        drop(under_way);
        assert_eq!(looking.tapping(), None);
        assert!(changes.has_changed().unwrap());
    }

    #[test]
    fn pictures_are_small_and_shown_only_while_something_is_under_way() {
        let looking = Arc::new(Looking::default());
        let pictures = looking.pictures();
        looking.show(&image(640, 480));
        assert!(pictures.borrow().is_none());
        let under_way = looking.begin();
        looking.show(&image(1281, 720));
        let picture = pictures.borrow().clone().unwrap();
        assert_eq!((picture.width, picture.height), (256, 144));
        assert_eq!(picture.rgb.len(), 256 * 144 * 3);
        assert_eq!(picture.rgb[3..6], image(1281, 720).rgb()[15..18]);
        let frame = picture.frame().unwrap();
        let decoded = Image::decode(frame.bytes().unwrap().expose()).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (256, 144));
        drop(under_way);
        assert!(pictures.borrow().is_none(), "the last one is not kept");
        looking.show(&image(640, 480));
        assert!(pictures.borrow().is_none(), "of a tap that is over, nothing is shown");
    }

    #[test]
    fn even_a_noisy_picture_fits_into_a_line() {
        let mut seed = 1u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let rgb = (0..320 * 240 * 3).map(|_| noise()).collect();
        let picture = Picture::of(&Image::from_rgb(320, 240, rgb).unwrap());
        assert!(picture.encode(QUALITIES[0]).is_none(), "nothing was tried");
        assert!(picture.frame().is_some());
    }
}
