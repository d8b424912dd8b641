//! Where a phone keeps what it must not forget: files of a folder, or whatever an app has.
use std::any::Any;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A lock that ends with this value, or with the process.
pub type Lock = Box<dyn Any + Send + Sync>;

/// Keeps records by name. A change is durable when the call returns, and a crash at any moment leaves the old or the new
/// content, except that what is appended may be cut short. Calls block.
pub trait Storage: Send + Sync {
    /// Reads at most `limit` bytes of a record; `None` when it is absent, an error when it is longer.
    fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>>;

    /// Replaces a record in one step.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a record to its first `length` bytes, and appends `bytes`. An absent record is empty.
    fn append(&self, name: &str, length: u64, bytes: &[u8]) -> io::Result<()>;

    /// Removes a record, if it is there.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Takes the lock of this name, which nobody else who uses the same records has then. Who holds it holds it briefly, so a caller
    /// who is told to `wait` waits; otherwise the answer is `None` while somebody else has it.
    fn lock(&self, name: &str, wait: bool) -> io::Result<Option<Lock>>;

    /// How a record is named to people.
    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(name)
    }
}

/// Files of one folder, 0600 in 0700. Other processes may use them too.
#[derive(Clone, Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    /// Opens the folder, creates it when absent, and takes group's and others' rights away.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        Ok(Self(directory.to_owned()))
    }

    fn edit(&self, name: &str) -> io::Result<File> {
        let path = self.place(name);
        private().read(true).write(true).create(true).truncate(false).open(path)
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Storage for Files {
    fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.place(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than it can be"));
        }
        Ok(Some(bytes))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.place(name);
        let new = path.with_extension("new");
        let mut file = private().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        self.sync()
    }

    fn append(&self, name: &str, length: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.edit(name)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.place(name)) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn lock(&self, name: &str, wait: bool) -> io::Result<Option<Lock>> {
        let file = self.edit(name)?;
        if wait {
            file.lock()?;
            return Ok(Some(Box::new(file)));
        }
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
