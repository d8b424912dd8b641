//! What a face is seen with.
//!
//! Only the configured device is ever opened, only while a [`Camera`] exists, and its frames are wiped.
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

#[cfg(feature = "opencv")]
mod capture;
mod picture;
#[cfg(feature = "emulator")]
mod scripted;

#[cfg(feature = "emulator")]
pub use scripted::{CameraScript, CameraStep, ScriptedCamera};

/// The most pixels a frame may have.
pub const PIXELS_MAX: u64 = 50_000_000;
/// The most bytes a picture file may have.
pub const FILE_MAX: u64 = 64 * 1024 * 1024;

/// One image, wiped on drop.
pub struct Frame {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green and blue, a byte each, row by row from the top left: `3 × width × height` bytes.
    pub rgb: Vec<u8>,
}

impl Frame {
    /// Hands the pixels on without a copy; wiping them is the taker's business.
    pub fn into_rgb(mut self) -> Vec<u8> {
        std::mem::take(&mut self.rgb)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.rgb.zeroize();
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} × {})", self.width, self.height)
    }
}

/// A source of frames. Calls block: use them from `spawn_blocking`.
pub trait Camera: Send {
    /// The next frame.
    fn capture(&mut self) -> Result<Frame, CameraError>;

    /// Names the device for people and events: a change of it is security-relevant. Holds no password.
    fn describe(&self) -> String;
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The device, the server or the file does not exist.
    #[error("{0} is not there")]
    Missing(String, #[source] Option<std::io::Error>),
    /// It exists but cannot be used: busy, not permitted, not a video.
    #[error("{0} cannot be opened")]
    Unusable(String, #[source] Option<Cause>),
    /// It was opened but gave nothing in time: covered, unplugged, or the end of a file.
    #[error("{0} gave no frame in time")]
    NoFrame(String),
    /// What it gave is not an image.
    #[error("{0} is not a readable image")]
    Undecodable(String, #[source] Option<Cause>),
    /// What it gave is larger than [`PIXELS_MAX`] or [`FILE_MAX`].
    #[error("{0} is too large: at most 50 megapixels and 64 MiB are taken")]
    TooLarge(String),
    /// The configuration cannot be used.
    #[error("the camera's configuration cannot be used: {0}")]
    Configuration(&'static str),
}

/// What a lower layer said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Which camera is used: `kind = "device"` and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CameraConfig {
    /// A capture device of this machine (V4L2). Give `index` or `path`.
    Device {
        /// `0` is `/dev/video0`.
        #[serde(default)]
        index: Option<u32>,
        /// A device file; `/dev/v4l/by-id/…` names the same camera after a reboot.
        #[serde(default)]
        path: Option<PathBuf>,
        /// Wished width in pixels.
        #[serde(default = "default_width")]
        width: u32,
        /// Wished height in pixels.
        #[serde(default = "default_height")]
        height: u32,
    },
    /// A camera in the network: an `http`, `https` or `rtsp` URL, such as motion JPEG.
    Stream {
        /// Where it is. A user name and password in it stay out of logs and events.
        url: StreamUrl,
    },
    /// A video file, played once.
    Video {
        /// The file.
        path: PathBuf,
    },
    /// One picture, read when the camera is opened.
    Picture {
        /// A JPEG or PNG file.
        path: PathBuf,
    },
    /// The pictures of a folder in the order of their names, again and again.
    Folder {
        /// A folder of JPEG and PNG files.
        path: PathBuf,
    },
    /// Plays a script.
    #[cfg(feature = "emulator")]
    Scripted {
        /// A TOML file, see [`CameraScript`].
        script: PathBuf,
    },
}

/// The URL of a camera in the network. Prints without user name, password, query and fragment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamUrl(String);

impl StreamUrl {
    /// Takes a URL; whether it can be used shows when the camera is opened.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }
}

impl std::fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.0.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return f.write_str("[not a URL]") };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "{scheme}://{host}{path}")
    }
}

impl std::fmt::Debug for StreamUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

const fn default_width() -> u32 {
    1280
}

const fn default_height() -> u32 {
    720
}

impl Default for CameraConfig {
    fn default() -> Self {
        Self::Device {
            index: Some(0),
            path: None,
            width: default_width(),
            height: default_height(),
        }
    }
}

impl CameraConfig {
    /// Opens the camera. Blocks, for at most some seconds.
    pub fn open(&self) -> Result<Box<dyn Camera>, CameraError> {
        match self {
            Self::Picture { path } => Ok(Box::new(picture::Picture::open(path)?)),
            Self::Folder { path } => Ok(Box::new(picture::Folder::open(path)?)),
            #[cfg(feature = "emulator")]
            Self::Scripted { script } => Ok(Box::new(ScriptedCamera::open(script)?)),
            #[cfg(feature = "opencv")]
            Self::Device { index, path, width, height } => {
                let file = capture::device_file(*index, path.as_deref())?;
                Ok(Box::new(capture::VideoSource::device(&file, *width, *height)?))
            }
            #[cfg(feature = "opencv")]
            Self::Stream { url } => Ok(Box::new(capture::VideoSource::stream(url)?)),
            #[cfg(feature = "opencv")]
            Self::Video { path } => Ok(Box::new(capture::VideoSource::video(path)?)),
            #[cfg(not(feature = "opencv"))]
            Self::Device { .. } | Self::Stream { .. } | Self::Video { .. } => Err(
                CameraError::Configuration("this build has no OpenCV: only pictures can be used"),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
