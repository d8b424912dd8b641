//! The files of the SAML keys: private key and certificate in PEM, one file each, so that it is there whole or not at all.
//! Applications know the certificate by heart: it is replaced by hand, with both in the metadata meanwhile, see docs/saml.md.
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use imp_identity::Secret;
use imp_saml::{Credential, KeyError};
use jiff::Timestamp;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::ca::pem;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamlKeyRole {
    /// It signs.
    Current,
    /// It is in the metadata, and will sign.
    Next,
    /// It signed, and is still in the metadata.
    Previous,
}

impl SamlKeyRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Current, Self::Next, Self::Previous];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
        }
    }

    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Current => "saml.pem",
            Self::Next => "saml-next.pem",
            Self::Previous => "saml-previous.pem",
        }
    }
}

/// The SAML key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SamlKeyError {
    /// Its file cannot be read or written.
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
    /// Others may read it.
    #[error("{} is open to others: run `chmod go= {}` and, if others had access, replace it", .0.display(), .0.display())]
    Open(PathBuf),
    /// It holds something else.
    #[error("{} does not hold a private key and a certificate in PEM", .0.display())]
    Content(PathBuf),
    /// The keys are not where this step begins.
    #[error("{0}")]
    Step(&'static str),
    /// It cannot be made or taken into use.
    #[error("the SAML key cannot be used")]
    Key(#[source] KeyError),
}

/// Reads the key, after making it when there is none.
pub(super) fn open_or_create(
    folder: &Path,
    issuer: &str,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Credential, SamlKeyError> {
    let path = folder.join(SamlKeyRole::Current.file());
    match fs::read(&path) {
        Ok(text) => parse(&path, &Zeroizing::new(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = super::generate(issuer, now, rng)?;
            if create(folder, &path, &made)? {
                return Ok(made);
            }
            // Another process was faster
            let text = fs::read(&path).map_err(failed(&path, "read"))?;
            parse(&path, &Zeroizing::new(text))
        }
        Err(source) => Err(failed(&path, "read")(source)),
    }
}

/// Reads a key, if there is one in this role.
pub(super) fn read(folder: &Path, role: SamlKeyRole) -> Result<Option<Credential>, SamlKeyError> {
    let path = folder.join(role.file());
    match fs::read(&path) {
        Ok(text) => parse(&path, &Zeroizing::new(text)).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(&path, "read")(source)),
    }
}

/// Makes the key that will sign next.
pub(super) fn prepare(folder: &Path, made: &Credential) -> Result<(), SamlKeyError> {
    let path = folder.join(SamlKeyRole::Next.file());
    if create(folder, &path, made)? {
        return Ok(());
    }
    Err(SamlKeyError::Step("there is a next key already: let it sign with `saml key switch`"))
}

/// The next key signs from now on, and the current one is the previous one.
pub(super) fn switch(folder: &Path) -> Result<(), SamlKeyError> {
    let [current, next, previous] = SamlKeyRole::ALL.map(|role| folder.join(role.file()));
    if !next.exists() {
        return Err(SamlKeyError::Step("there is no next key: make it with `saml key next`"));
    }
    match fs::hard_link(&current, &previous) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = "the key before still stands in the metadata: `saml key retire` first";
            return Err(SamlKeyError::Step(text));
        }
        Err(source) => return Err(failed(&previous, "created")(source)),
    }
    // In one step: there is always a key that signs.
    fs::rename(&next, &current).map_err(failed(&current, "replaced"))?;
    sync(folder, &current)
}

/// The previous key is gone.
pub(super) fn retire(folder: &Path) -> Result<(), SamlKeyError> {
    let path = folder.join(SamlKeyRole::Previous.file());
    match fs::remove_file(&path) {
        Ok(()) => sync(folder, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(SamlKeyError::Step("there is no previous key"))
        }
        Err(source) => Err(failed(&path, "removed")(source)),
    }
}

fn sync(folder: &Path, path: &Path) -> Result<(), SamlKeyError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed(path, "written"))
}

/// Tells whether the files have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, i64, i64)>; 3]);

impl Stamp {
    /// Whether there was a key that signs.
    pub(super) const fn has_current(&self) -> bool {
        self.0[0].is_some()
    }

    pub(super) fn of(folder: &Path) -> Self {
        Self(SamlKeyRole::ALL.map(|role| {
            let found = fs::metadata(folder.join(role.file())).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec()))
        }))
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<Credential, SamlKeyError> {
    let mode = fs::metadata(path).map_err(failed(path, "read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SamlKeyError::Open(path.to_owned()));
    }
    let content = || SamlKeyError::Content(path.to_owned());
    let pkcs8 = Secret::new(pem::private_key(text).ok_or_else(content)?);
    let certificate = pem::certificate(text).ok_or_else(content)?;
    Ok(Credential { pkcs8, certificate })
}

/// Whether it was this process that made the file: a link is made once only.
fn create(folder: &Path, path: &Path, made: &Credential) -> Result<bool, SamlKeyError> {
    let half = path.with_extension(format!("pem.{}", std::process::id()));
    let key = pem::encode("PRIVATE KEY", made.pkcs8.expose());
    let certificate = pem::encode("CERTIFICATE", &made.certificate);
    let written =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&half);
    let written = written.and_then(|mut file| {
        file.write_all(key.as_bytes())?;
        file.write_all(certificate.as_bytes())?;
        file.sync_all()
    });
    written.map_err(failed(&half, "written"))?;
    let linked = fs::hard_link(&half, path);
    fs::remove_file(&half).map_err(failed(&half, "removed"))?;
    match linked {
        Ok(()) => sync(folder, path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(failed(path, "created")(source)),
    }
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> SamlKeyError {
    let path = path.to_owned();
    move |source| SamlKeyError::File { path, action, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app;

    #[test]
    fn the_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let now = Timestamp::UNIX_EPOCH;
            open_or_create(folder.path(), "https://imp.example", now, &mut app::rng())
        };
        let made = open().unwrap();
        assert_eq!(open().unwrap().certificate, made.certificate);
        let path = folder.path().join(SamlKeyRole::Current.file());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(!create(folder.path(), &path, &made).unwrap(), "it is not made twice");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(), Err(SamlKeyError::Open(_))));
        fs::write(&path, "nothing").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(open(), Err(SamlKeyError::Content(_))));
    }

    #[test]
    fn there_is_always_one_key_that_signs_and_each_step_has_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let made = || super::super::generate("i", Timestamp::UNIX_EPOCH, &mut app::rng()).unwrap();
        let first = open_or_create(path, "i", Timestamp::UNIX_EPOCH, &mut app::rng()).unwrap();
        let step = |result: Result<(), SamlKeyError>| matches!(result, Err(SamlKeyError::Step(_)));
        assert!(step(switch(path)) && step(retire(path)));
        let (second, before) = (made(), Stamp::of(path));
        prepare(path, &second).unwrap();
        assert_ne!(Stamp::of(path), before);
        assert!(step(prepare(path, &made())), "one at a time");
        let certificate = |role| read(path, role).unwrap().map(|found| found.certificate);
        assert_eq!(certificate(SamlKeyRole::Current), Some(first.certificate.clone()));
        switch(path).unwrap();
        assert_eq!(certificate(SamlKeyRole::Current), Some(second.certificate));
        assert_eq!(certificate(SamlKeyRole::Previous), Some(first.certificate));
        assert_eq!(certificate(SamlKeyRole::Next), None);
        prepare(path, &made()).unwrap();
        assert!(step(switch(path)), "the one before is still shown");
        retire(path).unwrap();
        switch(path).unwrap();
    }
}
