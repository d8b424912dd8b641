//! `certificates`
use imp_identity::clock::to_micros;
use imp_identity::device::CertificateRevocation;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{DeviceId, Digest};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;

use super::value::{corrupt, digest, instant, text};

/// Certificates that were issued.
#[derive(Debug)]
pub struct Certificates<'a>(pub(super) &'a mut Transaction);

/// A certificate that was issued to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// How it was issued; an earlier version kept nothing of it.
    pub issuance: Option<Issuance>,
    /// That it no longer counts, or is held.
    pub withdrawal: Option<Withdrawal>,
}

/// How a certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuance {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// SHA-256 of the issuing authority's certificate.
    pub issuer: Digest,
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub key: Digest,
    /// First instant at which it counts.
    pub not_before: Timestamp,
    /// What it is for.
    pub profile: String,
    /// The part of the issuer's CRL that it belongs to.
    pub partition: u32,
}

/// That a certificate no longer counts, or is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: CertificateRevocation,
}

/// A certificate that expires, as a forecast shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// Its serial number.
    pub serial: String,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
struct CertificateRow {
    serial: String,
    spiffe_id: String,
    certificate_expires_at: i64,
    certificate_der: Option<Vec<u8>>,
    certificate_issuer: Option<Vec<u8>>,
    certificate_key: Option<Vec<u8>>,
    certificate_not_before: Option<i64>,
    certificate_profile: Option<String>,
    certificate_partition: Option<i64>,
    certificate_revoked_at: Option<i64>,
    certificate_revocation: Option<String>,
}

impl CertificateRow {
    fn issuance(&mut self) -> Result<Option<Issuance>, StorageError> {
        let Some(der) = self.certificate_der.take() else { return Ok(None) };
        let missing = || corrupt("certificates.certificate_issuer");
        let issuer = self.certificate_issuer.take().ok_or_else(missing)?;
        let key = self.certificate_key.take().ok_or_else(missing)?;
        let not_before = self.certificate_not_before.ok_or_else(missing)?;
        let partition = self.certificate_partition.unwrap_or_default();
        Ok(Some(Issuance {
            der,
            issuer: digest("certificates.certificate_issuer", &issuer)?,
            key: digest("certificates.certificate_key", &key)?,
            not_before: instant("certificates.certificate_not_before", not_before)?,
            profile: self.certificate_profile.take().unwrap_or_default(),
            partition: u32::try_from(partition)
                .map_err(|_| corrupt("certificates.certificate_partition"))?,
        }))
    }

    fn withdrawal(&self) -> Result<Option<Withdrawal>, StorageError> {
        let Some(at) = self.certificate_revoked_at else { return Ok(None) };
        let reason = self.certificate_revocation.as_deref().unwrap_or_default();
        Ok(Some(Withdrawal {
            at: instant("certificates.certificate_revoked_at", at)?,
            reason: text("certificates.certificate_revocation", reason)?,
        }))
    }
}

impl TryFrom<CertificateRow> for Certificate {
    type Error = StorageError;

    fn try_from(mut row: CertificateRow) -> Result<Self, StorageError> {
        Ok(Self {
            issuance: row.issuance()?,
            withdrawal: row.withdrawal()?,
            spiffe_id: text("certificates.spiffe_id", &row.spiffe_id)?,
            expires_at: instant("certificates.certificate_expires_at", row.certificate_expires_at)?,
            serial: row.serial,
        })
    }
}

/// A query for the columns that make a [`Certificate`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT serial, spiffe_id, certificate_expires_at, certificate_der, \
            certificate_issuer, certificate_key, certificate_not_before, certificate_profile, \
            certificate_partition, certificate_revoked_at, certificate_revocation \
            FROM certificates ",
            $rest
        )
    };
}

impl Certificates<'_> {
    /// Adds a certificate; a unique violation when the serial number exists.
    pub async fn add(&mut self, certificate: &Certificate) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO certificates (serial, spiffe_id, certificate_expires_at, \
            device_id, certificate_der, certificate_issuer, certificate_key, \
            certificate_not_before, certificate_profile, certificate_partition) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let device = match certificate.spiffe_id.machine {
            Machine::Device(id) => Some(id.as_uuid()),
            Machine::Workstation(_) | Machine::Phone(_) => None,
        };
        let issuance = certificate.issuance.as_ref();
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(&certificate.serial)
            .bind(certificate.spiffe_id.to_string())
            .bind(to_micros(certificate.expires_at))
            .bind(device)
            .bind(issuance.map(|it| it.der.as_slice()))
            .bind(issuance.map(|it| it.issuer.as_bytes().as_slice()))
            .bind(issuance.map(|it| it.key.as_bytes().as_slice()))
            .bind(issuance.map(|it| to_micros(it.not_before)))
            .bind(issuance.map(|it| it.profile.as_str()))
            .bind(issuance.map(|it| i64::from(it.partition)))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A machine's certificates, the longest-lived first.
    pub async fn of(&mut self, machine: &SpiffeId) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str =
            select!("WHERE spiffe_id = $1 ORDER BY certificate_expires_at DESC, serial");
        let rows: Vec<CertificateRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(machine.to_string())
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Certificate::try_from).collect()
    }

    /// One certificate.
    pub async fn find_by_serial(
        &mut self,
        serial: &str,
    ) -> Result<Option<Certificate>, StorageError> {
        const SQL: &str = select!("WHERE serial = $1");
        let row: Option<CertificateRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(serial).fetch_optional(conn).await?);
        row.map(Certificate::try_from).transpose()
    }

    /// What an OCSP responder says of a serial number; `None` when it was never issued, or expired long ago.
    pub async fn status(&mut self, serial: &str) -> Result<Option<Certificate>, StorageError> {
        self.find_by_serial(serial).await
    }

    /// What an authority issued, counts no longer or is held, and has not expired; of one part of its CRL, or of all.
    pub async fn all_revoked(
        &mut self,
        issuer: &Digest,
        partition: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str = select!(
            "WHERE certificate_issuer = $1 AND ($2 IS NULL OR certificate_partition = $2) \
            AND certificate_revoked_at IS NOT NULL AND certificate_expires_at > $3 ORDER BY serial"
        );
        let rows: Vec<CertificateRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(issuer.as_bytes().as_slice())
            .bind(partition.map(i64::from))
            .bind(to_micros(now))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Certificate::try_from).collect()
    }

    /// What an authority issued and was withdrawn at an instant or later.
    pub async fn revoked_since(
        &mut self,
        issuer: &Digest,
        at: Timestamp,
    ) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str = select!(
            "WHERE certificate_issuer = $1 AND certificate_revoked_at >= $2 ORDER BY serial"
        );
        let rows: Vec<CertificateRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(issuer.as_bytes().as_slice())
            .bind(to_micros(at))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Certificate::try_from).collect()
    }

    /// What an authority issued and has not expired, after a serial number, in the order of serial numbers.
    pub async fn valid(
        &mut self,
        issuer: &Digest,
        now: Timestamp,
        after: &str,
        asked: u32,
    ) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str = select!(
            "WHERE certificate_issuer = $1 AND certificate_expires_at > $2 AND serial > $3 \
            ORDER BY serial LIMIT $4"
        );
        let rows: Vec<CertificateRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(issuer.as_bytes().as_slice())
            .bind(to_micros(now))
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Certificate::try_from).collect()
    }

    /// How many certificates of an authority have neither expired nor been revoked for good.
    pub async fn counting(&mut self, issuer: &Digest, now: Timestamp) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM certificates WHERE certificate_issuer = $1 \
            AND certificate_expires_at > $2 AND (certificate_revoked_at IS NULL \
            OR certificate_revocation = 'certificate-hold')";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(issuer.as_bytes().as_slice())
            .bind(to_micros(now))
            .fetch_one(conn)
            .await?))
    }

    /// Whether a key is another machine's: of its certificates, or of a workstation or phone that enrolled with it.
    pub async fn is_key_of_another(
        &mut self,
        machine: &SpiffeId,
        spki: &[u8],
    ) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT 1 FROM certificates WHERE certificate_key = $1 AND spiffe_id <> $2 \
            UNION ALL SELECT 1 FROM workstations WHERE workstation_key = $3 \
            UNION ALL SELECT 1 FROM phones WHERE phone_key = $3 LIMIT 1";
        let key = Digest::of(&[spki]);
        let found: Option<i32> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key.as_bytes().as_slice())
            .bind(machine.to_string())
            .bind(spki)
            .fetch_optional(conn)
            .await?);
        Ok(found.is_some())
    }

    /// Whether a certificate for a key was revoked because others may know the key.
    pub async fn is_compromised(&mut self, key: &Digest) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT 1 FROM certificates WHERE certificate_key = $1 \
            AND certificate_revocation = 'key-compromise' LIMIT 1";
        let found: Option<i32> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        Ok(found.is_some())
    }

    /// Stores that a certificate no longer counts, or is held; without a withdrawal, that it counts again.
    pub async fn withdraw(
        &mut self,
        serial: &str,
        withdrawal: Option<Withdrawal>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE certificates SET certificate_revoked_at = $2, \
            certificate_revocation = $3 WHERE serial = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(serial)
            .bind(withdrawal.map(|it| to_micros(it.at)))
            .bind(withdrawal.map(|it| it.reason.code()))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The certificates with which devices will stand without one, soonest first: the last that counts of each, if it
    /// expires between two instants.
    pub async fn expiring(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        asked: u32,
    ) -> Result<Vec<Expiring>, StorageError> {
        const SQL: &str = "SELECT c.spiffe_id, c.serial, c.certificate_expires_at \
            FROM certificates c WHERE c.device_id IS NOT NULL AND c.certificate_revoked_at IS NULL \
            AND c.certificate_expires_at > $1 AND c.certificate_expires_at <= $2 \
            AND NOT EXISTS (SELECT 1 FROM certificates n WHERE n.device_id = c.device_id \
                AND n.certificate_revoked_at IS NULL \
                AND (n.certificate_expires_at > c.certificate_expires_at \
                    OR (n.certificate_expires_at = c.certificate_expires_at AND n.serial > c.serial))) \
            ORDER BY c.certificate_expires_at, c.serial LIMIT $3";
        let rows: Vec<(String, String, i64)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(from))
            .bind(to_micros(until))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(expiring).collect()
    }

    /// The same of those of which nobody was told, and of whose time at most a sixth is left.
    pub async fn alarming(
        &mut self,
        now: Timestamp,
        asked: u32,
    ) -> Result<Vec<Expiring>, StorageError> {
        const SQL: &str = "SELECT c.spiffe_id, c.serial, c.certificate_expires_at \
            FROM certificates c WHERE c.device_id IS NOT NULL AND c.certificate_revoked_at IS NULL \
            AND c.certificate_alarmed_at IS NULL AND c.certificate_expires_at > $1 \
            AND (c.certificate_expires_at - $1) * 6 \
                <= c.certificate_expires_at - c.certificate_not_before \
            AND NOT EXISTS (SELECT 1 FROM certificates n WHERE n.device_id = c.device_id \
                AND n.certificate_revoked_at IS NULL \
                AND (n.certificate_expires_at > c.certificate_expires_at \
                    OR (n.certificate_expires_at = c.certificate_expires_at AND n.serial > c.serial))) \
            ORDER BY c.certificate_expires_at, c.serial LIMIT $2";
        let rows: Vec<(String, String, i64)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(expiring).collect()
    }

    /// Stores that somebody was told that a certificate expires.
    pub async fn alarmed(&mut self, serial: &str, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE certificates SET certificate_alarmed_at = $2 WHERE serial = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(serial)
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The certificates of a device that count or are held.
    pub async fn of_device(
        &mut self,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str = select!(
            "WHERE device_id = $1 AND certificate_expires_at > $2 \
            ORDER BY certificate_expires_at DESC, serial"
        );
        let rows: Vec<CertificateRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(device.as_uuid())
            .bind(to_micros(now))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Certificate::try_from).collect()
    }

    /// Removes what expired before an instant; how many. What was revoked because others may know its key stays: the key is never
    /// certified again.
    pub async fn purge(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM certificates WHERE certificate_expires_at < $1 \
            AND (certificate_revocation IS NULL OR certificate_revocation <> 'key-compromise')";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}

fn expiring(
    (spiffe_id, serial, expires_at): (String, String, i64),
) -> Result<Expiring, StorageError> {
    Ok(Expiring {
        spiffe_id: text("certificates.spiffe_id", &spiffe_id)?,
        serial,
        expires_at: instant("certificates.certificate_expires_at", expires_at)?,
    })
}
