//! Changing the authorities: a new one issues, another root vouches for one, one is retired. What the old one issued goes on
//! counting, and machines need not be told: they trust the root.
use std::fs;

use imp_identity::Digest;
use imp_pki::{Certificate, IssueError, Issuer, Key};
use jiff::Timestamp;
use rand::CryptoRng;

use super::authorities::{Listed, Register, short};
use super::directory::{add, failed, lock, replace, sync};
use super::{Keys, KeysError, pem};

/// An authority was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RolloverError {
    /// The one that issues cannot be retired.
    #[error("this authority issues certificates: make another one first")]
    Issues,
    /// The certificate does not vouch for any of ours.
    #[error(
        "the certificate is not for the name and key of an issuing authority of this installation"
    )]
    NotOurs,
    /// It is one of ours, by our own root.
    #[error("the certificate is there already")]
    Known,
    /// It outlives ours.
    #[error(
        "the certificate counts longer than the authority's own: OpenSSL would take it in that one's place; have it signed for \
        a shorter time"
    )]
    Longer,
    /// It cannot be signed.
    #[error("the certificate cannot be signed")]
    Issue(#[from] IssueError),
    /// See the source.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// An issuing authority that issues nothing yet.
pub(crate) struct NewAuthority {
    name: String,
    /// Its certificate.
    pub(crate) certificate: Certificate,
}

impl Keys {
    /// Makes a new issuing authority, signed by `root`. It issues nothing before [`Keys::put_in_force`].
    pub(crate) fn new_issuing(
        &self,
        root: &Issuer,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<NewAuthority, RolloverError> {
        let _lock = self.lock()?;
        let key = Key::generate().map_err(KeysError::from)?;
        let issuer = root.issuing(&key, now, rng)?;
        let certificate = issuer.certificate().clone();
        let name = format!("issuing-{}", short(&certificate.digest()));
        add(&self.directory, &format!("{name}.key"), key.pkcs8().expose())?;
        self.add_certificate(&name, &certificate)?;
        Ok(NewAuthority { name, certificate })
    }

    /// It issues from now on.
    pub(crate) fn put_in_force(&self, made: NewAuthority) -> Result<Certificate, RolloverError> {
        let _lock = self.lock()?;
        let NewAuthority { name, certificate } = made;
        let mut register = Register::read(&self.directory)?;
        register.issues.clone_from(&name);
        register.authorities.push(Listed { name, crosses: vec![], retired: false });
        register.write(&self.directory)?;
        self.refresh()?;
        Ok(certificate)
    }

    /// Adds a certificate by which another root vouches for an issuing authority of ours: it is handed out from now on with
    /// what that authority signs.
    pub(crate) fn add_cross(&self, der: Vec<u8>) -> Result<Certificate, RolloverError> {
        let _lock = self.lock()?;
        let cross = Certificate::parse(der).map_err(|_| RolloverError::NotOurs)?;
        let ours = self.issuers().into_iter().find(|authority| {
            authority.certificate.public_key() == cross.public_key()
                && authority.certificate.subject() == cross.subject()
        });
        let ours = ours.filter(|_| cross.is_authority()).ok_or(RolloverError::NotOurs)?;
        if ours.certificate == cross || ours.crosses.contains(&cross) {
            return Err(RolloverError::Known);
        }
        if ours.certificate.expires_at() < cross.expires_at() {
            return Err(RolloverError::Longer);
        }
        let name = format!("cross-{}", short(&cross.digest()));
        self.add_certificate(&name, &cross)?;
        let mut register = Register::read(&self.directory)?;
        for listed in &mut register.authorities {
            if listed.name == ours.name {
                listed.crosses.push(name.clone());
            }
        }
        register.write(&self.directory)?;
        self.refresh()?;
        Ok(cross)
    }

    /// Retires an authority: its key is removed, and nobody says any more whether its certificates count. Its own certificate
    /// stays for the record.
    pub(crate) fn retire_authority(&self, digest: &Digest) -> Result<Certificate, RolloverError> {
        let _lock = self.lock()?;
        let authorities = self.authorities();
        let found = authorities.find(digest).ok_or(KeysError::NoAuthority)?;
        if found.digest == authorities.current.digest {
            return Err(RolloverError::Issues);
        }
        let mut register = Register::read(&self.directory)?;
        for listed in &mut register.authorities {
            listed.retired |= listed.name == found.name;
        }
        register.write(&self.directory)?;
        let key = self.directory.join(format!("{}.key", found.name));
        fs::remove_file(&key).map_err(failed(&key, "removed"))?;
        sync(&self.directory)?;
        self.refresh()?;
        Ok(found.certificate.clone())
    }

    fn lock(&self) -> Result<fs::File, KeysError> {
        lock(self.directory.parent().unwrap_or(&self.directory))
    }

    fn add_certificate(&self, name: &str, certificate: &Certificate) -> Result<(), KeysError> {
        let text = pem::encode("CERTIFICATE", certificate.der());
        replace(&self.directory, &format!("{name}.pem"), text.as_bytes())
    }
}
