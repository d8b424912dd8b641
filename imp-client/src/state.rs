//! The folder where the agent keeps what must outlive it. Nothing about a face is ever in it.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest file that is read back, in bytes: a roster of some ten thousand phones.
const LONGEST: u64 = 16 << 20;

/// A folder only its owner can change; its files can be read by the owner only and are replaced as a whole.
#[derive(Clone, Debug)]
pub struct StateDirectory {
    root: PathBuf,
    /// Two writers of one file would be in each other's way.
    writing: Arc<Mutex<()>>,
}

/// Held by the one agent that works in a folder; the operating system releases it when the process ends.
#[derive(Debug)]
pub struct StateLock(#[expect(dead_code, reason = "held, not read")] File);

/// The folder or a file in it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refused.
    #[error("could not {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others could put files there.
    #[error("{} can be written by others: make it yours alone with `chmod 700 {}`", .0.display(), .0.display())]
    Open(PathBuf),
    /// Longer than anything the agent writes.
    #[error("{} is longer than {LONGEST} bytes: it was not written by this program", .0.display())]
    TooLong(PathBuf),
    /// Not what the agent writes.
    #[error("{} is damaged: remove it and begin that step again", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another agent works there.
    #[error("another agent works in {}", .0.display())]
    Locked(PathBuf),
}

impl StateDirectory {
    /// Opens `root`, creating it with mode 0700 if need be.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StateError> {
        let root = root.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)
            .map_err(at("create", &root))?;
        let metadata = fs::metadata(&root).map_err(at("examine", &root))?;
        if metadata.permissions().mode() & 0o022 != 0 {
            return Err(StateError::Open(root));
        }
        Ok(Self { root, writing: Arc::default() })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file called `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the agent listens.
    pub fn socket(&self) -> PathBuf {
        self.path("agent.sock")
    }

    /// Makes sure that this process is the only agent here.
    pub fn lock(&self) -> Result<StateLock, StateError> {
        let path = self.path("agent.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(at("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(StateLock(file)),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::Locked(self.root.clone())),
            Err(fs::TryLockError::Error(source)) => {
                Err(StateError::Io { action: "lock", path, source })
            }
        }
    }

    /// The content of `name`, or `None` where there is no such file.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Io { action: "open", path, source }),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(at("read", &path))?;
        if bytes.len() as u64 > LONGEST {
            return Err(StateError::TooLong(path));
        }
        Ok(Some(bytes))
    }

    /// Replaces `name` as a whole, or leaves it as it was: also when the power fails.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, new) = (self.path(name), format!("{name}.new"));
        // What a crash left behind may be readable by others.
        self.remove(&new)?;
        let new = self.path(&new);
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new)
            .map_err(at("create", &new))?;
        file.write_all(bytes).map_err(at("write", &new))?;
        file.sync_all().map_err(at("flush", &new))?;
        fs::rename(&new, &path).map_err(at("replace", &path))?;
        File::open(&self.root).and_then(|root| root.sync_all()).map_err(at("flush", &self.root))
    }

    /// [`StateDirectory::read`] of JSON.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let damaged = |source| StateError::Damaged { path: self.path(name), source };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// [`StateDirectory::write`] of JSON.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), StateError> {
        let damaged = |source| StateError::Damaged { path: self.path(name), source };
        self.write(name, &serde_json::to_vec_pretty(value).map_err(damaged)?)
    }

    /// Removes `name`, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Io { action: "remove", path, source: error })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Says what was tried with which file.
fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, StateDirectory) {
        let parent = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(parent.path().join("state")).unwrap();
        (parent, state)
    }

    #[test]
    fn files_are_for_their_owner_only_and_replaced_as_a_whole() {
        let (_parent, state) = folder();
        assert_eq!(state.read("a").unwrap(), None);
        state.write("a", b"one").unwrap();
        // A crash while writing leaves the unfinished copy behind: it must not be in the way.
        fs::write(state.path("a.new"), b"unfinis").unwrap();
        state.write("a", b"two").unwrap();
        assert_eq!(state.read("a").unwrap().unwrap(), b"two");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.path("a")), 0o600);
        assert_eq!(mode(state.root()), 0o700);
        state.remove("a").unwrap();
        state.remove("a").unwrap();
        assert_eq!(state.read("a").unwrap(), None);
    }

    #[test]
    fn a_folder_that_others_can_change_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(StateDirectory::open(parent.path()), Err(StateError::Open(_))));
    }

    #[test]
    fn damaged_and_endless_files_are_reported() {
        let (_parent, state) = folder();
        state.write("a", b"{\"half\":").unwrap();
        assert!(matches!(state.read_json::<u8>("a"), Err(StateError::Damaged { .. })));
        File::create(state.path("b")).unwrap().set_len(LONGEST + 1).unwrap();
        assert!(matches!(state.read("b"), Err(StateError::TooLong(_))));
    }

    #[test]
    fn one_agent_works_in_a_folder() {
        let (_parent, state) = folder();
        let held = state.lock().unwrap();
        assert!(matches!(state.lock(), Err(StateError::Locked(_))));
        drop(held);
        state.lock().unwrap();
    }
}
