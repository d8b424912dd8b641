//! The state directory: which files there are, who may read them, and how they are changed so that a crash at any
//! moment leaves the old or the new content, never a mixture.
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Files of the state; each is 0600.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Whose phone this is: [`crate::binding::Binding`].
    Binding,
    /// A binding was begun: the digest of its one-time code.
    BindingAttempt,
    /// The sealed reference: [`crate::vault`].
    Reference,
    /// An erasure was begun, or the server does not know of it yet.
    Erasure,
    /// The receipts: [`crate::journal`].
    Receipts,
    /// Receipts that were set aside because they are damaged.
    DamagedReceipts,
    /// What was refused: [`crate::evidence`].
    Evidence,
    /// The same, after it was damaged.
    DamagedEvidence,
    /// The latest tree of the log that this phone has seen: [`crate::seen`].
    Seen,
    /// Serialises changes of the files, briefly.
    ChangeLock,
    /// Held while the phone serves.
    ServeLock,
    /// What a dishonest phone has recorded.
    #[cfg(feature = "emulator")]
    Recorded,
}

/// The folder in which a phone keeps everything; 0700.
#[derive(Clone, Debug)]
pub(crate) struct State(PathBuf);

/// A file of the state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", .path.display())]
pub struct StateError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A lock that ends with this value, or with the process.
#[derive(Debug)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")] File,
);

impl Entry {
    const fn name(self) -> &'static str {
        match self {
            Self::Binding => "binding.json",
            Self::BindingAttempt => "binding-attempt",
            Self::Reference => "reference",
            Self::Erasure => "erasure.json",
            Self::Receipts => "receipts",
            Self::DamagedReceipts => "receipts.damaged",
            Self::Evidence => "evidence",
            Self::DamagedEvidence => "evidence.damaged",
            Self::Seen => "log.json",
            Self::ChangeLock => "lock",
            Self::ServeLock => "serving",
            #[cfg(feature = "emulator")]
            Self::Recorded => "recorded",
        }
    }
}

impl State {
    /// Opens the folder, creates it when absent, and takes group's and others' rights away.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
        let fail = |source| StateError { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fail)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(fail)?;
        Ok(Self(directory.to_owned()))
    }

    /// Where `entry` lies.
    pub(crate) fn path(&self, entry: Entry) -> PathBuf {
        self.0.join(entry.name())
    }

    /// Reads at most `limit` bytes of `entry`; `None` when it is absent, an error when it is longer.
    pub(crate) fn read(&self, entry: Entry, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path(entry);
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?.take(limit + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > limit {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than it can be"));
            }
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError { path, source }),
        }
    }

    /// Replaces `entry` in one step that survives a power failure.
    pub(crate) fn write(&self, entry: Entry, bytes: &[u8]) -> Result<(), StateError> {
        let path = self.path(entry);
        let new = path.with_extension("new");
        let write = || {
            let mut file = private().write(true).create(true).truncate(true).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            self.sync()
        };
        write().map_err(|source| StateError { path: path.clone(), source })
    }

    /// Removes `entry`, if it is there.
    pub(crate) fn remove(&self, entry: Entry) -> Result<(), StateError> {
        let path = self.path(entry);
        match fs::remove_file(&path) {
            Ok(()) => self.sync().map_err(|source| StateError { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(StateError { path, source }),
        }
    }

    /// Opens `entry` for reading and writing, creating it when absent.
    pub(crate) fn edit(&self, entry: Entry) -> Result<File, StateError> {
        let path = self.path(entry);
        private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| StateError { path, source })
    }

    /// Waits until no other change is under way; changes last milliseconds.
    pub(crate) fn change(&self) -> Result<Lock, StateError> {
        let file = self.edit(Entry::ChangeLock)?;
        match file.lock() {
            Ok(()) => Ok(Lock(file)),
            Err(source) => Err(StateError { path: self.path(Entry::ChangeLock), source }),
        }
    }

    /// Claims the right to serve; `None` when another process, or another part of this one, has it.
    pub(crate) fn claim_serving(&self) -> Result<Option<Lock>, StateError> {
        let file = self.edit(Entry::ServeLock)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(StateError { path: self.path(Entry::ServeLock), source })
            }
        }
    }

    /// An error about `entry`.
    pub(crate) fn error(&self, entry: Entry, source: io::Error) -> StateError {
        StateError { path: self.path(entry), source }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_look() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("phone");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let state = State::open(&directory).unwrap();
        state.write(Entry::Binding, b"{}").unwrap();
        state.edit(Entry::Receipts).unwrap();
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&state.path(Entry::Binding)), 0o600);
        assert_eq!(mode(&state.path(Entry::Receipts)), 0o600);
    }

    #[test]
    fn a_half_written_file_is_never_seen() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        state.write(Entry::Binding, b"old").unwrap();
        // What a kill between writing and renaming leaves behind.
        fs::write(state.path(Entry::Binding).with_extension("new"), b"ne").unwrap();
        assert_eq!(state.read(Entry::Binding, 10).unwrap().unwrap(), b"old");
        state.write(Entry::Binding, b"new").unwrap();
        assert_eq!(state.read(Entry::Binding, 10).unwrap().unwrap(), b"new");
    }

    #[test]
    fn an_absent_file_is_no_error_and_a_huge_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.read(Entry::Reference, 4).unwrap(), None);
        state.write(Entry::Reference, b"12345").unwrap();
        state.read(Entry::Reference, 4).unwrap_err();
        state.remove(Entry::Reference).unwrap();
        state.remove(Entry::Reference).unwrap();
    }

    #[test]
    fn one_serves_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let serving = state.claim_serving().unwrap();
        assert!(serving.is_some());
        assert!(state.claim_serving().unwrap().is_none());
        drop(serving);
        assert!(state.claim_serving().unwrap().is_some());
    }
}
