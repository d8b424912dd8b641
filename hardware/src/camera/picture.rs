//! Pictures in files, decoded within limits and without `OpenCV`.
use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder as _, ImageError, ImageReader, Limits};
use zeroize::Zeroizing;

use super::{Camera, CameraError, FILE_MAX, Frame, PIXELS_MAX};

/// The longest side of a picture, in pixels.
const SIDE_MAX: u32 = 30_000;
/// Bytes the decoder may allocate: 50 megapixels of four bytes, twice.
const DECODER_BYTES_MAX: u64 = 8 * PIXELS_MAX;
/// The most pictures of a folder.
const FOLDER_MAX: usize = 10_000;

/// One picture, given again at each capture.
pub(super) struct Picture {
    path: PathBuf,
    frame: Frame,
}

impl Picture {
    /// Reads the file, so that a later change of it is not seen.
    pub(super) fn open(path: &Path) -> Result<Self, CameraError> {
        Ok(Self { path: path.to_owned(), frame: read(path)? })
    }
}

impl Camera for Picture {
    fn capture(&mut self) -> Result<Frame, CameraError> {
        let Frame { width, height, rgb } = &self.frame;
        Ok(Frame { width: *width, height: *height, rgb: rgb.clone() })
    }

    fn describe(&self) -> String {
        format!("picture {}", self.path.display())
    }
}

/// The pictures of a folder, in turn.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<PathBuf>,
    next: usize,
}

impl Folder {
    /// Lists the folder; the pictures are read when their turn comes.
    pub(super) fn open(path: &Path) -> Result<Self, CameraError> {
        let name = || format!("folder {}", path.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| unreadable(name(), error))? {
            let file = entry.map_err(|error| unreadable(name(), error))?.path();
            if is_picture(&file) {
                files.push(file);
            }
            if files.len() > FOLDER_MAX {
                return Err(CameraError::Configuration("a folder may hold 10,000 pictures"));
            }
        }
        if files.is_empty() {
            return Err(CameraError::NoFrame(name()));
        }
        files.sort();
        Ok(Self { path: path.to_owned(), files, next: 0 })
    }
}

impl Camera for Folder {
    fn capture(&mut self) -> Result<Frame, CameraError> {
        let file = &self.files[self.next];
        self.next = (self.next + 1) % self.files.len();
        read(file)
    }

    fn describe(&self) -> String {
        format!("folder {} of {} pictures", self.path.display(), self.files.len())
    }
}

fn is_picture(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads and decodes one file.
pub(super) fn read(path: &Path) -> Result<Frame, CameraError> {
    let name = || format!("picture {}", path.display());
    let file = File::open(path).map_err(|error| unreadable(name(), error))?;
    let mut bytes = Zeroizing::new(Vec::new());
    // One byte more than allowed tells a file that is too large from one that just fits.
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name(), error))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(CameraError::TooLarge(name()));
    }
    decode(&bytes, &name())
}

/// Decodes JPEG or PNG; `name` is for errors.
fn decode(bytes: &[u8], name: &str) -> Result<Frame, CameraError> {
    let broken = |error: ImageError| match error {
        ImageError::Limits(_) => CameraError::TooLarge(name.to_owned()),
        other @ (ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::Unsupported(_)
        | ImageError::IoError(_)) => {
            CameraError::Undecodable(name.to_owned(), Some(Box::new(other)))
        }
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| broken(ImageError::IoError(error)))?;
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(CameraError::TooLarge(name.to_owned()));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    Ok(Frame { width: image.width(), height: image.height(), rgb: image.into_raw() })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    limits
}

fn unreadable(name: String, error: std::io::Error) -> CameraError {
    if error.kind() == ErrorKind::NotFound {
        return CameraError::Missing(name, Some(error));
    }
    CameraError::Unusable(name, Some(Box::new(error)))
}
