//! The folder of the keys. It appears complete or not at all: whoever kills the first start leaves a state from
//! which the next start succeeds.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use imp_identity::spiffe::TrustDomain;
use imp_pki::{Certificate, Issuer, Key};
use imp_translog::LogKey;
use jiff::Timestamp;
use rand::CryptoRng;
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::authorities::Authorities;
use super::{KeysError, pem};

/// The folder's name in the data folder.
pub(crate) const DIRECTORY: &str = "keys";
/// Where it is put together. What is found there at a start was left by a start that was killed.
const INCOMPLETE: &str = "keys.incomplete";
const LOCK: &str = "keys.lock";

/// The root's key, until it is sealed or moved to a token.
pub(super) const ROOT_KEY: &str = "root.key";
const ROOT: &str = "root.pem";
const ISSUING_KEY: &str = "issuing.key";
const ISSUING: &str = "issuing.pem";
const STATEMENT_KEY: &str = "statement.key";
const LOG_KEY: &str = "log.key";
const SET_KEY: &str = "set.key";
const TRUST_DOMAIN: &str = "trust-domain";

/// How PEM calls PKCS#8.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// What the folder holds.
pub(super) struct Stored {
    pub(super) trust_domain: TrustDomain,
    pub(super) root: Certificate,
    pub(super) authorities: Authorities,
    pub(super) statement: Key,
    pub(super) log: LogKey,
    pub(super) set: Key,
}

/// Reads the keys, after creating them when there are none.
pub(super) fn open_or_create(
    data: &Path,
    trust_domain: &TrustDomain,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Stored, KeysError> {
    let directory = data.join(DIRECTORY);
    if !directory.exists() {
        private_folder(data)?;
        let _lock = lock(data)?;
        if !directory.exists() {
            create(data, &directory, trust_domain, now, rng)?;
        }
    }
    complete(data, &directory)?;
    read(&directory)
}

/// The log's own name: who keeps its key under another name does not confuse two logs.
fn origin(trust_domain: &TrustDomain) -> String {
    format!("{trust_domain}/log")
}

/// Makes the keys that an earlier version did not have.
fn complete(data: &Path, directory: &Path) -> Result<(), KeysError> {
    let lacks = |name: &str| !directory.join(name).exists();
    if !lacks(LOG_KEY) && !lacks(SET_KEY) {
        return Ok(());
    }
    let _lock = lock(data)?;
    if lacks(LOG_KEY) {
        add(directory, LOG_KEY, &log_key()?)?;
    }
    if lacks(SET_KEY) {
        add(directory, SET_KEY, Key::generate()?.pkcs8().expose())?;
    }
    Ok(())
}

/// A new key of a log, in PKCS#8.
fn log_key() -> Result<Zeroizing<Vec<u8>>, KeysError> {
    Ok(LogKey::generate("log")?.pkcs8()?)
}

/// Adds a key to the folder; it appears complete or not at all.
pub(super) fn add(directory: &Path, name: &str, pkcs8: &[u8]) -> Result<(), KeysError> {
    replace(directory, name, pem::encode(PRIVATE_KEY, pkcs8).as_bytes())
}

/// Puts a file in the place of the one before, if there is one; it is whole or not there at all.
pub(super) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), KeysError> {
    let half = directory.join(format!("{name}.incomplete"));
    if half.exists() {
        fs::remove_file(&half).map_err(failed(&half, "removed"))?;
    }
    write(&half, bytes)?;
    let path = directory.join(name);
    fs::rename(&half, &path).map_err(failed(&path, "created"))?;
    sync(directory)
}

/// The first of the folder and its files that others may read, with its mode.
fn wide_open(directory: &Path) -> io::Result<Option<(PathBuf, u32)>> {
    let mut paths = vec![directory.to_owned()];
    for entry in fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    for path in paths {
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Ok(Some((path, mode)));
        }
    }
    Ok(None)
}

fn create(
    data: &Path,
    directory: &Path,
    trust_domain: &TrustDomain,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(), KeysError> {
    let folder = data.join(INCOMPLETE);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed(&folder, "removed"))?;
    }
    private_folder(&folder)?;
    let (root_key, issuing_key) = (Key::generate()?, Key::generate()?);
    let root = Issuer::root(&root_key, now, rng)?;
    let issuing = root.issuing(&issuing_key, now, rng)?;
    for (name, key) in
        [(ROOT_KEY, &root_key), (ISSUING_KEY, &issuing_key), (STATEMENT_KEY, &Key::generate()?)]
    {
        let text = pem::encode(PRIVATE_KEY, key.pkcs8().expose());
        write(&folder.join(name), text.as_bytes())?;
    }
    add(&folder, LOG_KEY, &log_key()?)?;
    add(&folder, SET_KEY, Key::generate()?.pkcs8().expose())?;
    for (name, issuer) in [(ROOT, &root), (ISSUING, &issuing)] {
        let text = pem::encode("CERTIFICATE", issuer.certificate().der());
        write(&folder.join(name), text.as_bytes())?;
    }
    write(&folder.join(TRUST_DOMAIN), trust_domain.as_str().as_bytes())?;
    sync(&folder)?;
    fs::rename(&folder, directory).map_err(failed(directory, "created"))?;
    sync(data)
}

fn read(directory: &Path) -> Result<Stored, KeysError> {
    let open = wide_open(directory).map_err(failed(directory, "read"))?;
    if let Some((path, mode)) = open {
        return Err(KeysError::Open { path, mode });
    }
    let file = |name| {
        let path = directory.join(name);
        fs::read(&path).map_err(failed(&path, "read"))
    };
    let content = |name, expected| KeysError::Content { path: directory.join(name), expected };
    let certificate = |name| {
        let der = pem::certificate(&file(name)?);
        der.ok_or_else(|| content(name, "a certificate in PEM"))
    };
    let key = |name| {
        let der = pem::private_key(&file(name)?);
        let key = der.and_then(|der| Key::from_pkcs8(der).ok());
        key.ok_or_else(|| content(name, "a P-256 private key in PEM"))
    };
    let trust_domain = String::from_utf8(file(TRUST_DOMAIN)?).ok();
    let trust_domain = trust_domain.and_then(|text| text.trim().parse().ok());
    let trust_domain: TrustDomain =
        trust_domain.ok_or_else(|| content(TRUST_DOMAIN, "a trust domain"))?;
    let log = pem::private_key(&file(LOG_KEY)?).map(Zeroizing::new);
    let log = log.and_then(|der| LogKey::from_pkcs8(&origin(&trust_domain), &der).ok());
    Ok(Stored {
        log: log.ok_or_else(|| content(LOG_KEY, "an Ed25519 private key in PEM"))?,
        set: key(SET_KEY)?,
        trust_domain,
        root: Certificate::parse(certificate(ROOT)?)
            .map_err(|_| content(ROOT, "a certificate of imp-server"))?,
        authorities: Authorities::read(directory)?,
        statement: key(STATEMENT_KEY)?,
    })
}

/// One process at a time creates keys. The lock ends with the process.
pub(super) fn lock(data: &Path) -> Result<File, KeysError> {
    let path = data.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(failed(&path, "created"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(KeysError::Busy(data.to_owned())),
        Err(error) => Err(failed(&path, "locked")(error.into())),
    }
}

fn private_folder(path: &Path) -> Result<(), KeysError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path, "created"))
}

/// Writes a new file, for this account only.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let written = written.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(failed(path, "written"))
}

/// Makes what happened to the folder's files last.
pub(super) fn sync(folder: &Path) -> Result<(), KeysError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder, "written"))
}

/// A file cannot be read, written, ….
pub(super) fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::File { path, action, source }
}
