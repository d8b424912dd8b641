//! The file of the SAML key: private key and certificate in PEM, one file, so that it is there whole or not at all. Applications
//! know the certificate by heart: it is replaced by hand, see docs/saml.md.
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use imp_identity::Secret;
use imp_saml::{Credential, KeyError};
use jiff::Timestamp;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::ca::pem;

const FILE: &str = "saml.pem";

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
    let path = folder.join(FILE);
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
    let half = folder.join(format!("{FILE}.{}", std::process::id()));
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
        Ok(()) => {
            let folder = fs::File::open(folder).and_then(|folder| folder.sync_all());
            folder.map_err(failed(path, "created")).map(|()| true)
        }
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
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(!create(folder.path(), &path, &made).unwrap(), "it is not made twice");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(), Err(SamlKeyError::Open(_))));
        fs::write(&path, "nothing").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(open(), Err(SamlKeyError::Content(_))));
    }
}
