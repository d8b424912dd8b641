//! `connection_observations`, `connection_reports`
use imp_connection::{Observation, Outcome};
use imp_identity::clock::to_micros;
use imp_identity::spiffe::SpiffeId;
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{corrupt, instant, text};

/// What enforcement points saw.
#[derive(Debug)]
pub struct Observations<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct ObservationRow {
    observed_from: String,
    observed_to: String,
    observed_protocol: String,
    observed_port: i64,
    observed_outcome: String,
    observed_count: i64,
    observed_first: i64,
    observed_last: i64,
}

impl TryFrom<ObservationRow> for Observation {
    type Error = StorageError;

    fn try_from(row: ObservationRow) -> Result<Self, StorageError> {
        let outcome = Outcome::ALL.into_iter().find(|one| one.code() == row.observed_outcome);
        Ok(Self {
            from: text("connection_observations.observed_from", &row.observed_from)?,
            to: text("connection_observations.observed_to", &row.observed_to)?,
            protocol: text("connection_observations.observed_protocol", &row.observed_protocol)?,
            port: u16::try_from(row.observed_port)
                .map_err(|_| corrupt("connection_observations.observed_port"))?,
            outcome: outcome.ok_or(corrupt("connection_observations.observed_outcome"))?,
            count: u64::try_from(row.observed_count)
                .map_err(|_| corrupt("connection_observations.observed_count"))?,
            first: instant("connection_observations.observed_first", row.observed_first)?,
            last: instant("connection_observations.observed_last", row.observed_last)?,
        })
    }
}

impl Observations<'_> {
    /// Adds to what was seen.
    pub async fn add(&mut self, seen: &Observation) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO connection_observations (observed_from, observed_to, \
            observed_protocol, observed_port, observed_outcome, observed_count, observed_first, \
            observed_last) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
            ON CONFLICT (observed_from, observed_to, observed_protocol, observed_port, observed_outcome) \
            DO UPDATE SET \
            observed_count = CASE WHEN connection_observations.observed_count > 4611686018427387904 \
                THEN connection_observations.observed_count \
                ELSE connection_observations.observed_count + excluded.observed_count END, \
            observed_first = CASE WHEN excluded.observed_first < connection_observations.observed_first \
                THEN excluded.observed_first ELSE connection_observations.observed_first END, \
            observed_last = CASE WHEN excluded.observed_last > connection_observations.observed_last \
                THEN excluded.observed_last ELSE connection_observations.observed_last END";
        // What is counted is bounded, so that sums do not overflow.
        let count = i64::try_from(seen.count).unwrap_or(i64::MAX).min(1 << 40);
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(seen.from.to_string())
            .bind(seen.to.to_string())
            .bind(seen.protocol.code())
            .bind(i64::from(seen.port))
            .bind(seen.outcome.code())
            .bind(count)
            .bind(to_micros(seen.first))
            .bind(to_micros(seen.last))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// What was seen since an instant, in a fixed order; at most `most`, the latest of them.
    pub async fn since(
        &mut self,
        at: Timestamp,
        most: u32,
    ) -> Result<Vec<Observation>, StorageError> {
        const SQL: &str = "SELECT * FROM (SELECT * FROM connection_observations \
            WHERE observed_last >= $1 ORDER BY observed_last DESC LIMIT $2) AS latest \
            ORDER BY observed_from, observed_to, observed_protocol, observed_port, observed_outcome";
        let rows: Vec<ObservationRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(at))
            .bind(i64::from(most))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Observation::try_from).collect()
    }

    /// Forgets what was not seen since an instant, and of the rest all but the latest `most`; how many are gone.
    pub async fn purge(&mut self, before: Timestamp, most: u32) -> Result<u64, StorageError> {
        const OLD: &str = "DELETE FROM connection_observations WHERE observed_last < $1";
        const MANY: &str = "DELETE FROM connection_observations WHERE observed_last < ( \
            SELECT COALESCE(MIN(observed_last), 0) FROM (SELECT observed_last FROM connection_observations \
            ORDER BY observed_last DESC LIMIT $1) AS latest)";
        let before = to_micros(before);
        let old = on!(&mut *self.0, |conn| sqlx::query(OLD)
            .bind(before)
            .execute(conn)
            .await
            .map(|done| done.rows_affected())?);
        let many = on!(&mut *self.0, |conn| sqlx::query(MANY)
            .bind(i64::from(most))
            .execute(conn)
            .await
            .map(|done| done.rows_affected())?);
        Ok(old + many)
    }

    /// Notes a report of a machine; `false` when it is known already.
    pub async fn note(
        &mut self,
        machine: &SpiffeId,
        report: Uuid,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "INSERT INTO connection_reports (report_machine, report_id, report_at) \
            VALUES ($1, $2, $3) ON CONFLICT (report_machine, report_id) DO NOTHING";
        let noted = on!(self.0, |conn| sqlx::query(SQL)
            .bind(machine.to_string())
            .bind(report)
            .bind(to_micros(at))
            .execute(conn)
            .await
            .map(|done| done.rows_affected())?);
        Ok(noted > 0)
    }

    /// How many reports of a machine came in since an instant.
    pub async fn reports_since(
        &mut self,
        machine: &SpiffeId,
        at: Timestamp,
    ) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM connection_reports \
            WHERE report_machine = $1 AND report_at >= $2";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(machine.to_string())
            .bind(to_micros(at))
            .fetch_one(conn)
            .await?))
    }

    /// Forgets reports; how many.
    pub async fn purge_reports(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM connection_reports WHERE report_at < $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await
            .map(|done| done.rows_affected())?))
    }
}
