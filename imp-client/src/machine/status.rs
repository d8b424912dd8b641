//! How the device's certificate stands.
use imp_identity::DeviceId;
use imp_identity::spiffe::SpiffeId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::stored::StoredDevice;
use crate::gateway::GatewayStatus;
use crate::state::{StateDirectory, StateError};

/// How the device stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStatus {
    /// The device.
    pub device: DeviceId,
    /// Its name in certificates.
    pub spiffe_id: SpiffeId,
    /// Its server.
    pub server: String,
    /// Where the certificate is renewed over EST, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub est: Option<String>,
    /// When the certificate should be renewed.
    pub renew_after: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// How that stands now.
    pub certificate: CertificateStanding,
    /// What the gateway on this machine said last, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayStatus>,
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStanding {
    /// It counts, and is not to be renewed yet.
    Good,
    /// It counts, and is to be renewed.
    Due,
    /// It counts for less than a quarter of the time that was left when it should have been renewed: somebody should look.
    Urgent,
    /// It counts no longer.
    Expired,
}

impl CertificateStanding {
    /// Of a certificate with these times.
    pub fn of(renew_after: Timestamp, expires_at: Timestamp, now: Timestamp) -> Self {
        let spare = expires_at.duration_since(renew_after).max(SignedDuration::ZERO);
        if now >= expires_at {
            Self::Expired
        } else if now < renew_after {
            Self::Good
        } else if expires_at.duration_since(now) < spare / 4 {
            Self::Urgent
        } else {
            Self::Due
        }
    }
}

impl DeviceStatus {
    /// Reads how this device stands; `None` if it was not enrolled.
    pub fn read(state: &StateDirectory, now: Timestamp) -> Result<Option<Self>, StateError> {
        let Some(stored) = StoredDevice::read(state)? else { return Ok(None) };
        let enrolled = stored.enrolled;
        let (renew_after, expires_at) = (enrolled.renew_after, enrolled.expires_at);
        Ok(Some(Self {
            device: enrolled.device,
            spiffe_id: enrolled.spiffe_id,
            server: stored.server,
            est: stored.est,
            renew_after,
            expires_at,
            certificate: CertificateStanding::of(renew_after, expires_at, now),
            gateway: GatewayStatus::read(state)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_nobody_renews_becomes_urgent_before_it_expires() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (renew, end) = (at("2026-11-22T08:00:00Z"), at("2026-11-22T12:00:00Z"));
        for (now, expected) in [
            ("2026-11-22T07:59:59Z", CertificateStanding::Good),
            ("2026-11-22T08:00:00Z", CertificateStanding::Due),
            ("2026-11-22T11:00:00Z", CertificateStanding::Due),
            ("2026-11-22T11:00:01Z", CertificateStanding::Urgent),
            ("2026-11-22T12:00:00Z", CertificateStanding::Expired),
        ] {
            assert_eq!(CertificateStanding::of(renew, end, at(now)), expected, "{now}");
        }
    }
}
