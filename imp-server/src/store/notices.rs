//! `notices` and `disputes`
use imp_identity::clock::to_micros;
use imp_identity::event::Channel;
use imp_identity::{CaseId, Digest, NoticeId, UserId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::value::{corrupt, instant, instant_if, text};

/// Notices of the day, and what was disputed.
#[derive(Debug)]
pub struct Notices<'a>(pub(super) &'a mut Transaction);

/// One person's notice of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Names this notice.
    pub id: NoticeId,
    /// Whom it tells.
    pub user: UserId,
    /// The day on which it was made, by the hospital's clock.
    pub day: Date,
    /// The places in the log of what it tells.
    pub entries: Vec<u64>,
    /// When it was made.
    pub made_at: Timestamp,
    /// How it reaches her.
    pub channel: Channel,
    /// When it was handed on.
    pub sent_at: Option<Timestamp>,
    /// How often that failed.
    pub attempts: u32,
    /// When it is tried next; `None` when it waits to be fetched.
    pub retry_at: Option<Timestamp>,
}

#[derive(Debug, sqlx::FromRow)]
struct NoticeRow {
    notice_id: Uuid,
    user_id: Uuid,
    notice_day: String,
    notice_entries: String,
    notice_made_at: i64,
    channel: String,
    notice_sent_at: Option<i64>,
    attempts: i64,
    retry_at: Option<i64>,
}

impl TryFrom<NoticeRow> for Notice {
    type Error = StorageError;

    fn try_from(row: NoticeRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.notice_id.into(),
            user: row.user_id.into(),
            day: text("notices.notice_day", &row.notice_day)?,
            entries: serde_json::from_str(&row.notice_entries)
                .map_err(|_| corrupt("notices.notice_entries"))?,
            made_at: instant("notices.notice_made_at", row.notice_made_at)?,
            channel: text("notices.channel", &row.channel)?,
            sent_at: instant_if("notices.notice_sent_at", row.notice_sent_at)?,
            attempts: u32::try_from(row.attempts).map_err(|_| corrupt("notices.attempts"))?,
            retry_at: instant_if("notices.retry_at", row.retry_at)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT notice_id, user_id, notice_day, notice_entries, notice_made_at, channel, \
             notice_sent_at, attempts, retry_at FROM notices ",
            $rest
        )
    };
}

impl Notices<'_> {
    /// Adds a notice.
    pub async fn add(&mut self, notice: &Notice) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO notices (notice_id, user_id, notice_day, notice_entries, \
            notice_made_at, channel, notice_sent_at, attempts, retry_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let entries = serde_json::to_string(&notice.entries)
            .map_err(|_| corrupt("notices.notice_entries"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(notice.id.as_uuid())
            .bind(notice.user.as_uuid())
            .bind(notice.day.to_string())
            .bind(&entries)
            .bind(to_micros(notice.made_at))
            .bind(notice.channel.code())
            .bind(notice.sent_at.map(to_micros))
            .bind(i64::from(notice.attempts))
            .bind(notice.retry_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores how far a notice has come.
    pub async fn update(&mut self, notice: &Notice) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE notices SET channel = $2, notice_sent_at = $3, attempts = $4, \
            retry_at = $5 WHERE notice_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(notice.id.as_uuid())
            .bind(notice.channel.code())
            .bind(notice.sent_at.map(to_micros))
            .bind(i64::from(notice.attempts))
            .bind(notice.retry_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Notices that are to be handed on now, those that wait longest first.
    pub async fn due(&mut self, now: Timestamp, asked: u32) -> Result<Vec<Notice>, StorageError> {
        const SQL: &str =
            select!("WHERE notice_sent_at IS NULL AND retry_at <= $1 ORDER BY retry_at LIMIT $2");
        let rows: Vec<NoticeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Notice::try_from).collect()
    }

    /// One notice.
    pub async fn find(&mut self, id: NoticeId) -> Result<Option<Notice>, StorageError> {
        const SQL: &str = select!("WHERE notice_id = $1");
        let row: Option<NoticeRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Notice::try_from).transpose()
    }

    /// The notice whose link holds the token of this digest.
    pub async fn find_by_token(&mut self, token: &Digest) -> Result<Option<Notice>, StorageError> {
        const SQL: &str = select!("WHERE token = $1");
        let row: Option<NoticeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(token.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(Notice::try_from).transpose()
    }

    /// Gives a notice's link a new token, by digest; the one before no longer counts.
    pub async fn set_token(&mut self, id: NoticeId, token: &Digest) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE notices SET token = $2 WHERE notice_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(token.as_bytes().as_slice())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A person's latest notices, latest first.
    pub async fn of_user(&mut self, user: UserId, asked: u32) -> Result<Vec<Notice>, StorageError> {
        const SQL: &str =
            select!("WHERE user_id = $1 ORDER BY notice_made_at DESC, notice_id LIMIT $2");
        let rows: Vec<NoticeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Notice::try_from).collect()
    }

    /// The case of a use that a person disputed, if she did.
    pub async fn dispute(
        &mut self,
        user: UserId,
        index: u64,
    ) -> Result<Option<CaseId>, StorageError> {
        const SQL: &str = "SELECT case_id FROM disputes WHERE user_id = $1 AND log_index = $2";
        let case: Option<Uuid> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(user.as_uuid())
            .bind(i64::try_from(index).unwrap_or(i64::MAX))
            .fetch_optional(conn)
            .await?);
        Ok(case.map(CaseId::from))
    }

    /// Remembers that a person disputed a use.
    pub async fn add_dispute(
        &mut self,
        user: UserId,
        index: u64,
        case: CaseId,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO disputes (user_id, log_index, case_id) VALUES ($1, $2, $3)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(user.as_uuid())
            .bind(i64::try_from(index).unwrap_or(i64::MAX))
            .bind(case.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
