//! Records that the app keeps. What it gets is ciphertext: a backup in somebody's cloud says nothing.
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use imp_phone::Lock;
use zeroize::Zeroizing;

use crate::chunks::{Chunks, RecordKey};
use crate::keystore::{Keystore, KeystoreError};

/// The keystore's label of the key that seals the key of the records.
pub(crate) const LABEL: &str = "phone-storage";
/// The record that holds the sealed key of the others.
pub(crate) const KEY: &str = "storage-key";
/// What the key's seal is bound to.
const CONTEXT: &[u8] = b"imp storage key 1";

/// Keeps records by name (lower-case letters, digits, `.`, `-`). A change is durable when the call returns; a crash leaves the old
/// or the new content. Used by one thread at a time.
#[uniffi::export(with_foreign)]
pub trait Storage: Send + Sync {
    /// Reads a record; none when it is absent.
    fn read(&self, name: String) -> Result<Option<Vec<u8>>, StorageError>;

    /// Replaces a record in one step.
    fn write(&self, name: String, bytes: Vec<u8>) -> Result<(), StorageError>;

    /// Appends to a record, which may be absent; a crash may cut short what is appended.
    fn append(&self, name: String, bytes: Vec<u8>) -> Result<(), StorageError>;

    /// Removes a record, if it is there.
    fn remove(&self, name: String) -> Result<(), StorageError>;
}

/// Why the app's storage did not do it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum StorageError {
    /// No room is left.
    #[error("there is no room left")]
    Full,
    /// Anything else.
    #[error("the storage failed: {reason}")]
    Failed {
        /// What the system said.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for StorageError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// The app's storage, sealed, as the phone uses storage.
pub(crate) struct Sealed {
    storage: Arc<dyn Storage>,
    keystore: Arc<dyn Keystore>,
    key: Mutex<Option<Arc<RecordKey>>>,
    /// One change at a time: what is appended follows what was read.
    turn: Mutex<()>,
    locks: Arc<Locks>,
}

impl Sealed {
    pub(crate) fn new(storage: Arc<dyn Storage>, keystore: Arc<dyn Keystore>) -> Self {
        let (key, turn, locks) = (Mutex::new(None), Mutex::new(()), Arc::default());
        Self { storage, keystore, key, turn, locks }
    }

    /// Destroys the key of the records, and with it whatever is left of them.
    pub(crate) fn forget(&self) -> io::Result<()> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        self.keystore.delete(LABEL.to_owned()).map_err(io::Error::other)?;
        self.storage.remove(KEY.to_owned()).map_err(said)?;
        *key = None;
        Ok(())
    }

    /// The key of the records, which is made with the first of them.
    fn key(&self) -> io::Result<Arc<RecordKey>> {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*known {
            return Ok(Arc::clone(key));
        }
        let key = match self.storage.read(KEY.to_owned()).map_err(said)? {
            Some(sealed) => {
                let opened = self.keystore.unseal(LABEL.to_owned(), CONTEXT.to_vec(), sealed);
                let bytes = Zeroizing::new(opened.map_err(|error| match error {
                    KeystoreError::Missing => {
                        io::Error::other("the key of this phone's records is gone")
                    }
                    KeystoreError::Exists
                    | KeystoreError::Unsealing
                    | KeystoreError::Locked
                    | KeystoreError::Failed { .. } => io::Error::other(error),
                })?);
                RecordKey::from_bytes(&bytes)?
            }
            None => self.make_key()?,
        };
        let key = Arc::new(key);
        *known = Some(Arc::clone(&key));
        Ok(key)
    }

    fn make_key(&self) -> io::Result<RecordKey> {
        let bytes = RecordKey::generate()?;
        let sealed = self.keystore.seal(LABEL.to_owned(), CONTEXT.to_vec(), bytes.to_vec());
        let sealed = sealed.map_err(io::Error::other)?;
        self.storage.write(KEY.to_owned(), sealed).map_err(said)?;
        RecordKey::from_bytes(&*bytes)
    }

    fn chunks(&self, name: &str) -> io::Result<Option<Chunks>> {
        match self.storage.read(name.to_owned()).map_err(said)? {
            Some(bytes) => self.key()?.open(name, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn replace(&self, name: &str, plaintext: &[u8]) -> io::Result<()> {
        let sealed = self.key()?.seal(name, 0, plaintext)?;
        self.storage.write(name.to_owned(), sealed).map_err(said)
    }
}

impl imp_phone::Storage for Sealed {
    fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(mut chunks) = self.chunks(name)? else { return Ok(None) };
        if chunks.plaintext.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than it can be"));
        }
        Ok(Some(std::mem::take(&mut *chunks.plaintext)))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(name, bytes)
    }

    fn append(&self, name: &str, length: u64, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = self.chunks(name)?.unwrap_or_default();
        if chunks.is_whole && chunks.plaintext.len() as u64 == length {
            let sealed = self.key()?.seal(name, chunks.count, bytes)?;
            return self.storage.append(name.to_owned(), sealed).map_err(said);
        }
        let kept = usize::try_from(length).ok().and_then(|length| chunks.plaintext.get(..length));
        let kept = kept.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.replace(name, &Zeroizing::new([kept, bytes].concat()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.storage.remove(name.to_owned()).map_err(said)
    }

    fn lock(&self, name: &str, wait: bool) -> io::Result<Option<Lock>> {
        let held = Locks::take(&self.locks, name, wait);
        Ok(held.map(|held| Box::new(held) as Lock))
    }
}

fn said(error: StorageError) -> io::Error {
    match error {
        StorageError::Full => io::Error::new(io::ErrorKind::StorageFull, error),
        StorageError::Failed { .. } => io::Error::other(error),
    }
}

/// Locks within this process: an app is the only user of its storage.
#[derive(Default)]
struct Locks {
    held: Mutex<BTreeSet<String>>,
    released: Condvar,
}

/// A lock that is held until it is dropped.
struct Held {
    locks: Arc<Locks>,
    name: String,
}

impl Locks {
    fn take(locks: &Arc<Self>, name: &str, wait: bool) -> Option<Held> {
        let mut held = locks.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.contains(name) {
            if !wait {
                return None;
            }
            held = locks.released.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.insert(name.to_owned());
        Some(Held { locks: Arc::clone(locks), name: name.to_owned() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.locks.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.name);
        self.locks.released.notify_all();
    }
}
