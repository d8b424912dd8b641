//! The folder that keys are kept in: private, written atomically.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data::LABEL_MAX;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::KeystoreError;
use super::aead::fill;

/// Limits of what is stored.
mod data {
    /// Characters in a label.
    pub(super) const LABEL_MAX: usize = 64;
    /// Bytes in a file: a key with its wrapping is a few hundred.
    pub(super) const FILE_MAX: u64 = 64 * 1024;
}

/// Access by anybody but the owner.
pub(super) const PRIVATE: u32 = 0o077;
/// As [`PRIVATE`], but the group may read: systemd shows a credential's access list so.
pub(super) const GROUP_MAY_READ: u32 = 0o037;

/// A private folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens it, or makes it with mode 0700. Refused when others have access to it.
    pub(super) fn open(path: &Path) -> Result<Self, KeystoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("make", path))?;
        let metadata = fs::metadata(path).map_err(io("look at", path))?;
        check_mode(path, &metadata, PRIVATE)?;
        Ok(Self(path.to_owned()))
    }

    /// Where a file of this folder is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads a file; `None` if there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeystoreError> {
        read_private(&self.path(name), PRIVATE)
    }

    /// Writes a file that did not exist; `false`, and nothing changed, if it does.
    pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> Result<bool, KeystoreError> {
        write_new(&self.path(name), bytes)
    }

    /// Removes a file; no error if there is none.
    pub(super) fn remove(&self, name: &str) -> Result<(), KeystoreError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => sync_folder(&self.0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io("remove", &path)(error)),
        }
    }
}

/// Refuses a label that is not a plain file name.
pub(super) fn check_label(label: &str) -> Result<(), KeystoreError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if label.is_empty() || label.len() > LABEL_MAX || !label.bytes().all(plain) {
        return Err(KeystoreError::Label(label.chars().take(LABEL_MAX).collect()));
    }
    Ok(())
}

/// Reads a file that nobody but its owner may reach (`refused`: permission bits that must be clear).
pub(super) fn read_private(
    path: &Path,
    refused: u32,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeystoreError> {
    // Without NONBLOCK a pipe put in the file's place would hold us for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("open", path)(error)),
    };
    let metadata = file.metadata().map_err(io("look at", path))?;
    if !metadata.is_file() {
        return Err(KeystoreError::Damaged(path.to_owned()));
    }
    check_mode(path, &metadata, refused)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(data::FILE_MAX + 1).read_to_end(&mut bytes).map_err(io("read", path))?;
    if bytes.len() as u64 > data::FILE_MAX {
        return Err(KeystoreError::Damaged(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// Writes a file with mode 0600 that appears whole or not at all; `false` if there is one already.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, KeystoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut suffix = [0; 8];
    fill(&mut suffix)?;
    let temporary = folder.join(format!(".new-{:016x}", u64::from_ne_bytes(suffix)));
    let result =
        write_synced(&temporary, bytes).and_then(|()| match fs::hard_link(&temporary, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io("write", path)(error)),
        });
    let removed = fs::remove_file(&temporary);
    let written = result?;
    removed.map_err(io("remove", &temporary))?;
    sync_folder(folder)?;
    Ok(written)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), KeystoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io("write", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write", path))
}

fn sync_folder(path: &Path) -> Result<(), KeystoreError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(io("write", path))
}

fn check_mode(path: &Path, metadata: &fs::Metadata, refused: u32) -> Result<(), KeystoreError> {
    let mode = metadata.mode() & 0o777;
    if mode & refused != 0 {
        return Err(KeystoreError::TooOpen { path: path.to_owned(), mode });
    }
    Ok(())
}

fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> KeystoreError + 'a {
    move |source| KeystoreError::Io { action, path: path.to_owned(), source }
}
