//! What was measured so far, in a file that survives being killed: each record has its length and checksum, and one that
//! is damaged or half written is dropped with all that follow it.
//!
//! The records are biometric data of the people in the photographs: the file is for its owner alone (mode 0600), and is
//! removed when the evaluation is done unless it is asked to stay.
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// First bytes; the last of them is the version of the format.
const MAGIC: [u8; 8] = *b"IMPMEAS\x01";
/// Longest record, in bytes.
const LONGEST: u32 = 4 << 20;
/// Room for a usual record, in bytes: a buffer that grows leaves copies behind that nobody wipes.
const USUAL: usize = 128 << 10;

/// The file, open for more.
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

/// What a file of measurements held already.
#[derive(Debug)]
pub(crate) struct Found<T> {
    /// Every whole record.
    pub(crate) records: Vec<T>,
    /// Bytes of damaged or half-written records that were dropped.
    pub(crate) dropped: u64,
}

/// The measurements cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// An evaluation was interrupted here.
    #[error(
        "{} holds measurements of an evaluation that did not end: go on with --resume, or begin anew with --discard", .0.display()
    )]
    Interrupted(PathBuf),
    /// It was interrupted with other models, settings or photographs.
    #[error("{} was measured with other models or settings: begin anew with --discard", .0.display())]
    OtherRun(PathBuf),
    /// Another evaluation writes it at this moment.
    #[error("{} is in use by another evaluation", .0.display())]
    InUse(PathBuf),
    /// A link, somebody else's, or open to others: what is measured would go astray, or what is read was planted.
    #[error(
        "{} is not a file of yours that only you can read (mode 0600): remove it, or choose another folder with --out", .0.display()
    )]
    NotOurs(PathBuf),
    /// It cannot be read or written: no permission, no space.
    #[error("could not keep measurements in {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What to do with measurements that are already there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// Refuse to touch them.
    Refuse,
    /// Go on with them.
    Resume,
    /// Throw them away.
    Discard,
}

impl Journal {
    /// Opens the file at `path`, whose measurements were or will be made as `settings` say.
    pub(crate) fn open<T: DeserializeOwned>(
        path: &Path,
        settings: &impl Serialize,
        existing: Existing,
    ) -> Result<(Self, Found<T>), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = opened(path, existing)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        if existing == Existing::Discard {
            file.set_len(0).map_err(failed)?;
        }
        let settings = serde_json::to_vec(settings).map_err(|e| failed(e.into()))?;
        let (length, head) = begin(&mut file).map_err(failed)?;
        let mut journal = Self { file, path: path.to_owned() };
        let Some(head) = head else {
            journal.truncate(0)?;
            journal.file.write_all(&MAGIC).map_err(failed)?;
            journal.write(&settings)?;
            return Ok((journal, Found { records: vec![], dropped: 0 }));
        };
        if *head != settings {
            return Err(JournalError::OtherRun(path.to_owned()));
        }
        let (records, end) = journal.read(length).map_err(failed)?;
        journal.truncate(end)?;
        Ok((journal, Found { records, dropped: length - end }))
    }

    /// Adds a record, and returns it as it will be read after a crash: an evaluation that was interrupted comes to the
    /// same figures. What could not be read again is not written.
    pub(crate) fn append<T: Serialize + DeserializeOwned>(
        &mut self,
        record: &T,
    ) -> Result<T, JournalError> {
        let (bytes, again) = round_trip(record).map_err(|e| self.failed(e.into()))?;
        self.write(&bytes)?;
        Ok(again)
    }

    /// Removes the file.
    pub(crate) fn remove(self) -> Result<(), JournalError> {
        fs::remove_file(&self.path).map_err(|source| self.failed(source))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let too_long = || self.failed(io::Error::other("a measurement is too long"));
        let length =
            u32::try_from(bytes.len()).ok().filter(|l| *l <= LONGEST).ok_or_else(too_long)?;
        let mut framed = Zeroizing::new(Vec::with_capacity(bytes.len() + 8));
        framed.extend(length.to_le_bytes());
        framed.extend(crc32fast::hash(bytes).to_le_bytes());
        framed.extend(bytes);
        self.file.write_all(&framed).map_err(|source| self.failed(source))
    }

    /// The records after the head, and where the last whole one ends.
    fn read<T: DeserializeOwned>(&mut self, length: u64) -> io::Result<(Vec<T>, u64)> {
        let mut records = Vec::new();
        let mut end = self.file.stream_position()?;
        // Not buffered: the buffer would not be wiped.
        let mut reader = (&self.file).take(length);
        while let Some(bytes) = frame(&mut reader)? {
            let Ok(record) = serde_json::from_slice(&bytes) else { break };
            records.push(record);
            end += bytes.len() as u64 + 8;
        }
        Ok((records, end))
    }

    fn truncate(&mut self, length: u64) -> Result<(), JournalError> {
        self.file.set_len(length).map_err(|source| self.failed(source))?;
        self.file.seek(SeekFrom::Start(length)).map_err(|source| self.failed(source))?;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }
}

/// `value` as it is written, and as it is read again; fails where that cannot be, as with a number that is not finite.
pub(crate) fn round_trip<T: Serialize + DeserializeOwned>(
    value: &T,
) -> serde_json::Result<(Zeroizing<Vec<u8>>, T)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL));
    serde_json::to_writer(&mut *bytes, value)?;
    let again = serde_json::from_slice(&bytes)?;
    Ok((bytes, again))
}

/// The file at `path`: made, or our own that nobody else can read. No link is followed.
fn opened(path: &Path, existing: Existing) -> Result<File, JournalError> {
    let failed = |error: Errno| JournalError::Io { path: path.to_owned(), source: error.into() };
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR) {
        Ok(made) => return Ok(made.into()),
        Err(Errno::EXIST) if existing == Existing::Refuse => {
            return Err(JournalError::Interrupted(path.to_owned()));
        }
        Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error)),
    }
    let file: File = match rustix::fs::open(path, flags | OFlags::NONBLOCK, Mode::empty()) {
        Ok(file) => file.into(),
        Err(Errno::LOOP | Errno::ISDIR) => return Err(JournalError::NotOurs(path.to_owned())),
        Err(error) => return Err(failed(error)),
    };
    let metadata =
        file.metadata().map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    let others = Mode::from_raw_mode(metadata.mode()) & (Mode::RWXG | Mode::RWXO);
    let ours = metadata.is_file()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && others.is_empty();
    if ours { Ok(file) } else { Err(JournalError::NotOurs(path.to_owned())) }
}

/// The length of the file, and its settings; none where it does not even hold these. The file then stands behind them.
fn begin(file: &mut File) -> io::Result<(u64, Option<Zeroizing<Vec<u8>>>)> {
    let length = file.metadata()?.len();
    let mut magic = [0; MAGIC.len()];
    let head = match file.read_exact(&mut magic) {
        Ok(()) if magic == MAGIC => frame(file)?,
        Ok(()) => return Err(io::Error::other("this is no file of measurements")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
        Err(error) => return Err(error),
    };
    Ok((length, head))
}

/// The next record; none at the end, or where it is damaged.
fn frame(reader: &mut impl io::Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut head = [0; 8];
    let mut bytes = Zeroizing::new(Vec::new());
    let whole = |error: io::Error| {
        if error.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(error) }
    };
    if let Err(error) = reader.read_exact(&mut head) {
        return whole(error).map(|()| None);
    }
    let (length, sum) = head.split_at(4);
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap_or_default());
    if number(length) > LONGEST {
        return Ok(None);
    }
    bytes.resize(number(length) as usize, 0);
    if let Err(error) = reader.read_exact(&mut bytes) {
        return whole(error).map(|()| None);
    }
    Ok((crc32fast::hash(&bytes) == number(sum)).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn open(path: &Path, existing: Existing) -> Result<(Journal, Found<String>), JournalError> {
        Journal::open(path, &"settings", existing)
    }

    /// A folder with a file of three records.
    fn three() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measured");
        let (mut journal, _) = open(&path, Existing::Refuse).unwrap();
        for record in ["first", "second", "third"] {
            journal.append(&record.to_owned()).unwrap();
        }
        (folder, path)
    }

    #[test]
    fn what_was_kept_is_there_again_for_its_owner_alone() {
        let (_folder, path) = three();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (journal, found) = open(&path, Existing::Resume).unwrap();
        assert_eq!((found.records.len(), found.dropped), (3, 0));
        assert!(matches!(open(&path, Existing::Resume), Err(JournalError::InUse(_))));
        journal.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn whatever_is_cut_off_costs_only_the_last_records() {
        let (_folder, path) = three();
        let whole = fs::read(&path).unwrap();
        let mut fewest = 3;
        for length in (0..whole.len()).rev() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, found) = open(&path, Existing::Resume).unwrap();
            assert!(found.records.len() <= fewest, "{length}");
            assert_eq!(found.records, ["first", "second", "third"][..found.records.len()]);
            fewest = found.records.len();
            journal.append(&"next".to_owned()).unwrap();
            drop(journal);
            let again = open(&path, Existing::Resume).unwrap().1;
            assert_eq!((again.records.last().unwrap().as_str(), again.dropped), ("next", 0));
        }
        assert_eq!(fewest, 0);
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let (_folder, path) = three();
        let mut bytes = fs::read(&path).unwrap();
        let second = bytes.windows(6).position(|w| w == b"second").unwrap();
        bytes[second] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (_journal, found) = open(&path, Existing::Resume).unwrap();
        assert_eq!(found.records, ["first"]);
        assert!(found.dropped > 0);
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_a_link_is_refused() {
        let (folder, path) = three();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            for existing in [Existing::Resume, Existing::Discard] {
                assert!(matches!(open(&path, existing), Err(JournalError::NotOurs(_))), "{mode:o}");
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let whole = fs::read(&path).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(open(&link, Existing::Refuse), Err(JournalError::Interrupted(_))));
        for existing in [Existing::Resume, Existing::Discard] {
            assert!(matches!(open(&link, existing), Err(JournalError::NotOurs(_))));
        }
        let nowhere = folder.path().join("planted");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &nowhere).unwrap();
        assert!(open(&nowhere, Existing::Refuse).is_err());
        assert!(!folder.path().join("elsewhere").exists());
        assert_eq!(fs::read(&path).unwrap(), whole, "nothing was thrown away");
        assert_eq!(open(&path, Existing::Resume).unwrap().1.records.len(), 3);
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measured");
        let mut journal = Journal::open::<f32>(&path, &"settings", Existing::Refuse).unwrap().0;
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(journal.append(&number), Err(JournalError::Io { .. })));
        }
        journal.append(&0.5f32).unwrap();
        drop(journal);
        let found = Journal::open::<f32>(&path, &"settings", Existing::Resume).unwrap().1;
        assert_eq!((found.records, found.dropped), (vec![0.5], 0));
    }

    #[test]
    fn other_settings_other_files_and_forgotten_ones_are_refused() {
        let (_folder, path) = three();
        assert!(matches!(open(&path, Existing::Refuse), Err(JournalError::Interrupted(_))));
        let other = Journal::open::<String>(&path, &"others", Existing::Resume);
        assert!(matches!(other, Err(JournalError::OtherRun(_))));
        assert_eq!(open(&path, Existing::Discard).unwrap().1.records.len(), 0);
        fs::write(&path, "not measurements at all").unwrap();
        assert!(matches!(open(&path, Existing::Resume), Err(JournalError::Io { .. })));
        let nowhere = Path::new("/nonexistent/measured");
        assert!(matches!(open(nowhere, Existing::Refuse), Err(JournalError::Io { .. })));
    }
}
