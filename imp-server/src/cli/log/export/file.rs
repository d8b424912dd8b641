//! A file into which the log is exported, again and again, whatever interrupts it.
//!
//! Beside it stands `FILE.position`: how long the file is up to the last whole piece, and after which index the next one
//! begins. It is replaced only when that piece is on disk; what stands behind it in the file is cut off before going on.
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is exported into a file: always the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heading {
    /// The format.
    pub(super) format: String,
    /// Whether people are named.
    pub(super) names: bool,
    /// The question, as JSON.
    pub(super) question: String,
}

/// How far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    heading: Heading,
    after: Option<u64>,
    /// In bytes.
    length: u64,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportFileError {
    /// See the source.
    #[error("could not use {0}")]
    File(PathBuf, #[source] io::Error),
    /// It was not made by an export, or its position was lost.
    #[error("{0} is there, without {0}.position beside it: name another file")]
    Foreign(PathBuf),
    /// See the source.
    #[error("{0} is not the position of an export")]
    Position(PathBuf, #[source] serde_json::Error),
    /// Something else was exported into it.
    #[error("{0} was begun with another format or question: name another file")]
    Other(PathBuf),
    /// Somebody says where to go on, and the file says otherwise.
    #[error("{0} goes on by itself, where it ended: leave --after out")]
    After(PathBuf),
    /// Something was cut off that was on disk.
    #[error("{0} is shorter than what was exported into it")]
    Short(PathBuf),
}

/// A file that is open at its end.
#[derive(Debug)]
pub(super) struct ExportFile {
    file: File,
    path: PathBuf,
    position: Position,
}

impl ExportFile {
    /// Begins an export after `after` in a new file, or goes on in one that holds the same.
    pub(super) fn open(
        path: &Path,
        heading: &Heading,
        after: Option<u64>,
    ) -> Result<Self, ExportFileError> {
        let failed = |error| ExportFileError::File(path.to_owned(), error);
        match fs::read(beside(path, ".position")) {
            Ok(position) => {
                if after.is_some() {
                    return Err(ExportFileError::After(path.to_owned()));
                }
                Self::resume(path, heading, &position)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let created = OpenOptions::new().write(true).create_new(true).open(path);
                let file = created.map_err(|error| {
                    if error.kind() == io::ErrorKind::AlreadyExists {
                        ExportFileError::Foreign(path.to_owned())
                    } else {
                        failed(error)
                    }
                })?;
                let position = Position { heading: heading.clone(), after, length: 0 };
                let created = Self { file, path: path.to_owned(), position };
                created.put_position().map_err(failed)?;
                Ok(created)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn resume(path: &Path, heading: &Heading, position: &[u8]) -> Result<Self, ExportFileError> {
        let failed = |error| ExportFileError::File(path.to_owned(), error);
        let position: Position = serde_json::from_slice(position)
            .map_err(|error| ExportFileError::Position(beside(path, ".position"), error))?;
        if position.heading != *heading {
            return Err(ExportFileError::Other(path.to_owned()));
        }
        let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() < position.length {
            return Err(ExportFileError::Short(path.to_owned()));
        }
        file.set_len(position.length).map_err(failed)?;
        file.seek(SeekFrom::Start(position.length)).map_err(failed)?;
        Ok(Self { file, path: path.to_owned(), position })
    }

    /// After which index it goes on.
    pub(super) fn after(&self) -> Option<u64> {
        self.position.after
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.position.length == 0
    }

    /// Adds whole lines, after which every entry up to `after` was looked at. On disk when this returns.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        after: Option<u64>,
    ) -> Result<(), ExportFileError> {
        let failed = |error| ExportFileError::File(self.path.clone(), error);
        self.file.write_all(lines).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.position.length += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        self.position.after = after.or(self.position.after);
        self.put_position().map_err(|error| ExportFileError::File(self.path.clone(), error))
    }

    /// Puts the position in place of the one before, in one step.
    fn put_position(&self) -> io::Result<()> {
        let new = beside(&self.path, ".position.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&self.position)?)?;
        file.sync_data()?;
        fs::rename(new, beside(&self.path, ".position"))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading() -> Heading {
        Heading { format: "cef".to_owned(), names: false, question: "{}".to_owned() }
    }

    #[test]
    fn an_export_goes_on_behind_its_last_whole_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.cef");
        let mut file = ExportFile::open(&path, &heading(), Some(4)).unwrap();
        assert_eq!((file.after(), file.is_empty()), (Some(4), true));
        file.append(b"five\nsix\n", Some(6)).unwrap();
        drop(file);
        // The power fails while the next piece is written.
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"seven\nei").unwrap();
        let mut file = ExportFile::open(&path, &heading(), None).unwrap();
        assert_eq!((file.after(), file.is_empty()), (Some(6), false));
        file.append(b"seven\neight\n", Some(9)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "five\nsix\nseven\neight\n");
        assert_eq!(ExportFile::open(&path, &heading(), None).unwrap().after(), Some(9));
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let foreign = folder.path().join("thesis.txt");
        fs::write(&foreign, "years of work").unwrap();
        let refused = ExportFile::open(&foreign, &heading(), None);
        assert!(matches!(refused, Err(ExportFileError::Foreign(_))));
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "years of work");

        let path = folder.path().join("log.cef");
        drop(ExportFile::open(&path, &heading(), None).unwrap());
        let other = Heading { names: true, ..heading() };
        assert!(matches!(ExportFile::open(&path, &other, None), Err(ExportFileError::Other(_))));
        let after = ExportFile::open(&path, &heading(), Some(1));
        assert!(matches!(after, Err(ExportFileError::After(_))));
    }

    #[test]
    fn a_file_that_lost_lines_is_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.cef");
        let mut file = ExportFile::open(&path, &heading(), None).unwrap();
        file.append(b"zero\n", Some(0)).unwrap();
        fs::write(&path, "ze").unwrap();
        let short = ExportFile::open(&path, &heading(), None);
        assert!(matches!(short, Err(ExportFileError::Short(_))));
    }
}
