//! The calibration file: decision limits that `imp-client face evaluate` chose for exactly these models, and how often
//! they were wrong. A file made for other models, or by another pipeline, is refused: its limits would mean nothing.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::manifest::{Manifest, ModelSet, ProbeKind, ReferenceKind};
use crate::store::{ModelStore, read_open};

/// Longest calibration file, in bytes.
const LONGEST: u64 = 256 << 10;

/// Everything in a calibration file (JSON).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of this format: [`Calibration::FORMAT`].
    pub format: u32,
    /// The model set, such as `imp-face@1`.
    pub set: String,
    /// SHA-256 of every model of the set, by name.
    pub models: BTreeMap<String, String>,
    /// `imp_biometrics::PIPELINE`: what is done with the models, between pixels and similarity.
    pub pipeline: u32,
    /// False match rate aimed at.
    pub aim: f64,
    /// When and on what it was made.
    pub made: Made,
    /// The limits.
    pub thresholds: Thresholds,
}

/// When a calibration was made, and on what; never whose faces.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// When, RFC 3339.
    pub at: String,
    /// By which program and version.
    pub by: String,
    /// What the photographs were, in the words of whoever made it.
    pub data: String,
    /// People in them.
    pub people: u32,
    /// Photographs of them.
    pub photographs: u32,
}

/// Decision limits of a set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What the reference was made from.
    pub reference: ReferenceKind,
    /// What the probe shows.
    pub probe: ProbeKind,
    /// Least similarity that is a match.
    pub threshold: f32,
    /// Impostors taken for somebody else, among people by whom the threshold was not chosen.
    pub false_matches: Rate,
    /// People not recognised, among people by whom the threshold was not chosen.
    pub false_non_matches: Rate,
    /// Kept from the calibration before, because the photographs were too few for this kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried_over: bool,
}

/// An error rate with its 95 % interval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Wrong decisions.
    pub errors: u64,
    /// Decisions.
    pub trials: u64,
    /// Lower bound of the rate, 0–1.
    pub low: f64,
    /// Upper bound of the rate, 0–1.
    pub high: f64,
}

/// A number with which protection would be switched off, or nobody be recognised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} is {value}, but must be {bound}")]
pub struct OutOfBounds {
    /// Which number.
    pub name: String,
    /// What it is.
    pub value: f64,
    /// What it must be.
    pub bound: &'static str,
}

/// A calibration cannot be used; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The manifest's set names none, and none is configured.
    #[error(
        "the model set {0} has no calibration: run `imp-client face evaluate` on photographs and configure the calibration file it writes"
    )]
    None(String),
    /// The file is missing or cannot be read.
    #[error(
        "could not read the calibration {}: run `imp-client face evaluate` to make one, or install the models again", .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than 256 KiB.
    #[error("{} is too large to be a calibration", .0.display())]
    TooLarge(PathBuf),
    /// No JSON, or with unknown or missing keys.
    #[error("{} is not a valid calibration: run `imp-client face evaluate` to make one", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// Another version of the format.
    #[error(
        "{} has format {found}, this program reads {}: run `imp-client face evaluate` again", .path.display(), Calibration::FORMAT
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A kind of comparison has no limit or two.
    #[error("{} must give every kind of comparison exactly one threshold", .0.display())]
    Inconsistent(PathBuf),
    /// A number is out of its bounds.
    #[error(
        "{} does not protect: run `imp-client face evaluate` to make another", .path.display()
    )]
    OutOfBounds {
        /// The file.
        path: PathBuf,
        /// Which number, and its bounds.
        source: OutOfBounds,
    },
    /// A configured file that its owner's group or anybody can write: they could switch recognition off.
    #[error("{} can be changed by others than its owner: `chmod go-w` it after looking it through", .0.display())]
    Writable(PathBuf),
    /// Made with other models.
    #[error(
        "{} was made with another {model} than the model set has: run `imp-client face evaluate` with these models", .path.display()
    )]
    OtherModels {
        /// The file.
        path: PathBuf,
        /// The first model that differs, is missing, or is one too many.
        model: String,
    },
    /// Made by a program that computes similarities in another way.
    #[error(
        "{} was made by pipeline {found}, this program has pipeline {running}: run `imp-client face evaluate` with this program", .path.display()
    )]
    OtherPipeline {
        /// The file.
        path: PathBuf,
        /// Of the file.
        found: u32,
        /// Of the program.
        running: u32,
    },
}

impl Rate {
    /// The share of wrong decisions; none of none.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.errors as f64 / self.trials.max(1) as f64
    }
}

impl Thresholds {
    /// The least similarity that is a match between these kinds.
    pub fn of(&self, reference: ReferenceKind, probe: ProbeKind) -> Option<f32> {
        let found = self.comparison.iter().find(|c| c.reference == reference && c.probe == probe);
        found.map(|c| c.threshold)
    }

    fn complete(&self) -> bool {
        let kinds: BTreeSet<_> = self.comparison.iter().map(|c| (c.reference, c.probe)).collect();
        kinds.len() == ReferenceKind::ALL.len() * ProbeKind::ALL.len()
            && self.comparison.len() == kinds.len()
    }

    /// None of these switches a protection off; a number that is none is in no range.
    fn within_bounds(&self) -> Result<(), OutOfBounds> {
        let usual = 0.1..=0.95;
        bounded("detection", self.detection, usual.contains(&self.detection), "0.1 to 0.95")?;
        bounded("mask", self.mask, usual.contains(&self.mask), "0.1 to 0.95")?;
        let attack = (0.05..1.0).contains(&self.attack);
        bounded("attack", self.attack, attack, "at least 0.05 and below 1")?;
        for Comparison { reference, probe, threshold, .. } in &self.comparison {
            let name = format!("the threshold of {reference:?} and {probe:?}");
            let kept = (0.25..1.0).contains(threshold);
            bounded(&name, *threshold, kept, "at least 0.25 and below 1")?;
        }
        Ok(())
    }
}

fn bounded(
    name: &str,
    value: impl Into<f64>,
    kept: bool,
    bound: &'static str,
) -> Result<(), OutOfBounds> {
    let refused = || OutOfBounds { name: name.to_owned(), value: value.into(), bound };
    if kept { Ok(()) } else { Err(refused()) }
}

/// What `path` holds; where `guarded`, only if nobody but its owner can change it.
fn content(path: &Path, guarded: bool) -> Result<Vec<u8>, CalibrationError> {
    let unreadable = |source| CalibrationError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if guarded && mode & 0o022 != 0 {
        return Err(CalibrationError::Writable(path.to_owned()));
    }
    let bytes = read_open(file, LONGEST).map_err(unreadable)?;
    bytes.ok_or_else(|| CalibrationError::TooLarge(path.to_owned()))
}

impl Calibration {
    /// The format that this version reads and writes.
    pub const FORMAT: u32 = 1;

    /// SHA-256 of every model of `set`, by name.
    pub fn digests(manifest: &Manifest, set: &ModelSet) -> BTreeMap<String, String> {
        let of_set = |name: &String| set.models().any(|needed| needed == name);
        let models = manifest.models.iter().filter(|model| of_set(&model.name));
        models.map(|model| (model.name.clone(), model.sha256.clone())).collect()
    }

    /// Reads the file at `path` and refuses it unless it fits the active set of `store` and `pipeline`.
    pub(crate) fn read(
        store: &ModelStore,
        path: PathBuf,
        pipeline: u32,
    ) -> Result<Self, CalibrationError> {
        let bytes = content(&path, store.has_own_calibration())?;
        let calibration: Self = match serde_json::from_slice(&bytes) {
            Ok(calibration) => calibration,
            Err(source) => return Err(CalibrationError::Malformed { path, source }),
        };
        calibration.check(store, path, pipeline)
    }

    fn check(
        self,
        store: &ModelStore,
        path: PathBuf,
        running: u32,
    ) -> Result<Self, CalibrationError> {
        if self.format != Self::FORMAT {
            return Err(CalibrationError::Format { path, found: self.format });
        }
        let expected = Self::digests(store.manifest(), store.active_set());
        let names: BTreeSet<&String> = expected.keys().chain(self.models.keys()).collect();
        let differs = |name: &&&String| expected.get(**name) != self.models.get(**name);
        if let Some(name) = names.iter().find(differs) {
            return Err(CalibrationError::OtherModels { path, model: (*name).clone() });
        }
        if self.pipeline != running {
            return Err(CalibrationError::OtherPipeline { path, found: self.pipeline, running });
        }
        if !self.thresholds.complete() {
            return Err(CalibrationError::Inconsistent(path));
        }
        match self.within_bounds() {
            Ok(()) => Ok(self),
            Err(source) => Err(CalibrationError::OutOfBounds { path, source }),
        }
    }

    /// Whether the aim and every limit protect: the first number that does not, with its bounds. Programs refuse a
    /// calibration that fails here.
    pub fn within_bounds(&self) -> Result<(), OutOfBounds> {
        let aim = self.aim > 0.0 && self.aim <= 1e-3;
        bounded("aim", self.aim, aim, "above 0 and at most 0.001")?;
        self.thresholds.within_bounds()
    }
}

impl ModelStore {
    /// The calibration of the active set, for a program whose pipeline is `pipeline`: the configured file if there is
    /// one, else the one that the manifest names.
    pub fn calibration(&self, pipeline: u32) -> Result<Calibration, CalibrationError> {
        let path = self.calibration_file();
        let path = path.ok_or_else(|| CalibrationError::None(self.active_set().id()))?;
        Calibration::read(self, path, pipeline)
    }

    /// Limits to begin an evaluation with, before anything is calibrated: the working points of the models. With them
    /// nobody matches anybody.
    pub fn uncalibrated(&self) -> Thresholds {
        let set = self.active_set();
        let point = |name: &str| self.model(name).ok().and_then(|m| m.working_point).unwrap_or(0.5);
        Thresholds {
            detection: point(&set.detector),
            attack: set.attack.last().map_or(0.5, |name| point(name)),
            mask: point(&set.mask),
            comparison: vec![],
        }
    }
}

#[cfg(test)]
mod tests;
