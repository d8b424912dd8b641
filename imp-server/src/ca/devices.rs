//! Certificates of devices, lists of those that no longer count, and where both are found.
use imp_identity::Digest;
use imp_identity::device::ServerName;
use imp_identity::spiffe::SpiffeId;
use imp_pki::{CrlOrder, DeviceProfile, IssueError, Profile, PublicKey, Publication, Usage};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

use super::{IssuingAuthority, Keys, KeysError, Signed};
use crate::config::DevicesConfig;

/// What a device's certificate is to say.
pub(crate) struct DeviceOrder<'a> {
    /// Whom it names.
    pub(crate) id: SpiffeId,
    /// What else it names.
    pub(crate) names: Vec<ServerName>,
    /// What it may do.
    pub(crate) usage: Usage,
    /// Whose key it certifies.
    pub(crate) key: &'a PublicKey,
    /// How long it counts.
    pub(crate) lifetime: SignedDuration,
}

/// Where the status of certificates is published.
pub(super) struct Publisher(DevicesConfig);

impl Publisher {
    pub(super) fn new(config: &DevicesConfig) -> Self {
        Self(config.clone())
    }

    fn partitions(&self) -> u32 {
        self.0.crl_partitions.max(1)
    }

    fn publication(&self, issuer: &IssuingAuthority, partition: u32) -> Publication {
        let Some(url) = &self.0.public_url else { return Publication::default() };
        let url = url.trim_end_matches('/');
        Publication {
            ocsp: Some(format!("{url}/ocsp")),
            issuer: Some(format!("{url}/ca/{}.cer", issuer.short)),
            crl: self.0.crl_url(&issuer.short, partition),
        }
    }
}

impl Keys {
    /// Signs a device's certificate; and the part of the CRL that it belongs to.
    pub(crate) fn issue_to_device(
        &self,
        order: DeviceOrder<'_>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Signed, u32), IssueError> {
        let issuer = self.issuing();
        let mut random = [0; 4];
        rng.fill_bytes(&mut random);
        let partition = u32::from_be_bytes(random) % self.publisher.partitions();
        let publication = self.publisher.publication(&issuer, partition);
        let DeviceOrder { id, names, usage, key, lifetime } = order;
        let profile = Profile::Device(DeviceProfile { id, names, usage, publication });
        let certificate = issuer.issuer.issue(&profile, key, lifetime, now, rng)?;
        Ok((Signed { certificate, issuer }, partition))
    }

    /// How many parts the CRL of an authority has, as certificates are issued now.
    pub fn crl_partitions(&self) -> u32 {
        self.publisher.partitions()
    }

    /// Signs a list of what an authority issued and no longer counts.
    pub fn crl(&self, issuer: &Digest, order: &CrlOrder<'_>) -> Result<Vec<u8>, KeysError> {
        let authorities = self.authorities();
        let authority = authorities.find(issuer).ok_or(KeysError::NoAuthority)?;
        Ok(authority.issuer.crl(order)?)
    }
}
