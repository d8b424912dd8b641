//! `entries`, as the person whom they are about may see them.
use imp_identity::{PhoneId, UserId};
use imp_storage::{StorageError, limit, on};

use super::entries::{Entries, EntryRow, StoredEntry, key};

/// Whose uses, and where in the log.
#[derive(Clone, Copy, Debug)]
pub struct OwnUsesPage {
    /// Whom they are about.
    pub user: UserId,
    /// Her phone: what names no user, but her phone, is hers.
    pub phone: PhoneId,
    /// Entries before this index are left out.
    pub from: u64,
    /// Entries from this index on are left out.
    pub until: u64,
    /// At most so many, 1 to 500.
    pub asked: u32,
}

/// Kinds of events that are about a person, but belong to an investigation: who looks into what is not for the one who is
/// looked at.
pub const INVESTIGATIONS: [&str; 4] = ["log-read", "case-opened", "case-assigned", "finding-made"];

impl Entries<'_> {
    /// The entries about a user or her phone, in order, without those of [`INVESTIGATIONS`].
    pub async fn own(&mut self, page: &OwnUsesPage) -> Result<Vec<StoredEntry>, StorageError> {
        // Each half is one walk along an index, and no entry is in both.
        const SQL: &str = "SELECT * FROM (SELECT log_index, event_id, at, kind, record, salt, commitment FROM entries \
            WHERE user_id = $1 AND log_index >= $3 AND log_index < $4 \
            AND kind NOT IN ('log-read', 'case-opened', 'case-assigned', 'finding-made') \
            ORDER BY log_index LIMIT $5) AS hers \
            UNION ALL \
            SELECT * FROM (SELECT log_index, event_id, at, kind, record, salt, commitment FROM entries \
            WHERE device_id = $2 AND user_id IS NULL AND log_index >= $3 AND log_index < $4 \
            AND kind NOT IN ('log-read', 'case-opened', 'case-assigned', 'finding-made') \
            ORDER BY log_index LIMIT $5) AS its \
            ORDER BY log_index LIMIT $5";
        let rows: Vec<EntryRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(page.user.as_uuid())
            .bind(page.phone.as_uuid())
            .bind(key(page.from))
            .bind(key(page.until))
            .bind(limit(page.asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredEntry::try_from).collect()
    }
}
