//! A camera that plays a script of pictures and faults.
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::picture;
use super::{Camera, CameraError, Frame};

/// What a [`ScriptedCamera`] plays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraScript {
    /// What the device calls itself; `scripted camera` if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it starts again after the last step; otherwise the last step goes on for ever.
    #[serde(default)]
    pub repeat: bool,
    /// What happens, in order.
    #[serde(default)]
    pub steps: Vec<CameraStep>,
}

/// One step of a [`CameraScript`], for `frames` captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CameraStep {
    /// Shows a picture.
    Picture {
        /// A JPEG or PNG file; relative to the script's folder.
        path: PathBuf,
        /// How many captures give it.
        #[serde(default = "one")]
        frames: u32,
    },
    /// Gives no frame.
    NoFrame {
        /// How many captures fail so.
        #[serde(default = "one")]
        frames: u32,
    },
    /// The device is unplugged.
    Missing {
        /// How many captures fail so.
        #[serde(default = "one")]
        frames: u32,
    },
}

const fn one() -> u32 {
    1
}

impl CameraStep {
    fn frames(&self) -> u32 {
        match self {
            Self::Picture { frames, .. } | Self::NoFrame { frames } | Self::Missing { frames } => {
                *frames
            }
        }
    }
}

/// Plays a [`CameraScript`].
pub struct ScriptedCamera {
    script: CameraScript,
    folder: PathBuf,
    step: usize,
    played: u32,
}

impl ScriptedCamera {
    /// Plays `script`; its relative paths start in `folder`.
    pub fn playing(script: CameraScript, folder: &Path) -> Self {
        Self { script, folder: folder.to_owned(), step: 0, played: 0 }
    }

    /// Reads a script from a TOML file.
    pub fn open(path: &Path) -> Result<Self, CameraError> {
        let name = || format!("script {}", path.display());
        let text = std::fs::read_to_string(path)
            .map_err(|error| CameraError::Missing(name(), Some(error)))?;
        let script = toml::from_str(&text)
            .map_err(|error| CameraError::Unusable(name(), Some(Box::new(error))))?;
        Ok(Self::playing(script, path.parent().unwrap_or(Path::new("."))))
    }

    /// The step this capture belongs to.
    fn advance(&mut self) -> Option<&CameraStep> {
        let last = self.script.steps.len().checked_sub(1)?;
        if self.played >= self.script.steps[self.step].frames() {
            if self.step < last {
                (self.step, self.played) = (self.step + 1, 0);
            } else if self.script.repeat {
                (self.step, self.played) = (0, 0);
            }
        }
        self.played = self.played.saturating_add(1);
        self.script.steps.get(self.step)
    }
}

impl Camera for ScriptedCamera {
    fn capture(&mut self) -> Result<Frame, CameraError> {
        let name = self.describe();
        let folder = self.folder.clone();
        match self.advance() {
            Some(CameraStep::Picture { path, .. }) => picture::read(&folder.join(path)),
            Some(CameraStep::Missing { .. }) => Err(CameraError::Missing(name, None)),
            Some(CameraStep::NoFrame { .. }) | None => Err(CameraError::NoFrame(name)),
        }
    }

    fn describe(&self) -> String {
        self.script.name.clone().unwrap_or_else(|| "scripted camera".to_owned())
    }
}
