//! Reads models from a folder, trusting nothing but the digest.
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use crate::manifest::{Manifest, ManifestError, Model, ModelSet};

const MANIFEST: &str = "manifest.toml";
const MANIFEST_LIMIT: u64 = 256 << 10;
const MODEL_LIMIT: u64 = 256 << 20;

/// A folder with a `manifest.toml` and the files it names.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
    manifest: Manifest,
    active: ModelSet,
    calibration: Option<PathBuf>,
}

/// The folder has no usable manifest.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The manifest cannot be read.
    #[error("could not read {}", .path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is larger than 256 KiB.
    #[error("{} is too large to be a manifest", .0.display())]
    TooLarge(PathBuf),
    /// The manifest is no TOML, or has unknown or missing keys.
    #[error("{} is not a valid manifest", .path.display())]
    Malformed {
        /// The manifest.
        path: PathBuf,
        /// Where it goes wrong.
        source: Box<toml::de::Error>,
    },
    /// The manifest contradicts itself.
    #[error("{} is inconsistent", .path.display())]
    Inconsistent {
        /// The manifest.
        path: PathBuf,
        /// How.
        source: ManifestError,
    },
}

/// A model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The manifest has no model of this name.
    #[error("no model is named {0}")]
    Unknown(String),
    /// The file is missing or cannot be read.
    #[error("could not read the model file {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than 256 MiB.
    #[error("the model file {} is too large", .0.display())]
    TooLarge(PathBuf),
    /// The file is not the one that was evaluated.
    #[error("the model file {} has SHA-256 {found}, but the manifest expects {expected}", .path.display())]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
}

impl ModelStore {
    /// Opens `folder`; the models themselves are read, and checked, when asked for.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let folder = folder.into();
        let path = folder.join(MANIFEST);
        let text = match read_bounded(&path, MANIFEST_LIMIT) {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            Ok(None) => return Err(OpenError::TooLarge(path)),
            Err(source) => return Err(OpenError::Unreadable { path, source }),
        };
        let manifest: Manifest = match toml::from_str(&text) {
            Ok(manifest) => manifest,
            Err(source) => return Err(OpenError::Malformed { path, source: Box::new(source) }),
        };
        match manifest.check() {
            Ok(active) => Ok(Self { folder, manifest, active, calibration: None }),
            Err(source) => Err(OpenError::Inconsistent { path, source }),
        }
    }

    /// With the calibration at `path` instead of the one that the manifest names: a hospital's own. It is refused when it
    /// is read, if others than its owner can write it.
    #[must_use]
    pub fn calibrated_by(self, path: impl Into<PathBuf>) -> Self {
        Self { calibration: Some(path.into()), ..self }
    }

    /// Where the calibration is, if there is one at all.
    pub fn calibration_file(&self) -> Option<PathBuf> {
        let beside = || self.active.calibration.as_ref().map(|file| self.folder.join(file));
        self.calibration.clone().or_else(beside)
    }

    /// Whether the calibration is a hospital's own, and not the one beside the manifest.
    pub(crate) fn has_own_calibration(&self) -> bool {
        self.calibration.is_some()
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the folder says it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The set that new captures and references use.
    pub fn active_set(&self) -> &ModelSet {
        &self.active
    }

    /// What the manifest says of the model called `name`.
    pub fn model(&self, name: &str) -> Result<&Model, ReadError> {
        let found = self.manifest.models.iter().find(|m| m.name == name);
        found.ok_or_else(|| ReadError::Unknown(name.to_owned()))
    }

    /// The bytes of the model called `name`, if they are the ones the manifest expects.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        let model = self.model(name)?;
        let path = self.folder.join(&model.file);
        let bytes = match read_bounded(&path, MODEL_LIMIT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(ReadError::TooLarge(path)),
            Err(source) => return Err(ReadError::Unreadable { path, source }),
        };
        let found = HEXLOWER.encode(digest(&SHA256, &bytes).as_ref());
        if found == model.sha256 {
            Ok(bytes)
        } else {
            Err(ReadError::WrongDigest { path, expected: model.sha256.clone(), found })
        }
    }
}

/// The file's content, or `None` where it is longer than `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    read_open(File::open(path)?, limit)
}

/// As [`read_bounded`], of a file that is open already.
pub(crate) fn read_open(file: File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let size = file.metadata()?.len();
    if size > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shipped() -> ModelStore {
        ModelStore::open(env!("CARGO_MANIFEST_DIR")).unwrap()
    }

    /// A copy of the shipped manifest with `model` the only file beside it.
    fn copy_with(model: &str, alter: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, ModelStore) {
        let store = shipped();
        let folder = tempfile::tempdir().unwrap();
        fs::copy(store.folder().join(MANIFEST), folder.path().join(MANIFEST)).unwrap();
        let mut bytes = store.read(model).unwrap();
        alter(&mut bytes);
        fs::write(folder.path().join(&store.model(model).unwrap().file), bytes).unwrap();
        let copy = ModelStore::open(folder.path()).unwrap();
        (folder, copy)
    }

    fn open_text(text: &str) -> Result<ModelStore, OpenError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), text).unwrap();
        ModelStore::open(folder.path())
    }

    fn shipped_text() -> String {
        fs::read_to_string(shipped().folder().join(MANIFEST)).unwrap()
    }

    #[test]
    fn every_file_the_manifest_names_verifies() {
        let store = shipped();
        for model in &store.manifest().models {
            assert!(!store.read(&model.name).unwrap().is_empty(), "{}", model.name);
        }
    }

    #[test]
    fn every_weight_file_in_the_folder_is_in_the_manifest() {
        let store = shipped();
        for entry in fs::read_dir(store.folder()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|e| e == "onnx" || e == "f32") {
                assert!(store.manifest().models.iter().any(|m| m.file == name), "{name}");
            }
        }
    }

    #[test]
    fn one_altered_byte_is_refused_with_both_digests() {
        let detector = shipped().active_set().detector.clone();
        let (_folder, copy) = copy_with(&detector, |bytes| bytes[1000] ^= 1);
        let error = copy.read(&detector).unwrap_err();
        let expected = shipped().model(&detector).unwrap().sha256.clone();
        assert!(matches!(&error, ReadError::WrongDigest { .. }));
        let text = error.to_string();
        assert!(text.contains(&expected) && text.contains(".onnx"), "{text}");
    }

    #[test]
    fn a_truncated_file_is_refused() {
        let detector = shipped().active_set().detector.clone();
        let (_folder, copy) = copy_with(&detector, |bytes| bytes.truncate(100));
        assert!(matches!(copy.read(&detector).unwrap_err(), ReadError::WrongDigest { .. }));
    }

    #[test]
    fn a_missing_file_is_refused_by_name() {
        let set = shipped().active_set().clone();
        let (_folder, copy) = copy_with(&set.detector, |_| {});
        copy.read(&set.detector).unwrap();
        let error = copy.read(&set.recogniser).unwrap_err();
        assert!(matches!(&error, ReadError::Unreadable { .. }));
        assert!(error.to_string().contains(&shipped().model(&set.recogniser).unwrap().file));
    }

    #[test]
    fn a_missing_folder_or_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(ModelStore::open(folder.path()), Err(OpenError::Unreadable { .. })));
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(ModelStore::open(nowhere), Err(OpenError::Unreadable { .. })));
    }

    #[test]
    fn an_unknown_model_is_refused() {
        assert!(matches!(shipped().read("nothing"), Err(ReadError::Unknown(_))));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = shipped_text().replacen("[[model]]", "[[model]]\nsha265 = \"\"", 1);
        assert!(matches!(open_text(&text), Err(OpenError::Malformed { .. })));
    }

    #[test]
    fn a_file_name_cannot_lead_out_of_the_folder() {
        let file = &shipped().manifest().models[0].file.clone();
        for bad in ["../passwd", "/etc/passwd", "a/b", "", ".hidden"] {
            let text = shipped_text().replacen(file, bad, 1);
            let error = open_text(&text).unwrap_err();
            assert!(
                matches!(
                    &error,
                    OpenError::Inconsistent { source: ManifestError::FileName(_), .. }
                ),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_set_that_needs_a_model_of_another_purpose_is_refused() {
        let set = shipped().active_set().clone();
        let good = format!("recogniser = \"{}\"", set.recogniser);
        let text = shipped_text().replacen(&good, &format!("recogniser = \"{}\"", set.detector), 1);
        assert!(matches!(
            open_text(&text),
            Err(OpenError::Inconsistent { source: ManifestError::Reference { .. }, .. })
        ));
    }

    #[test]
    fn a_calibration_cannot_lie_outside_the_folder() {
        let file = shipped().active_set().calibration.clone().unwrap();
        let text = shipped_text().replacen(&file, "../calibration.json", 1);
        assert!(matches!(
            open_text(&text),
            Err(OpenError::Inconsistent { source: ManifestError::FileName(_), .. })
        ));
    }

    #[test]
    fn random_bytes_are_no_manifest() {
        let noise: String =
            (0..5000u32).map(|i| char::from((i.wrapping_mul(2_654_435_761) >> 24) as u8)).collect();
        assert!(matches!(open_text(&noise), Err(OpenError::Malformed { .. })));
    }
}
