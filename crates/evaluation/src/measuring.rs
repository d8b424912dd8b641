//! Measures every picture of a dataset once, on several threads, and keeps what was measured.
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::UNIX_EPOCH;

use imp_biometrics::{DrawMaskError, Engine, FaceError, Image, ImageError, MaskStyle, Measured};
use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Shows};
use crate::journal::{Found, Journal, JournalError, round_trip};
use crate::random::Seeded;

/// One picture, as it was when it was measured.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Picture {
    /// Relative to the dataset's folder.
    path: PathBuf,
    bytes: u64,
    /// Since 1970, in nanoseconds; 0 where the file system does not say.
    modified: u64,
}

/// What one picture gave.
#[derive(Deserialize, Serialize)]
pub(crate) struct Record {
    picture: Picture,
    /// As it is.
    pub(crate) seen: Seen,
    /// With a mask drawn on it, where it is bare.
    pub(crate) drawn: Option<(usize, Seen)>,
}

/// What was found in a picture.
#[derive(Deserialize, Serialize)]
pub(crate) enum Seen {
    /// One face that can be used.
    Measured(Box<Measured>),
    /// Why there is none.
    Refused(String),
}

/// How far it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Pictures measured, earlier ones included.
    pub done: usize,
    /// Pictures in all.
    pub total: usize,
}

/// What is to be done with one picture.
struct Job<'a> {
    path: &'a Path,
    /// Masks are drawn for the reference as well: it is bare, and of a person who is compared.
    enrols: bool,
    /// The mask with which it is a probe; the index in [`MaskStyle::ALL`], and a seed.
    drawn: Option<(usize, u64)>,
}

/// Measures what is not in `found` yet. `watch` is told how far it is.
pub(crate) fn measure(
    engine: &Engine,
    dataset: &Dataset,
    (journal, found): (&mut Journal, Found<Record>),
    (threads, seed): (usize, u64),
    watch: &dyn Fn(Progress),
) -> Result<HashMap<PathBuf, Record>, JournalError> {
    let mut records: HashMap<PathBuf, Record> = HashMap::new();
    for record in found.records {
        if picture(dataset, &record.picture.path).as_ref() == Some(&record.picture) {
            records.insert(record.picture.path.clone(), record);
        }
    }
    let jobs: Vec<Job<'_>> = jobs(dataset, seed).collect();
    let total = jobs.len();
    let open: Vec<&Job<'_>> = jobs.iter().filter(|job| !records.contains_key(job.path)).collect();
    watch(Progress { done: total - open.len(), total });
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::sync_channel(4 * threads.max(1));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (sender, open, next, stop) = (sender.clone(), &open, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(job) = open.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                    // Nobody listens any more after a failure.
                    if sender.send(look(engine, dataset, job)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for record in receiver {
            let record = match journal.append(&record) {
                Ok(record) => record,
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            };
            records.insert(record.picture.path.clone(), record);
            watch(Progress { done: records.len(), total });
        }
        Ok(())
    })?;
    Ok(records)
}

fn jobs(dataset: &Dataset, seed: u64) -> impl Iterator<Item = Job<'_>> {
    let presentations = dataset
        .people
        .iter()
        .flat_map(|person| person.presentations.iter().map(move |p| (person, p)));
    presentations.flat_map(move |(person, presentation)| {
        let bare = presentation.shows == Shows::Bare;
        // All frames of a capture get the same mask, by the capture's first one.
        let name = presentation.frames.first().map(|f| f.to_string_lossy()).unwrap_or_default();
        let mut random = Seeded::new(seed, &name);
        let drawn = bare.then(|| (random.below(MaskStyle::ALL.len()), random.next()));
        let enrols = bare && !person.unnamed;
        presentation.frames.iter().map(move |path| Job { path, enrols, drawn })
    })
}

fn picture(dataset: &Dataset, path: &Path) -> Option<Picture> {
    let metadata = fs::metadata(dataset.folder.join(path)).ok()?;
    let modified = metadata.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    Some(Picture { path: path.to_owned(), bytes: metadata.len(), modified })
}

/// Whatever is wrong with the picture becomes part of the record.
fn look(engine: &Engine, dataset: &Dataset, job: &Job<'_>) -> Record {
    let gone = || Picture { path: job.path.to_owned(), bytes: 0, modified: 0 };
    let picture = picture(dataset, job.path).unwrap_or_else(gone);
    let image = match Image::open(&dataset.folder.join(job.path)) {
        Ok(image) => image,
        Err(error) => {
            let seen = Seen::Refused(unreadable(&error));
            return Record { picture, seen, drawn: None };
        }
    };
    let seen = seen(engine, &image, job.enrols);
    let drawn = job.drawn.and_then(|(style, seed)| {
        let masked = match engine.draw_mask(&image, *MaskStyle::ALL.get(style)?, seed) {
            Ok(masked) => self::seen(engine, &masked, false),
            Err(DrawMaskError::Face(error)) => Seen::Refused(unusable(&error)),
            Err(DrawMaskError::Inference(error)) => Seen::Refused(error.to_string()),
        };
        Some((style, masked))
    });
    Record { picture, seen, drawn }
}

fn seen(engine: &Engine, image: &Image, enrols: bool) -> Seen {
    let measured = if enrols { engine.measure_reference(image) } else { engine.measure(image) };
    match measured {
        Ok(Ok(measured)) => kept(measured),
        Ok(Err(error)) => Seen::Refused(unusable(&error)),
        Err(error) => Seen::Refused(error.to_string()),
    }
}

/// Refuses what could not be kept: a network may give numbers that are not finite, and one such picture must not end an
/// evaluation of thousands.
fn kept(measured: Measured) -> Seen {
    match round_trip(&measured) {
        Ok(_) => Seen::Measured(Box::new(measured)),
        Err(_not_finite) => Seen::Refused("a measured number is not finite".to_owned()),
    }
}

/// The reason without its numbers, so that reasons can be counted.
fn unusable(error: &FaceError) -> String {
    let text = error.to_string();
    text.split_once(": ").filter(|(start, _)| start.contains("too small")).map_or_else(
        || {
            let several = text.starts_with(|c: char| c.is_ascii_digit());
            if several { "several faces were found".to_owned() } else { text.clone() }
        },
        |(start, _)| start.to_owned(),
    )
}

/// As [`unusable`], for files.
fn unreadable(error: &ImageError) -> String {
    match error {
        ImageError::Unreadable { .. } => "the file cannot be read".to_owned(),
        ImageError::TooSmall { .. } => "the picture is too small".to_owned(),
        ImageError::WrongLength { .. } => "the picture is damaged".to_owned(),
        ImageError::NotAnImage
        | ImageError::Corrupt
        | ImageError::TooLarge
        | ImageError::Encoding(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    #[test]
    fn a_number_that_is_not_finite_refuses_the_picture() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let store = imp_models::ModelStore::open(root.join("models")).unwrap();
        let engine = Engine::load_uncalibrated(&store, NonZeroUsize::MIN).unwrap();
        let image = Image::open(&root.join("tests/data/faces/biden.jpg")).unwrap();
        let Seen::Measured(good) = seen(&engine, &image, false) else { panic!("one face") };
        let damage: [fn(&mut Measured); 4] = [
            |m| m.mask_score = f32::NAN,
            |m| m.quality.sharpness = f32::INFINITY,
            |m| m.traces.stripes = f32::NEG_INFINITY,
            |m| m.attack_scores.push(f32::NAN),
        ];
        for alter in damage {
            let mut measured = (*good).clone();
            alter(&mut measured);
            let Seen::Refused(reason) = kept(measured) else { panic!("kept") };
            assert_eq!(reason, "a measured number is not finite");
        }
        assert!(matches!(kept(*good), Seen::Measured(_)));
    }
}
