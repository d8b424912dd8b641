//! What the person before the camera can do about her picture: one plain thing at a time.
use std::fmt;

use serde::Serialize;

/// What the person in front of the camera can do about it, the most important first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// The face is small.
    MoveCloser,
    /// A part of the face is outside the picture.
    MoveBack,
    /// The light is behind the face.
    LightBehind,
    /// The face is dark.
    MoreLight,
    /// The face is overexposed.
    LessLight,
    /// The head is turned.
    FaceCamera,
    /// The head is lowered or raised.
    ChinLevel,
    /// The head is tilted.
    HeadUpright,
    /// Dark glasses, or something else dark, lie before the eyes.
    UncoverEyes,
    /// The eyes are shut.
    OpenEyes,
    /// The face is blurred.
    HoldStill,
    /// One half is much darker.
    EvenLight,
}

impl Hint {
    /// All of them, the most important first.
    pub const ALL: [Self; 12] = [
        Self::MoveCloser,
        Self::MoveBack,
        Self::LightBehind,
        Self::MoreLight,
        Self::LessLight,
        Self::FaceCamera,
        Self::ChinLevel,
        Self::HeadUpright,
        Self::UncoverEyes,
        Self::OpenEyes,
        Self::HoldStill,
        Self::EvenLight,
    ];
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MoveCloser => "move closer to the camera",
            Self::MoveBack => "move back until the whole face is in the picture",
            Self::LightBehind => "turn away from the light behind you",
            Self::MoreLight => "more light on the face is needed",
            Self::LessLight => "less light on the face is needed",
            Self::FaceCamera => "look straight into the camera",
            Self::ChinLevel => "hold the chin level",
            Self::HeadUpright => "hold the head upright",
            Self::UncoverEyes => "take off dark glasses",
            Self::OpenEyes => "open the eyes",
            Self::HoldStill => "hold still",
            Self::EvenLight => "turn so that the light falls evenly on the face",
        })
    }
}
