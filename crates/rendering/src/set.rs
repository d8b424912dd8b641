//! A set of presentations on disk, rendered from a folder of photographs, in the layout that the evaluation reads:
//! `<person>/attacks/<species>/<photograph>.frames/<n>.jpg`. The species `bona-fide` and `masked-bona-fide` are people.
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imp_biometrics::{Engine, Image, ImageError, InferenceError};

use crate::camera::CameraError;
use crate::instrument::{Species, presentation};
use crate::subject::Subject;

/// Photographs of people: a folder a person, or a file a person.
#[derive(Clone, Debug)]
pub struct PhotographSet {
    people: Vec<(String, PathBuf)>,
}

/// What was rendered of one person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rendered {
    /// This many presentations.
    Presentations(usize),
    /// The photograph does not show one face.
    NoFace(PathBuf),
}

/// The set could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A file or folder cannot be read or written.
    #[error("{} cannot be used", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A photograph cannot be used.
    #[error("{} is no photograph", .path.display())]
    Photograph {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// Another person's head is needed.
    #[error(
        "photographs of at least two people are needed: cut-outs and printed masks are worn by somebody else"
    )]
    TooFewPeople,
    /// The detector failed.
    #[error("the face could not be looked for")]
    Inference(#[from] InferenceError),
    /// A frame could not be made.
    #[error("a frame could not be made")]
    Camera(#[from] CameraError),
}

impl PhotographSet {
    /// Looks at `folder`: each folder in it with a photograph is a person (the last photograph by name is presented, so
    /// that references can be made of the others); where there are none, each photograph is one.
    pub fn open(folder: &Path) -> Result<Self, SetError> {
        let mut people = Vec::new();
        let entries = sorted(folder)?;
        for path in entries.iter().filter(|p| p.is_dir()) {
            let photographs = sorted(path)?;
            if let Some(last) = photographs.into_iter().rfind(|p| is_photograph(p)) {
                people.push((name(path), last));
            }
        }
        if people.is_empty() {
            let photographs = entries.into_iter().filter(|p| is_photograph(p));
            people.extend(photographs.map(|p| (name(&p), p)));
        }
        if people.len() < 2 {
            return Err(SetError::TooFewPeople);
        }
        Ok(Self { people })
    }

    /// People in the set.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Never: a set has two people at least.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Renders every one of `species` of the person with this `index` into `out`, `frames` frames each. Whose head wears
    /// what was printed is the next person with a face.
    pub fn render(
        &self,
        engine: &Engine,
        index: usize,
        (species, frames, seed): (&[Species], usize, u64),
        out: &Path,
    ) -> Result<Rendered, SetError> {
        let Some((person, path)) = self.people.get(index) else {
            return Ok(Rendered::Presentations(0));
        };
        let Some(target) = subject(engine, path)? else {
            return Ok(Rendered::NoFace(path.clone()));
        };
        let mut wearer = None;
        for next in 1..self.people.len() {
            wearer = subject(engine, &self.people[(index + next) % self.people.len()].1)?;
            if wearer.is_some() {
                break;
            }
        }
        let wearer = wearer.ok_or(SetError::TooFewPeople)?;
        let seed = person.bytes().fold(seed, |s, b| s.wrapping_mul(0x100_0000_01B3) ^ u64::from(b));
        for kind in species {
            let frames = presentation(*kind, &target, &wearer, frames, seed)?;
            let folder = out.join(person).join("attacks").join(kind.to_string());
            let folder = folder.join(format!("{}.frames", name(path)));
            let file_error = |path: &Path| {
                let path = path.to_owned();
                move |source| SetError::File { path, source }
            };
            fs::create_dir_all(&folder).map_err(file_error(&folder))?;
            for (n, frame) in frames.iter().enumerate() {
                let file = folder.join(format!("{n:02}.jpg"));
                fs::write(&file, &frame.jpeg).map_err(file_error(&file))?;
            }
        }
        Ok(Rendered::Presentations(species.len()))
    }
}

/// The one face of a photograph, or the largest where it is alone of its size.
fn subject(engine: &Engine, path: &Path) -> Result<Option<Subject>, SetError> {
    let image = Image::open(path)
        .map_err(|source| SetError::Photograph { path: path.to_owned(), source })?;
    let faces = engine.inspect(&image)?.faces;
    Ok(faces.first().map(|face| Subject::new(&image, &face.face.landmarks)))
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, SetError> {
    let error = |source| SetError::File { path: folder.to_owned(), source };
    let entries: Result<Vec<PathBuf>, io::Error> =
        fs::read_dir(folder).map_err(error)?.map(|entry| Ok(entry?.path())).collect();
    let mut entries = entries.map_err(error)?;
    entries.sort();
    Ok(entries)
}

fn is_photograph(path: &Path) -> bool {
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    path.is_file() && extension.is_some_and(|e| e == "jpg" || e == "jpeg" || e == "png")
}

fn name(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_photographs_are_a_set_and_a_folder_of_one_person_is_none() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/faces");
        assert!(PhotographSet::open(&folder).unwrap().len() >= 5);
        assert!(matches!(PhotographSet::open(&folder.join("absent")), Err(SetError::File { .. })));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert!(matches!(PhotographSet::open(&sources), Err(SetError::TooFewPeople)));
    }
}
