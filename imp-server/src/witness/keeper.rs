//! What a witness keeps: its key and, for each log, the latest checkpoint that it cosigned. Nothing is answered before it is
//! on disk: a witness that forgot would cosign a second history.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use imp_translog::witness::{AddCheckpoint, Cosigned, Refusal, RestoreError, Witness, origin_hash};
use imp_translog::{LogKeyError, VerifierKey, WitnessKey};
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use crate::ca::pem;

const KEY: &str = "witness.key";
const LOCK: &str = "witness.lock";
/// How the files of checkpoints end; before it stands the hash of the log's origin.
const CHECKPOINT: &str = "checkpoint";
/// How the file of the last checkpoint ends that contradicted one of these.
const REFUSED: &str = "refused";
/// No checkpoint is longer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// A witness and its folder.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    witness: Mutex<Witness>,
    /// One process at a time: two with one key could cosign two histories.
    _lock: File,
}

/// The folder of the witness cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// It, or a file in it, cannot be read or written.
    #[error("{} cannot be {action}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read`, `written`, …
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("another witness is running in {}", .0.display())]
    Busy(PathBuf),
    /// The key cannot be made or used.
    #[error("the key of the witness cannot be used")]
    Key(#[from] LogKeyError),
    /// The key file does not hold a key.
    #[error("{} does not hold an Ed25519 private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// A checkpoint that was kept is damaged, or its log is no longer watched.
    #[error("{} cannot be used: it was changed, or its log's key is not among those given", .path.display())]
    Checkpoint {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: RestoreError,
    },
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddError {
    /// The witness refuses.
    #[error("the witness refuses")]
    Refused(#[from] Refusal),
    /// It could not be kept, and so was not cosigned.
    #[error("the checkpoint could not be kept")]
    Keep(#[from] KeeperError),
}

impl Keeper {
    /// Opens the folder of the witness called `name`, after creating it and the key at the first start, and takes back what was
    /// cosigned.
    pub fn open(folder: &Path, name: &str, logs: Vec<VerifierKey>) -> Result<Self, KeeperError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed(folder, "created"))?;
        let lock = lock(folder)?;
        let mut witness = Witness::new(open_key(folder, name)?, logs);
        for entry in fs::read_dir(folder).map_err(failed(folder, "read"))? {
            let path = entry.map_err(failed(folder, "read"))?.path();
            if path.extension().is_some_and(|extension| extension == CHECKPOINT) {
                let kept = read(&path)?;
                let restored = witness.restore(&kept);
                restored.map_err(|source| KeeperError::Checkpoint { path, source })?;
            }
        }
        Ok(Self { folder: folder.to_owned(), witness: Mutex::new(witness), _lock: lock })
    }

    /// The key that checks its cosignatures.
    pub fn verifier_key(&self) -> VerifierKey {
        self.witness().verifier_key().clone()
    }

    /// Decides, keeps and remembers, one checkpoint at a time; answers the signature line. `now` is POSIX time in seconds.
    /// Waits for the disk.
    pub(super) fn add(&self, request: &AddCheckpoint, now: u64) -> Result<String, AddError> {
        let mut witness = self.witness();
        let cosigned = match witness.consider(request, now) {
            Ok(cosigned) => cosigned,
            Err(refusal) => return Err(self.keep_evidence(request, refusal)),
        };
        self.keep(&cosigned)?;
        let line = cosigned.cosignature().to_string();
        witness.remember(cosigned);
        Ok(line)
    }

    /// The latest checkpoint that was cosigned of the log with this hash of its origin.
    pub(super) fn latest(&self, hash: &str) -> Option<String> {
        self.witness().latest_by_hash(hash).map(|latest| latest.note().to_string())
    }

    fn keep(&self, cosigned: &Cosigned) -> Result<(), KeeperError> {
        let name = origin_hash(&cosigned.checkpoint().origin);
        let path = self.folder.join(name).with_extension(CHECKPOINT);
        replace(&path, cosigned.note().to_string().as_bytes())
    }

    /// A second history, signed by the log, is evidence against it: the last one is kept.
    fn keep_evidence(&self, request: &AddCheckpoint, refusal: Refusal) -> AddError {
        if let (Refusal::Inconsistent(_), Some(origin)) =
            (&refusal, request.note.text.lines().next())
        {
            let path = self.folder.join(origin_hash(origin)).with_extension(REFUSED);
            if let Err(error) = replace(&path, request.note.to_string().as_bytes()) {
                return error.into();
            }
        }
        refusal.into()
    }

    fn witness(&self) -> std::sync::MutexGuard<'_, Witness> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_key(folder: &Path, name: &str) -> Result<WitnessKey, KeeperError> {
    let path = folder.join(KEY);
    if !path.exists() {
        let pkcs8 = WitnessKey::generate(name)?.pkcs8()?;
        replace(&path, pem::encode("PRIVATE KEY", &pkcs8).as_bytes())?;
    }
    let text = Zeroizing::new(fs::read(&path).map_err(failed(&path, "read"))?);
    let der = pem::private_key(&text).map(Zeroizing::new);
    let der = der.ok_or(KeeperError::NoKey(path))?;
    Ok(WitnessKey::from_pkcs8(name, &der)?)
}

fn read(path: &Path) -> Result<String, KeeperError> {
    use std::io::Read as _;
    let mut text = String::new();
    let opened = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    opened.map(|_| text).map_err(failed(path, "read"))
}

/// Puts a file in the place of the one before: after a crash there is either, whole.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeeperError> {
    let half = path.with_extension("incomplete");
    let mut options = OpenOptions::new();
    let written = options.create(true).truncate(true).write(true).mode(0o600).open(&half);
    let written = written.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(failed(&half, "written"))?;
    fs::rename(&half, path).map_err(failed(path, "written"))?;
    let folder = path.parent().unwrap_or(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed(folder, "written"))
}

fn lock(folder: &Path) -> Result<File, KeeperError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(failed(&path, "created"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(KeeperError::Busy(folder.to_owned())),
        Err(error) => Err(failed(&path, "locked")(error.into())),
    }
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> KeeperError {
    let path = path.to_owned();
    move |source| KeeperError::File { path, action, source }
}
