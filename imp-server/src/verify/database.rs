//! The log in a database: one pass over the rows, in one snapshot.
use imp_storage::{Storage, StorageError, Transaction};
use imp_translog::Checkpoint;
use imp_translog::audit::{Audit, ComputedTile, Content, StoredEntry, Wrong};

use super::erasure::{Erasures, Expired};
use super::notes::{Compared, Notes};
use super::{Expectation, Sound, VerifyError, derived};
use crate::store::{Head, Tables as _, VerificationRow};

/// Checks everything that the database holds of the log.
pub(crate) async fn verify_database(
    storage: &Storage,
    expectation: &Expectation,
) -> Result<Sound, VerifyError> {
    let mut transaction = storage.read().await?;
    let head = head(&mut transaction, expectation).await?;
    let (notes, checkpoint, audit) = Notes::begin(&head.checkpoint, expectation)?;
    let mut pass = Pass {
        transaction: &mut transaction,
        audit,
        notes,
        last_note: i64::MIN,
        erasures: Erasures::default(),
        tiles: 0,
        last_at: i64::MIN,
    };
    pass.entries().await?;
    pass.finish(&head, &checkpoint).await
}

async fn head(
    transaction: &mut Transaction,
    expectation: &Expectation,
) -> Result<Head, VerifyError> {
    let origin = expectation.log.name();
    let mut origins = transaction.verification().origins().await?;
    origins.retain(|known| known != origin);
    let head = transaction.log().head(origin).await?;
    let head = head.ok_or_else(|| VerifyError::NoLog { origin: origin.to_owned() })?;
    match origins.pop() {
        Some(origin) => Err(VerifyError::OtherLog { origin }),
        None => Ok(head),
    }
}

struct Pass<'a> {
    transaction: &'a mut Transaction,
    audit: Audit,
    notes: Notes<'a>,
    /// The size under which the last stored checkpoint was found.
    last_note: i64,
    erasures: Erasures,
    tiles: u64,
    last_at: i64,
}

impl Pass<'_> {
    async fn entries(&mut self) -> Result<(), VerifyError> {
        if let Some(before) = self.transaction.verification().first().await?.filter(|i| *i < 0) {
            let found = before.unsigned_abs();
            return Err(Wrong::Repeated { expected: 0, found }.into());
        }
        self.next_notes().await?;
        loop {
            let start = i64::try_from(self.audit.checked()).unwrap_or(i64::MAX);
            let rows = self.rows(start).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                self.entry(row).await?;
            }
        }
    }

    /// The next rows. When they cannot be read together, the first that cannot be read alone is named.
    async fn rows(&mut self, start: i64) -> Result<Vec<VerificationRow>, VerifyError> {
        let whole = self.transaction.verification().rows(start..i64::MAX).await;
        let Err(error) = whole else { return Ok(whole?) };
        for index in start..start.saturating_add(256) {
            if let Err(source) = self.transaction.verification().rows(index..index + 1).await {
                return Err(VerifyError::Unreadable { index: index.unsigned_abs(), source });
            }
        }
        Err(error.into())
    }

    async fn entry(&mut self, row: &VerificationRow) -> Result<(), VerifyError> {
        let index = row.log_index.unsigned_abs();
        let content = Content::Stored { salt: row.salt.as_deref(), record: row.record.as_deref() };
        let entry = StoredEntry { index, commitment: &row.commitment, content };
        let complete = self.audit.entry(&entry)?;
        if row.at < self.last_at {
            return Err(VerifyError::Time { index });
        }
        self.last_at = row.at;
        match derived::check(row, index)? {
            None => self.erasures.gone(index, &row.kind),
            Some(record) => {
                if let Some(expired) = self.erasures.said(index, &record)? {
                    self.none_left(expired).await?;
                }
            }
        }
        for tile in &complete {
            self.tile(tile).await?;
        }
        if i64::try_from(self.audit.checked()).is_ok_and(|size| size >= self.last_note) {
            self.next_notes().await?;
        }
        Ok(())
    }

    async fn none_left(&mut self, expired: Expired) -> Result<(), VerifyError> {
        let Expired { kind, from, until, by } = expired;
        match self.transaction.verification().first_kept(&kind, from..until).await? {
            Some(index) => Err(VerifyError::StillThere { index, by }),
            None => Ok(()),
        }
    }

    async fn tile(&mut self, tile: &ComputedTile) -> Result<(), VerifyError> {
        let stored = self.transaction.verification().tile(tile.id).await?;
        tile.compare(stored.as_deref())?;
        self.tiles += 1;
        Ok(())
    }

    /// The next stored checkpoints, before the entries to which they must lead.
    async fn next_notes(&mut self) -> Result<(), VerifyError> {
        let stored = self.transaction.verification().checkpoints(self.last_note).await?;
        if stored.is_empty() {
            self.last_note = i64::MAX;
        }
        for (size, note) in stored {
            let compared = self.notes.compare(&note, &mut self.audit);
            let checkpoint = compared.map_err(|error| match error {
                Compared::Open(source) => VerifyError::Stored { size, source },
                Compared::Wrong(error) => error,
            })?;
            if i64::try_from(checkpoint.size) != Ok(size) {
                return Err(VerifyError::Misplaced { size: checkpoint.size, stored: size });
            }
            self.last_note = size;
        }
        Ok(())
    }

    async fn finish(mut self, head: &Head, latest: &Checkpoint) -> Result<Sound, VerifyError> {
        let (edge, root) = (self.audit.edge().clone(), self.audit.root());
        let audit = std::mem::replace(&mut self.audit, Audit::new(latest));
        for tile in audit.finish()? {
            // The leaves of a tile that is not full stand in the entries only.
            if tile.id.level > 0 {
                self.tile(&tile).await?;
            }
        }
        let columns = [
            ("size", head.size == latest.size),
            ("peaks", head.peaks == edge.peaks_bytes()),
            ("last_at", latest.size == 0 || head.last_at == self.last_at),
        ];
        if let Some((column, _)) = columns.into_iter().find(|(_, fits)| !fits) {
            return Err(VerifyError::Head { column });
        }
        let stored = self.transaction.verification().tiles().await?;
        if stored != self.tiles {
            return Err(VerifyError::Tiles { stored, computed: self.tiles });
        }
        let erased = self.erasures.finish()?;
        let (checkpoints, cosigned) = self.notes.finish()?;
        let (size, tiles) = (latest.size, self.tiles);
        let checkpoint = head.checkpoint.clone();
        Ok(Sound { size, root, checkpoint, erased: Some(erased), tiles, checkpoints, cosigned })
    }
}

/// Opens a database as it is: a backup is not changed by being checked.
pub(crate) async fn open(
    url: &str,
    options: &imp_storage::Options,
) -> Result<Storage, StorageError> {
    Storage::open_to_read(url, options).await
}
