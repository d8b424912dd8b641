//! The phone's records: which there are, and how they are changed so that a crash at any moment leaves the old or the new
//! content, never a mixture.
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::{Files, Lock, Storage};

/// Records of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Whose phone this is: [`crate::binding::Binding`].
    Binding,
    /// A binding was begun: the digest of its one-time code.
    BindingAttempt,
    /// The sealed reference: [`crate::vault`].
    Reference,
    /// The sealed key of the template of the reference in place A.
    TemplateKeyA,
    /// The same in place B.
    TemplateKeyB,
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

/// Where a phone keeps everything.
#[derive(Clone)]
pub(crate) struct State(Arc<dyn Storage>);

/// A file of the state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", .path.display())]
pub struct StateError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Entry {
    const fn name(self) -> &'static str {
        match self {
            Self::Binding => "binding.json",
            Self::BindingAttempt => "binding-attempt",
            Self::Reference => "reference",
            Self::TemplateKeyA => "template-key-a",
            Self::TemplateKeyB => "template-key-b",
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
        let files = Files::open(directory)
            .map_err(|source| StateError { path: directory.to_owned(), source })?;
        Ok(Self(Arc::new(files)))
    }

    /// Keeps everything in `storage`.
    pub(crate) fn over(storage: Arc<dyn Storage>) -> Self {
        Self(storage)
    }

    /// Where `entry` lies.
    pub(crate) fn path(&self, entry: Entry) -> PathBuf {
        self.0.place(entry.name())
    }

    /// Reads at most `limit` bytes of `entry`; `None` when it is absent, an error when it is longer.
    pub(crate) fn read(&self, entry: Entry, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
        self.0.read(entry.name(), limit).map_err(|source| self.error(entry, source))
    }

    /// Replaces `entry` in one step that survives a power failure.
    pub(crate) fn write(&self, entry: Entry, bytes: &[u8]) -> Result<(), StateError> {
        self.0.write(entry.name(), bytes).map_err(|source| self.error(entry, source))
    }

    /// Cuts `entry` to its first `length` bytes, and appends `bytes`; a crash may cut these short.
    pub(crate) fn append(&self, entry: Entry, length: u64, bytes: &[u8]) -> Result<(), StateError> {
        self.0.append(entry.name(), length, bytes).map_err(|source| self.error(entry, source))
    }

    /// Removes `entry`, if it is there.
    pub(crate) fn remove(&self, entry: Entry) -> Result<(), StateError> {
        self.0.remove(entry.name()).map_err(|source| self.error(entry, source))
    }

    /// Waits until no other change is under way; changes last milliseconds.
    pub(crate) fn change(&self) -> Result<Lock, StateError> {
        let entry = Entry::ChangeLock;
        let lock = self.0.lock(entry.name(), true).map_err(|source| self.error(entry, source))?;
        lock.ok_or_else(|| self.error(entry, io::ErrorKind::WouldBlock.into()))
    }

    /// Claims the right to serve; `None` when another process, or another part of this one, has it.
    pub(crate) fn claim_serving(&self) -> Result<Option<Lock>, StateError> {
        let entry = Entry::ServeLock;
        self.0.lock(entry.name(), false).map_err(|source| self.error(entry, source))
    }

    /// An error about `entry`.
    pub(crate) fn error(&self, entry: Entry, source: io::Error) -> StateError {
        StateError { path: self.path(entry), source }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&self.0.place("")).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

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
        state.append(Entry::Receipts, 0, b"first").unwrap();
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
