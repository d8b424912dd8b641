//! `certificates`
use imp_identity::clock::to_micros;
use imp_identity::spiffe::SpiffeId;
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;

use super::value::{instant, text};

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
}

impl Certificates<'_> {
    /// Adds a certificate; a unique violation when the serial number exists.
    pub async fn add(&mut self, certificate: &Certificate) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO certificates (serial, spiffe_id, certificate_expires_at) \
            VALUES ($1, $2, $3)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(&certificate.serial)
            .bind(certificate.spiffe_id.to_string())
            .bind(to_micros(certificate.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A machine's certificates, the longest-lived first.
    pub async fn of(&mut self, machine: &SpiffeId) -> Result<Vec<Certificate>, StorageError> {
        const SQL: &str = "SELECT serial, spiffe_id, certificate_expires_at FROM certificates \
            WHERE spiffe_id = $1 ORDER BY certificate_expires_at DESC, serial";
        let rows: Vec<(String, String, i64)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(machine.to_string())
            .fetch_all(conn)
            .await?);
        let certificate = |(serial, spiffe_id, expires_at): (String, String, i64)| {
            Ok(Certificate {
                serial,
                spiffe_id: text("certificates.spiffe_id", &spiffe_id)?,
                expires_at: instant("certificates.certificate_expires_at", expires_at)?,
            })
        };
        rows.into_iter().map(certificate).collect()
    }

    /// Removes what expired before an instant; how many.
    pub async fn purge(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM certificates WHERE certificate_expires_at < $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}
