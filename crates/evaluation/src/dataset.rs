//! The folder that is evaluated: a folder for each person, photographs in it. `docs/faces/evaluation.md` describes it.
//!
//! ```text
//! DIR/people.csv                       optional: person, then a column for each demographic label
//! DIR/NAME/*.jpg, *.png                photographs of the bare face, each a capture of its own
//! DIR/NAME/masked/*, DIR/NAME/*-masked.jpg     a mask really worn
//! DIR/NAME/X.frames/*                  frames of one capture (likewise below `masked` and `attacks/SPECIES`)
//! DIR/NAME/attacks/SPECIES/*           presentation attacks in which an instrument shows this person
//! DIR/unnamed/…                        as a person's, of whomever: never compared, only detected and judged
//! ```
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of photographs whose people are not known.
const UNNAMED: &str = "unnamed";
const MASKED: &str = "masked";
const ATTACKS: &str = "attacks";
const FRAMES: &str = "frames";
const LABELS: &str = "people.csv";
/// Most frames of one capture.
const MOST_FRAMES: usize = 16;

/// What a folder holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dataset {
    /// Where it is.
    pub folder: PathBuf,
    /// Sorted by name; whoever is unnamed comes last.
    pub people: Vec<Person>,
    /// Names of the demographic labels.
    pub labels: Vec<String>,
}

/// One person's photographs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// Name of the folder.
    pub name: String,
    /// Whether these are many people's, who are not compared.
    pub unnamed: bool,
    /// For each label of the dataset the group, where it is known.
    pub groups: Vec<Option<String>>,
    /// Sorted by path.
    pub presentations: Vec<Presentation>,
}

/// One capture of a face.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presentation {
    /// Its pictures, relative to the dataset's folder; one, or the frames of a moment.
    pub frames: Vec<PathBuf>,
    /// What they show.
    pub shows: Shows,
}

/// What a capture shows.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Shows {
    /// A bare face.
    Bare,
    /// A face with a mask on, really worn.
    Masked,
    /// A presentation attack instrument of this species (ISO/IEC 30107-3).
    Attack(String),
}

/// The folder cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is no such folder.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A folder or file cannot be read.
    #[error("could not read {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither a JPEG or PNG, nor one of the folders that are known here.
    #[error(
        "{} has no place here: a folder for each person holds .jpg, .jpeg and .png files, and folders called `masked`, `attacks/SPECIES` and `NAME.frames`", .0.display()
    )]
    Unexpected(PathBuf),
    /// A name that is not UTF-8 cannot be kept in the file of measurements.
    #[error("the name of {} is not UTF-8", .0.display())]
    Name(PathBuf),
    /// A capture has no frames, or more than 16.
    #[error("{} holds {count} frames: 1 to {MOST_FRAMES} are one capture", .path.display())]
    Frames {
        /// The folder.
        path: PathBuf,
        /// Pictures in it.
        count: usize,
    },
    /// The table of labels is malformed.
    #[error("{} cannot be used, line {line}: {problem}", .path.display())]
    Labels {
        /// The table.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// There are no photographs.
    #[error("{} holds no photographs: it needs a folder for each person", .0.display())]
    Empty(PathBuf),
    /// Nobody can be compared with herself.
    #[error("nobody in {} has two photographs: at least two of one person are needed to compare", .0.display())]
    NobodyTwice(PathBuf),
    /// There is nobody else to compare with.
    #[error("{} holds one person: at least two people are needed to compare", .0.display())]
    OnePerson(PathBuf),
}

impl Dataset {
    /// Looks through `folder`; pictures are not opened.
    pub fn read(folder: &Path) -> Result<Self, DatasetError> {
        if !folder.is_dir() {
            return Err(DatasetError::NotAFolder(folder.to_owned()));
        }
        let mut people = Vec::new();
        let mut table = None;
        for entry in entries(folder)? {
            if entry.folder {
                let presentations = presentations(folder, &entry, &Shows::Bare)?;
                let unnamed = entry.name == UNNAMED;
                people.push(Person { name: entry.name, unnamed, groups: vec![], presentations });
            } else if entry.name == LABELS {
                table = Some(entry.path);
            } else {
                return Err(DatasetError::Unexpected(folder.join(entry.path)));
            }
        }
        people.retain(|person| !person.presentations.is_empty());
        people.sort_by(|a, b| (a.unnamed, &a.name).cmp(&(b.unnamed, &b.name)));
        let labels = match table {
            Some(path) => label(&mut people, &folder.join(path))?,
            None => vec![],
        };
        let dataset = Self { folder: folder.to_owned(), people, labels };
        dataset.check()?;
        Ok(dataset)
    }

    /// Pictures of all kinds.
    pub fn pictures(&self) -> usize {
        let presentations = self.people.iter().flat_map(|person| &person.presentations);
        presentations.map(|presentation| presentation.frames.len()).sum()
    }

    /// People who can be compared.
    pub fn named(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| !person.unnamed)
    }

    fn check(&self) -> Result<(), DatasetError> {
        if self.people.is_empty() {
            return Err(DatasetError::Empty(self.folder.clone()));
        }
        let bona_fide = |person: &Person| {
            person.presentations.iter().filter(|p| !matches!(p.shows, Shows::Attack(_))).count()
        };
        // Unnamed pictures alone are enough to judge detection, masks and attacks.
        if self.named().next().is_some() && self.people.iter().all(|p| !p.unnamed) {
            if !self.named().any(|person| bona_fide(person) >= 2) {
                return Err(DatasetError::NobodyTwice(self.folder.clone()));
            }
            if self.named().count() < 2 {
                return Err(DatasetError::OnePerson(self.folder.clone()));
            }
        }
        Ok(())
    }
}

/// One file or folder.
struct Entry {
    name: String,
    /// Relative to the dataset's folder.
    path: PathBuf,
    folder: bool,
}

/// What lies in `folder`, sorted; hidden files are passed over. Links are followed.
fn entries(folder: &Path) -> Result<Vec<Entry>, DatasetError> {
    below(folder, Path::new(""))
}

fn below(root: &Path, path: &Path) -> Result<Vec<Entry>, DatasetError> {
    let place = root.join(path);
    let unreadable =
        |path: &Path, source| DatasetError::Unreadable { path: path.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(&place).map_err(|source| unreadable(&place, source))? {
        let entry = entry.map_err(|source| unreadable(&place, source))?;
        let found = entry.path();
        let name =
            entry.file_name().into_string().map_err(|_| DatasetError::Name(found.clone()))?;
        if name.starts_with('.') || name == "Thumbs.db" {
            continue;
        }
        let folder = fs::metadata(&found).map_err(|source| unreadable(&found, source))?.is_dir();
        entries.push(Entry { path: path.join(&name), name, folder });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// What the folder of one person, or one in it, holds.
fn presentations(
    root: &Path,
    folder: &Entry,
    shows: &Shows,
) -> Result<Vec<Presentation>, DatasetError> {
    let mut found = Vec::new();
    let of_person = *shows == Shows::Bare;
    for entry in below(root, &folder.path)? {
        let (stem, extension) = entry.name.rsplit_once('.').unwrap_or((&entry.name, ""));
        let shows =
            || if of_person && stem.ends_with("-masked") { Shows::Masked } else { shows.clone() };
        match (entry.folder, extension.to_ascii_lowercase().as_str()) {
            (false, "jpg" | "jpeg" | "png") => {
                found.push(Presentation { shows: shows(), frames: vec![entry.path] });
            }
            (true, FRAMES) => {
                found.push(Presentation { shows: shows(), frames: frames(root, &entry)? });
            }
            (true, _) if of_person && entry.name == MASKED => {
                found.extend(presentations(root, &entry, &Shows::Masked)?);
            }
            (true, _) if of_person && entry.name == ATTACKS => {
                for species in below(root, &entry.path)? {
                    if !species.folder {
                        return Err(DatasetError::Unexpected(root.join(species.path)));
                    }
                    let shows = Shows::Attack(species.name.clone());
                    found.extend(presentations(root, &species, &shows)?);
                }
            }
            (true | false, _) => return Err(DatasetError::Unexpected(root.join(entry.path))),
        }
    }
    Ok(found)
}

fn frames(root: &Path, folder: &Entry) -> Result<Vec<PathBuf>, DatasetError> {
    let entries = below(root, &folder.path)?;
    if let Some(odd) = entries.iter().find(|entry| entry.folder || !is_picture(&entry.name)) {
        return Err(DatasetError::Unexpected(root.join(&odd.path)));
    }
    if entries.is_empty() || entries.len() > MOST_FRAMES {
        let path = root.join(&folder.path);
        return Err(DatasetError::Frames { path, count: entries.len() });
    }
    Ok(entries.into_iter().map(|entry| entry.path).collect())
}

fn is_picture(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Gives people the groups of the table at `path`, and returns what the labels are called.
fn label(people: &mut [Person], path: &Path) -> Result<Vec<String>, DatasetError> {
    let malformed = |line: u64, problem: &str| DatasetError::Labels {
        path: path.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        malformed(line, &error.to_string())
    };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(wrong)?;
    let header = reader.headers().map_err(wrong)?.clone();
    if header.get(0) != Some("person") {
        return Err(malformed(1, "the first column must be called `person`"));
    }
    let labels: Vec<String> = header.iter().skip(1).map(str::to_owned).collect();
    let mut groups: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let line = row.position().map_or(1, csv::Position::line);
        let name = row.get(0).unwrap_or_default();
        if !people.iter().any(|person| person.name == name && !person.unnamed) {
            return Err(malformed(line, &format!("there is no folder for {name:?}")));
        }
        let group = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        if groups.insert(name.to_owned(), row.iter().skip(1).map(group).collect()).is_some() {
            return Err(malformed(line, &format!("{name:?} is given twice")));
        }
    }
    for person in people {
        let unknown = || vec![None; labels.len()];
        person.groups = groups.remove(&person.name).unwrap_or_else(unknown);
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with empty files at these paths, and the table.
    fn laid_out(
        files: &[&str],
        table: Option<&str>,
    ) -> (tempfile::TempDir, Result<Dataset, DatasetError>) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        if let Some(text) = table {
            fs::write(folder.path().join(LABELS), text).unwrap();
        }
        let dataset = Dataset::read(folder.path());
        (folder, dataset)
    }

    const TWO: [&str; 3] = ["ada/1.jpg", "ada/2.PNG", "bob/1.jpeg"];

    #[test]
    fn every_kind_of_presentation_is_found_in_its_place() {
        let files = [
            "ada/1.jpg",
            "ada/2-masked.jpg",
            "ada/masked/3.png",
            "ada/masked/4.frames/a.jpg",
            "ada/door.frames/a.jpg",
            "ada/door.frames/b.jpg",
            "ada/attacks/print/1.jpg",
            "ada/attacks/screen/2.frames/a.png",
            "ada/.DS_Store",
            "bob/1.jpg",
            "unnamed/x.jpg",
            "unnamed/masked/y.jpg",
        ];
        let dataset = laid_out(&files, None).1.unwrap();
        let shown: Vec<(&str, usize)> = dataset.people[0]
            .presentations
            .iter()
            .map(|p| {
                let shows = match &p.shows {
                    Shows::Bare => "bare",
                    Shows::Masked => "masked",
                    Shows::Attack(species) => species,
                };
                (shows, p.frames.len())
            })
            .collect();
        let expected = [
            ("bare", 1),
            ("masked", 1),
            ("print", 1),
            ("screen", 1),
            ("bare", 2),
            ("masked", 1),
            ("masked", 1),
        ];
        assert_eq!(shown, expected);
        assert_eq!((dataset.pictures(), dataset.named().count(), dataset.people.len()), (11, 2, 3));
        assert!(dataset.people[2].unnamed);
    }

    #[test]
    fn what_has_no_place_is_refused_by_its_path() {
        for odd in [
            "notes.txt",
            "ada/notes.txt",
            "ada/summer/1.jpg",
            "ada/masked/masked/1.jpg",
            "ada/attacks/1.jpg",
            "ada/x.frames/deep/1.jpg",
        ] {
            let (folder, result) = laid_out(&[&TWO[..], &[odd]].concat(), None);
            let error = result.unwrap_err();
            assert!(matches!(error, DatasetError::Unexpected(_)), "{odd}: {error}");
            let odd = odd.rsplit_once("/1.jpg").map_or(odd, |(start, _)| start);
            assert!(error.to_string().contains(odd), "{error}");
            drop(folder);
        }
    }

    #[test]
    fn folders_that_cannot_be_compared_are_refused() {
        assert!(matches!(laid_out(&[], None).1, Err(DatasetError::Empty(_))));
        assert!(matches!(
            laid_out(&["ada/1.jpg", "bob/1.jpg"], None).1,
            Err(DatasetError::NobodyTwice(_))
        ));
        assert!(matches!(
            laid_out(&["ada/1.jpg", "ada/2.jpg"], None).1,
            Err(DatasetError::OnePerson(_))
        ));
        assert!(matches!(
            Dataset::read(Path::new("/nonexistent")),
            Err(DatasetError::NotAFolder(_))
        ));
        assert!(laid_out(&["unnamed/1.jpg"], None).1.is_ok());
        let many: Vec<String> = (0..17).map(|i| format!("ada/x.frames/{i}.jpg")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).chain(TWO).collect();
        assert!(matches!(laid_out(&many, None).1, Err(DatasetError::Frames { count: 17, .. })));
    }

    #[test]
    fn labels_are_read_and_unknown_ones_stay_unknown() {
        let dataset = laid_out(&TWO, Some("person,sex,age\nada, f ,30-39\n")).1.unwrap();
        assert_eq!(dataset.labels, ["sex", "age"]);
        assert_eq!(dataset.people[0].groups, [Some("f".to_owned()), Some("30-39".to_owned())]);
        assert_eq!(dataset.people[1].groups, [None, None]);
    }

    #[test]
    fn a_malformed_table_is_refused_with_its_line() {
        for (table, line) in [
            ("name,sex\nada,f\n", 1),
            ("person,sex\nada,f\ncarla,f\n", 3),
            ("person,sex\nada,f\nada,m\n", 3),
            ("person,sex\nada,f,old\n", 2),
        ] {
            let error = laid_out(&TWO, Some(table)).1.unwrap_err();
            assert!(
                matches!(error, DatasetError::Labels { line: at, .. } if at == line),
                "{error}"
            );
        }
    }
}
