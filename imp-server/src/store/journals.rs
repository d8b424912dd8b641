//! `journals`
use imp_authenticator::journal::JournalHead;
use imp_identity::{Digest, WorkstationId};
use imp_storage::{StorageError, Transaction, on};

use super::value::{bytes32, corrupt, digest};

/// How far the journals of workstations were taken in.
#[derive(Debug)]
pub struct Journals<'a>(pub(super) &'a mut Transaction);

impl Journals<'_> {
    /// The end of a workstation's journal, as far as it is known.
    pub async fn find(
        &mut self,
        workstation: WorkstationId,
    ) -> Result<Option<JournalHead>, StorageError> {
        const SQL: &str = "SELECT journal_name, journal_sequence, journal_last FROM journals \
            WHERE workstation_id = $1";
        let row: Option<(Vec<u8>, i64, Vec<u8>)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(workstation.as_uuid())
            .fetch_optional(conn)
            .await?);
        let Some((name, sequence, last)) = row else { return Ok(None) };
        let last: Digest = digest("journals.journal_last", &last)?;
        Ok(Some(JournalHead {
            journal: bytes32("journals.journal_name", &name)?,
            sequence: u64::try_from(sequence).map_err(|_| corrupt("journals.journal_sequence"))?,
            last,
        }))
    }

    /// Another end.
    pub async fn put(
        &mut self,
        workstation: WorkstationId,
        head: &JournalHead,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO journals \
            (workstation_id, journal_name, journal_sequence, journal_last) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (workstation_id) DO UPDATE SET journal_name = excluded.journal_name, \
            journal_sequence = excluded.journal_sequence, journal_last = excluded.journal_last";
        let sequence =
            i64::try_from(head.sequence).map_err(|_| corrupt("journals.journal_sequence"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(workstation.as_uuid())
            .bind(head.journal.as_slice())
            .bind(sequence)
            .bind(head.last.as_bytes().as_slice())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
