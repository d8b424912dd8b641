//! What `manifest.toml` may say, and the checks that make it trustworthy.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Everything in `manifest.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the [`ModelSet`] that new captures and references use.
    pub active: String,
    /// Each network or weight file.
    #[serde(rename = "model")]
    pub models: Vec<Model>,
    /// Each combination that was evaluated together.
    #[serde(rename = "set")]
    pub sets: Vec<ModelSet>,
}

/// One file of weights.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name by which a set refers to it.
    pub name: String,
    /// The publisher's version.
    pub version: String,
    /// Plain file name beside the manifest.
    pub file: String,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// SPDX expression of the licence of the weights.
    pub licence: String,
    /// Who published it, and where.
    pub source: String,
    /// What the photographs it learned from were.
    pub training: String,
    /// What it is for.
    pub purpose: Purpose,
    /// What it expects.
    pub input: Input,
    /// What it answers, in order.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Side of the crop it expects, as a multiple of the face box.
    pub crop_scale: Option<f32>,
    /// Score from which its publisher counts a face, a mask, or a bona fide presentation, 0–1: where an evaluation
    /// begins.
    pub working_point: Option<f32>,
    /// What a user of the file should know.
    #[serde(default)]
    pub notes: String,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Finds faces and five landmarks.
    Detection,
    /// Turns an aligned face into an embedding.
    Recognition,
    /// Tells a face from a picture of one (ISO/IEC 30107-3).
    PresentationAttack,
    /// Tells whether a face mask is worn.
    MaskDetection,
    /// Says where embeddings of people lie on average, so that comparisons start from there.
    Population,
}

/// What a model expects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Dimensions; images are NCHW.
    pub shape: Vec<usize>,
    /// How pixels become numbers; absent where the input is no image.
    pub image: Option<ImageConvention>,
}

/// How 8-bit pixels become a network's numbers: `(pixel - mean) * scale`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ImageConvention {
    /// Order of the channels.
    pub channels: Channels,
    /// Subtracted from every pixel, 0–255, in the order of `channels`.
    pub mean: [f32; 3],
    /// Then multiplied with.
    pub scale: f32,
}

/// Order of colour channels.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// One output tensor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

/// Models evaluated together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSet {
    /// Name, as it appears in templates and signed evidence.
    pub name: String,
    /// Grows whenever references made before cannot be compared any more, or should not be.
    pub version: u32,
    /// Name of the detector.
    pub detector: String,
    /// Name of the recogniser.
    pub recogniser: String,
    /// Names of the presentation-attack detectors, whose scores are averaged.
    pub attack: Vec<String>,
    /// Name of the mask detector.
    pub mask: String,
    /// Name of the means by which embeddings are centred before they are compared; none to compare them as they are.
    pub population: Option<String>,
    /// Plain name of the calibration file beside the manifest, made with exactly these models; none before the first
    /// evaluation.
    pub calibration: Option<String>,
}

/// What a biometric reference was made from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// One bare-faced photograph, and masks drawn on it.
    Single,
    /// Two or more photographs, at least one of them bare-faced, and masks drawn on those.
    Several,
    /// Photographs with a mask only.
    MaskedOnly,
}

/// What a probe shows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// A bare face.
    Bare,
    /// A face with a mask on.
    Masked,
}

/// The manifest contradicts itself.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// Two models or two sets share a name.
    #[error("the name {0} is given twice")]
    Duplicate(String),
    /// A file name could lead out of the folder.
    #[error("{0} is not a plain file name")]
    FileName(String),
    /// A digest is not 64 lower-case hexadecimal digits.
    #[error("the sha256 of {0} is not 64 lower-case hexadecimal digits")]
    Digest(String),
    /// A name refers to nothing, or to a model of another purpose.
    #[error("{set} needs {model}, which is missing or has another purpose")]
    Reference {
        /// What refers.
        set: String,
        /// To what.
        model: String,
    },
    /// A working point is not a probability.
    #[error("the working point of {0} is out of range")]
    WorkingPoint(String),
}

impl ReferenceKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Single, Self::Several, Self::MaskedOnly];
}

impl ProbeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Bare, Self::Masked];
}

impl ModelSet {
    /// Name and version as one word, such as `imp-face@1`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Names of all its models.
    pub fn models(&self) -> impl Iterator<Item = &String> {
        let one_each = [&self.detector, &self.recogniser, &self.mask];
        one_each.into_iter().chain(&self.attack).chain(&self.population)
    }
}

impl Manifest {
    /// The active set, of a manifest that does not contradict itself.
    pub(crate) fn check(&self) -> Result<ModelSet, ManifestError> {
        let mut names = BTreeSet::new();
        for model in &self.models {
            if !names.insert(&model.name) {
                return Err(ManifestError::Duplicate(model.name.clone()));
            }
            model.check()?;
        }
        let mut ids = BTreeSet::new();
        for set in &self.sets {
            if !ids.insert(&set.name) {
                return Err(ManifestError::Duplicate(set.name.clone()));
            }
            self.check_set(set)?;
        }
        let missing =
            || ManifestError::Reference { set: "active".to_owned(), model: self.active.clone() };
        self.sets.iter().find(|s| s.name == self.active).cloned().ok_or_else(missing)
    }

    fn check_set(&self, set: &ModelSet) -> Result<(), ManifestError> {
        let mut needed = vec![
            (&set.detector, Purpose::Detection),
            (&set.recogniser, Purpose::Recognition),
            (&set.mask, Purpose::MaskDetection),
        ];
        needed.extend(set.attack.iter().map(|name| (name, Purpose::PresentationAttack)));
        needed.extend(set.population.iter().map(|name| (name, Purpose::Population)));
        for (name, purpose) in needed {
            if !self.models.iter().any(|m| &m.name == name && m.purpose == purpose) {
                return Err(ManifestError::Reference {
                    set: set.name.clone(),
                    model: name.clone(),
                });
            }
        }
        set.calibration.iter().try_for_each(|file| plain_name(file))
    }
}

impl Model {
    fn check(&self) -> Result<(), ManifestError> {
        plain_name(&self.file)?;
        if self.working_point.is_some_and(|point| !(0.0..=1.0).contains(&point)) {
            return Err(ManifestError::WorkingPoint(self.name.clone()));
        }
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if self.sha256.len() == 64 && self.sha256.bytes().all(hex) {
            Ok(())
        } else {
            Err(ManifestError::Digest(self.name.clone()))
        }
    }
}

/// A name that cannot lead out of the folder.
fn plain_name(file: &str) -> Result<(), ManifestError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if file.is_empty() || file.starts_with('.') || !file.bytes().all(plain) {
        return Err(ManifestError::FileName(file.to_owned()));
    }
    Ok(())
}
