//! Capture devices, streams and video files, through `OpenCV`'s videoio with the backend named.
use std::fs;
use std::path::{Path, PathBuf};

use opencv::core::{
    Mat, MatTraitConst as _, MatTraitConstManual as _, MatTraitManual as _, Vector,
};
use opencv::imgproc::{COLOR_BGR2RGB, cvt_color_def};
use opencv::prelude::{VideoCaptureTrait as _, VideoCaptureTraitConst as _};
use opencv::videoio::{
    CAP_FFMPEG, CAP_PROP_FRAME_HEIGHT, CAP_PROP_FRAME_WIDTH, CAP_PROP_OPEN_TIMEOUT_MSEC,
    CAP_PROP_READ_TIMEOUT_MSEC, CAP_V4L2, VideoCapture,
};
use zeroize::Zeroize as _;

use super::{Camera, CameraError, Frame, PIXELS_MAX, StreamUrl};

/// Milliseconds that opening a stream may take.
const OPEN_TIMEOUT_MS: i32 = 5000;
/// Milliseconds that a frame of a stream may take.
const READ_TIMEOUT_MS: i32 = 3000;

/// A source of frames that `OpenCV` has opened.
pub(super) struct VideoSource {
    capture: VideoCapture,
    name: String,
    picture: Mat,
}

/// The device file that a configuration names.
pub(super) fn device_file(index: Option<u32>, path: Option<&Path>) -> Result<PathBuf, CameraError> {
    match (index, path) {
        (Some(index), None) => Ok(PathBuf::from(format!("/dev/video{index}"))),
        (None, Some(path)) => Ok(path.to_owned()),
        (None, None) | (Some(_), Some(_)) => {
            Err(CameraError::Configuration("a device has either an index or a path"))
        }
    }
}

impl VideoSource {
    /// Opens a capture device.
    pub(super) fn device(file: &Path, width: u32, height: u32) -> Result<Self, CameraError> {
        let name = device_name(file);
        let file = present(file, &name)?;
        let mut source = Self::open(&file, CAP_V4L2, &[], name)?;
        for (property, value) in [(CAP_PROP_FRAME_WIDTH, width), (CAP_PROP_FRAME_HEIGHT, height)] {
            // A wish: the device takes the nearest size that it has.
            source
                .capture
                .set(property, f64::from(value))
                .map_err(|error| source.unusable(error))?;
        }
        Ok(source)
    }

    /// Opens a stream from the network.
    pub(super) fn stream(url: &StreamUrl) -> Result<Self, CameraError> {
        // FFmpeg also reads `file:`, `concat:` and more: only cameras are meant.
        let known = ["http://", "https://", "rtsp://"];
        if !known.iter().any(|scheme| url.0.starts_with(scheme)) {
            return Err(CameraError::Configuration("a stream is an http, https or rtsp URL"));
        }
        let timeouts = [
            CAP_PROP_OPEN_TIMEOUT_MSEC,
            OPEN_TIMEOUT_MS,
            CAP_PROP_READ_TIMEOUT_MSEC,
            READ_TIMEOUT_MS,
        ];
        Self::open(&url.0, CAP_FFMPEG, &timeouts, format!("stream {url}"))
    }

    /// Opens a video file.
    pub(super) fn video(path: &Path) -> Result<Self, CameraError> {
        let name = format!("video {}", path.display());
        let file = present(path, &name)?;
        Self::open(&file, CAP_FFMPEG, &[], name)
    }

    fn open(
        source: &str,
        backend: i32,
        settings: &[i32],
        name: String,
    ) -> Result<Self, CameraError> {
        let settings = Vector::from_slice(settings);
        let opened = VideoCapture::from_file_with_params(source, backend, &settings);
        let unusable =
            |error| CameraError::Unusable(name.clone(), Some(Box::new(Shielded::from(error))));
        let capture = opened.map_err(unusable)?;
        if !capture.is_opened().map_err(unusable)? {
            return Err(CameraError::Unusable(name, None));
        }
        Ok(Self { capture, name, picture: Mat::default() })
    }

    fn unusable(&self, error: opencv::Error) -> CameraError {
        CameraError::Unusable(self.name.clone(), Some(Box::new(Shielded::from(error))))
    }

    fn undecodable(&self, error: opencv::Error) -> CameraError {
        CameraError::Undecodable(self.name.clone(), Some(Box::new(Shielded::from(error))))
    }

    /// Copies the picture out as RGB.
    fn frame(&self) -> Result<Frame, CameraError> {
        let size = self.picture.size().map_err(|error| self.undecodable(error))?;
        let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height))
        else {
            return Err(CameraError::Undecodable(self.name.clone(), None));
        };
        if u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(CameraError::TooLarge(self.name.clone()));
        }
        if self.picture.channels() != 3 || self.picture.empty() {
            return Err(CameraError::Undecodable(self.name.clone(), None));
        }
        let mut converted = Mat::default();
        let rgb = cvt_color_def(&self.picture, &mut converted, COLOR_BGR2RGB)
            .and_then(|()| converted.data_bytes().map(<[u8]>::to_vec))
            .map_err(|error| self.undecodable(error));
        wipe(&mut converted);
        Ok(Frame { width, height, rgb: rgb? })
    }
}

impl Camera for VideoSource {
    fn capture(&mut self) -> Result<Frame, CameraError> {
        let read = self.capture.read(&mut self.picture);
        if !read.map_err(|error| self.unusable(error))? {
            return Err(CameraError::NoFrame(self.name.clone()));
        }
        self.frame()
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

impl Drop for VideoSource {
    fn drop(&mut self) {
        wipe(&mut self.picture);
    }
}

fn wipe(picture: &mut Mat) {
    if let Ok(bytes) = picture.data_bytes_mut() {
        bytes.zeroize();
    }
}

/// `OpenCV`'s error by its code alone: its text may repeat the URL, and a URL may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("OpenCV failed with code {0}")]
struct Shielded(i32);

impl From<opencv::Error> for Shielded {
    fn from(error: opencv::Error) -> Self {
        Self(error.code)
    }
}

/// The absolute path of something that exists, so that `FFmpeg` does not take it for a URL.
fn present(file: &Path, name: &str) -> Result<String, CameraError> {
    let file = fs::canonicalize(file)
        .map_err(|error| CameraError::Missing(name.to_owned(), Some(error)))?;
    file.into_os_string()
        .into_string()
        .map_err(|_| CameraError::Configuration("the path is not valid UTF-8"))
}

/// The device file, with what the kernel calls the device behind it.
fn device_name(file: &Path) -> String {
    let node = fs::canonicalize(file).ok();
    let node = node.as_deref().and_then(Path::file_name).unwrap_or_default();
    let kernel = Path::new("/sys/class/video4linux").join(node).join("name");
    match fs::read_to_string(kernel) {
        Ok(model) => format!("device {} ({})", file.display(), model.trim()),
        Err(_) => format!("device {}", file.display()),
    }
}
