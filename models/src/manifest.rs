//! What `manifest.toml` may say, and the checks that make it trustworthy.
use std::collections::BTreeSet;

use serde::Deserialize;

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

/// Models evaluated together, and the thresholds measured with them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSet {
    /// Name, as it appears in templates and signed evidence.
    pub name: String,
    /// Grows whenever a model or a threshold changes.
    pub version: u32,
    /// Name of the detector.
    pub detector: String,
    /// Name of the recogniser.
    pub recogniser: String,
    /// Names of the presentation-attack detectors, whose scores are averaged.
    pub attack: Vec<String>,
    /// Name of the mask detector.
    pub mask: String,
    /// Decision limits that belong to exactly these models.
    pub thresholds: Thresholds,
}

/// Decision limits of a set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Least detector score, 0–1.
    pub detection: f32,
    /// Least probability of a bona fide presentation, 0–1.
    pub attack: f32,
    /// Least probability of a worn mask, 0–1.
    pub mask: f32,
    /// Least cosine similarity of each kind of comparison.
    pub comparison: Vec<Comparison>,
}

/// The threshold of one kind of comparison, and how it was measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What the reference was made from.
    pub reference: ReferenceKind,
    /// What the probe shows.
    pub probe: ProbeKind,
    /// Least cosine similarity that is a match.
    pub threshold: f32,
    /// Measured false match rate at the threshold.
    pub fmr: f64,
    /// Measured false non-match rate at the threshold.
    pub fnmr: f64,
}

/// What a biometric reference was made from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
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
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
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
    /// A limit is not a number between its bounds.
    #[error("a threshold of {0} is out of range")]
    Threshold(String),
    /// A kind of comparison has no threshold, or two.
    #[error("{0} must give each kind of comparison exactly one threshold")]
    Comparisons(String),
}

impl ModelSet {
    /// Name and version as one word, such as `imp-face@1`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl Thresholds {
    /// The least similarity that is a match between these kinds.
    pub fn of(&self, reference: ReferenceKind, probe: ProbeKind) -> Option<f32> {
        let found = self.comparison.iter().find(|c| c.reference == reference && c.probe == probe);
        found.map(|c| c.threshold)
    }

    fn in_range(&self) -> bool {
        let probabilities = [self.detection, self.attack, self.mask];
        let similarities = self.comparison.iter().map(|c| c.threshold);
        probabilities.iter().all(|p| (0.0..=1.0).contains(p))
            && similarities.into_iter().all(|s| (0.0..1.0).contains(&s))
    }

    fn complete(&self) -> bool {
        let kinds: BTreeSet<_> = self.comparison.iter().map(|c| (c.reference, c.probe)).collect();
        kinds.len() == 6 && self.comparison.len() == 6
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
        for (name, purpose) in needed {
            if !self.models.iter().any(|m| &m.name == name && m.purpose == purpose) {
                return Err(ManifestError::Reference {
                    set: set.name.clone(),
                    model: name.clone(),
                });
            }
        }
        if !set.thresholds.in_range() {
            return Err(ManifestError::Threshold(set.name.clone()));
        }
        set.thresholds
            .complete()
            .then_some(())
            .ok_or_else(|| ManifestError::Comparisons(set.name.clone()))
    }
}

impl Model {
    fn check(&self) -> Result<(), ManifestError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if self.file.is_empty() || self.file.starts_with('.') || !self.file.bytes().all(plain) {
            return Err(ManifestError::FileName(self.file.clone()));
        }
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if self.sha256.len() == 64 && self.sha256.bytes().all(hex) {
            Ok(())
        } else {
            Err(ManifestError::Digest(self.name.clone()))
        }
    }
}
