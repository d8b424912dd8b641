//! The issuing authorities: the one that issues, those whose certificates still count, and who else vouches for them.
//! `authorities.json` says which; an installation without it has the one of its first start.
use std::fs;
use std::path::Path;
use std::sync::Arc;

use imp_identity::Digest;
use imp_pki::{Certificate, Issuer, Key};
use serde::{Deserialize, Serialize};

use super::directory::{failed, replace};
use super::{KeysError, pem};

/// The register's name in the folder of the keys.
pub(super) const REGISTER: &str = "authorities.json";
/// The first authority's name in the register, and of its files.
pub(super) const FIRST: &str = "issuing";

/// An issuing authority that has not been retired.
pub struct IssuingAuthority {
    /// SHA-256 of its certificate.
    pub digest: Digest,
    /// The first 16 hexadecimal digits of it, as in addresses and names of files.
    pub short: String,
    /// Its certificate.
    pub certificate: Certificate,
    /// Certificates by which other roots vouch for the same name and key.
    pub crosses: Vec<Certificate>,
    /// Its name in the register.
    pub(super) name: String,
    pub(super) issuer: Issuer,
}

/// All that have not been retired.
pub(super) struct Authorities {
    pub(super) current: Arc<IssuingAuthority>,
    pub(super) all: Vec<Arc<IssuingAuthority>>,
    pub(super) register: Register,
}

/// What `authorities.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    /// The name of the one that issues.
    pub(super) issues: String,
    pub(super) authorities: Vec<Listed>,
}

/// An authority, by the names of its files without their endings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) name: String,
    /// The names of the files of other roots' certificates for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) crosses: Vec<String>,
    /// Its key is gone; its certificate stays for the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
}

impl Default for Register {
    fn default() -> Self {
        let first = Listed { name: FIRST.to_owned(), crosses: vec![], retired: false };
        Self { issues: FIRST.to_owned(), authorities: vec![first] }
    }
}

impl Register {
    /// Reads it.
    pub(super) fn read(directory: &Path) -> Result<Self, KeysError> {
        let path = directory.join(REGISTER);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read(&path).map_err(failed(&path, "read"))?;
        let register: Option<Self> = serde_json::from_slice(&text).ok();
        // They become names of files.
        let plain = |name: &String| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_plain = |it: &Self| {
            it.authorities.iter().all(|a| plain(&a.name) && a.crosses.iter().all(plain))
        };
        let content = KeysError::Content { path, expected: "a register of authorities" };
        register.filter(is_plain).ok_or(content)
    }

    /// Puts it in the place of the one before.
    pub(super) fn write(&self, directory: &Path) -> Result<(), KeysError> {
        let path = directory.join(REGISTER);
        let failed = |_| KeysError::Content { path: path.clone(), expected: "a register" };
        let text = serde_json::to_vec_pretty(self).map_err(failed)?;
        replace(directory, REGISTER, &text)
    }
}

impl Authorities {
    /// Reads those of a register.
    pub(super) fn read(directory: &Path) -> Result<Self, KeysError> {
        let register = Register::read(directory)?;
        let all: Vec<_> = register
            .authorities
            .iter()
            .filter(|listed| !listed.retired)
            .map(|listed| IssuingAuthority::read(directory, listed).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let current = all.iter().find(|authority| authority.name == register.issues).cloned();
        let path = directory.join(REGISTER);
        let content = KeysError::Content { path, expected: "an authority that issues" };
        Ok(Self { current: current.ok_or(content)?, all, register })
    }

    /// The authority whose certificate has a digest.
    pub(super) fn find(&self, digest: &Digest) -> Option<&Arc<IssuingAuthority>> {
        self.all.iter().find(|authority| authority.digest == *digest)
    }
}

impl IssuingAuthority {
    fn read(directory: &Path, listed: &Listed) -> Result<Self, KeysError> {
        let certificate = |name: &str| read_certificate(directory, name);
        let key = directory.join(format!("{}.key", listed.name));
        let text = fs::read(&key).map_err(failed(&key, "read"))?;
        let content = KeysError::Content { path: key, expected: "a P-256 private key in PEM" };
        let key = pem::private_key(&text).and_then(|der| Key::from_pkcs8(der).ok());
        let key = key.ok_or(content)?;
        let crosses = listed.crosses.iter().map(|name| certificate(name));
        let crosses = crosses.collect::<Result<Vec<_>, _>>()?;
        let own = certificate(&listed.name)?;
        let issuer = Issuer::open(own.der().to_vec(), &key)?;
        let digest = own.digest();
        let short = short(&digest);
        Ok(Self { digest, short, certificate: own, crosses, name: listed.name.clone(), issuer })
    }

    /// Its certificate and those by which other roots vouch for it, in DER: what comes after a certificate that it signed.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        let crosses = self.crosses.iter().map(|cross| cross.der().to_vec());
        std::iter::once(self.certificate.der().to_vec()).chain(crosses).collect()
    }
}

/// The first 16 hexadecimal digits of a digest.
pub(super) fn short(digest: &Digest) -> String {
    let digits = digest.to_string();
    digits.get(..16).unwrap_or(&digits).to_owned()
}

/// Reads a certificate of the folder.
pub(super) fn read_certificate(directory: &Path, name: &str) -> Result<Certificate, KeysError> {
    let path = directory.join(format!("{name}.pem"));
    let text = fs::read(&path).map_err(failed(&path, "read"))?;
    let certificate = pem::certificate(&text).and_then(|der| Certificate::parse(der).ok());
    certificate.ok_or(KeysError::Content { path, expected: "a certificate in PEM" })
}
