//! `[est]`: where devices enrol (Enrolment over Secure Transport, RFC 7030).
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use imp_authenticator::tls::Manufacturer;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;

/// Where devices enrol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EstConfig {
    /// Address and port of the listener; without it, there is none.
    pub listen: Option<SocketAddr>,
    /// How long a device waits before it asks again whether it was approved, in seconds.
    pub retry_seconds: u32,
    /// The manufacturers whose devices may enrol with the certificates that they were made with, by the names that the
    /// inventory gives them, each with the file of its roots, in PEM.
    pub manufacturers: BTreeMap<String, PathBuf>,
}

/// A manufacturer's roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManufacturerError {
    /// The file cannot be read, or is not PEM.
    #[error("{} cannot be read as certificates in PEM", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// Nobody could say whose device it is.
    #[error("`{0}` and `{1}` have the same root: a certificate of it would be of either")]
    Shared(String, String),
    /// There is nothing in it.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
}

impl Default for EstConfig {
    fn default() -> Self {
        Self { listen: None, retry_seconds: 300, manufacturers: BTreeMap::new() }
    }
}

impl EstConfig {
    /// Each key with its value, its least and its most.
    pub(super) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 1] {
        [("est.retry_seconds", self.retry_seconds, 1, 86_400)]
    }

    /// The manufacturers with their roots.
    pub(crate) fn read_manufacturers(&self) -> Result<Vec<Manufacturer>, ManufacturerError> {
        let all: Result<Vec<_>, _> = self
            .manufacturers
            .iter()
            .map(|(name, path)| {
                let failed = |source| ManufacturerError::File { path: path.clone(), source };
                let roots: Vec<Vec<u8>> = CertificateDer::pem_file_iter(path)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(failed)?
                    .into_iter()
                    .map(|certificate| certificate.to_vec())
                    .collect();
                if roots.is_empty() {
                    return Err(ManufacturerError::Empty(path.clone()));
                }
                Ok(Manufacturer { name: name.clone(), roots })
            })
            .collect();
        let all: Vec<Manufacturer> = all?;
        for (place, one) in all.iter().enumerate() {
            let shares =
                |other: &&Manufacturer| other.roots.iter().any(|it| one.roots.contains(it));
            if let Some(other) = all.iter().skip(place + 1).find(shares) {
                return Err(ManufacturerError::Shared(one.name.clone(), other.name.clone()));
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manufacturer_without_roots_is_refused_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.pem");
        let config = |path: &PathBuf| EstConfig {
            manufacturers: BTreeMap::from([("Acme".to_owned(), path.clone())]),
            ..EstConfig::default()
        };
        let missing = config(&path).read_manufacturers().unwrap_err();
        assert!(matches!(missing, ManufacturerError::File { .. }), "{missing}");
        std::fs::write(&path, "nothing").unwrap();
        let empty = config(&path).read_manufacturers().unwrap_err();
        assert!(matches!(empty, ManufacturerError::Empty(_)), "{empty}");
        let pem = crate::ca::pem::encode("CERTIFICATE", b"der");
        std::fs::write(&path, format!("{0}{0}", pem.as_str())).unwrap();
        let read = config(&path).read_manufacturers().unwrap();
        assert_eq!(read[0].roots, [b"der".to_vec(), b"der".to_vec()]);
        assert_eq!(read[0].name, "Acme");
        let names = ["Acme", "Bolt"].map(|name| (name.to_owned(), path.clone()));
        let both = EstConfig { manufacturers: names.into(), ..EstConfig::default() };
        let shared = both.read_manufacturers().unwrap_err();
        assert!(matches!(shared, ManufacturerError::Shared(..)), "{shared}");
    }
}
