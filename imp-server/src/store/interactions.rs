//! `interactions`
use imp_identity::clock::to_micros;
use imp_identity::sign_on::{Requirements, SignOn};
use imp_identity::{Digest, InteractionId, SignOnId, WorkstationId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{corrupt, digest, instant, text};

/// What browsers were asked to do before they go on.
#[derive(Debug)]
pub struct Interactions<'a>(pub(super) &'a mut Transaction);

/// Why a browser goes on without what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionFailure {
    /// She did not want to.
    Cancelled,
    /// She did not agree.
    Declined,
    /// She cannot be authenticated as the application requires.
    Unmet,
}

impl InteractionFailure {
    const ALL: [Self; 3] = [Self::Cancelled, Self::Declined, Self::Unmet];

    /// The stable code, as stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Unmet => "unmet",
        }
    }
}

/// What a browser was asked to do before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// Names it.
    pub id: InteractionId,
    /// The digest of a cookie of the browser that was asked.
    pub binding: Digest,
    /// Where it goes on: a path of this server.
    pub continue_at: String,
    /// The maker's own, which the pages do not read.
    pub request: String,
    /// What is required.
    pub requirements: Requirements,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// What answered it.
    pub sign_on: Option<SignOnId>,
    /// Whether she agreed to what the application is told.
    pub consented: bool,
    /// Why it goes on unanswered.
    pub failure: Option<InteractionFailure>,
    /// Where the browser stands, if an agent has said so: a sign-on that answers is that desktop's.
    pub workstation: Option<WorkstationId>,
}

impl Interaction {
    /// Somebody is signed on. What somebody else agreed to before is not agreed to by her.
    pub(crate) fn answer(&mut self, sign_on: &SignOn) {
        if self.sign_on != Some(sign_on.id) {
            self.consented = false;
        }
        self.sign_on = Some(sign_on.id);
    }
}

#[derive(Debug, sqlx::FromRow)]
struct InteractionRow {
    interaction_id: Uuid,
    binding: Vec<u8>,
    continue_at: String,
    interaction_request: String,
    requirements: String,
    asked_at: i64,
    interaction_expires_at: i64,
    sign_on_id: Option<Uuid>,
    consented: bool,
    failure: Option<String>,
    workstation_id: Option<Uuid>,
}

impl std::str::FromStr for InteractionFailure {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.code() == text).ok_or(())
    }
}

impl TryFrom<InteractionRow> for Interaction {
    type Error = StorageError;

    fn try_from(row: InteractionRow) -> Result<Self, StorageError> {
        let requirements = serde_json::from_str(&row.requirements);
        let failure = row.failure.map(|failure| text("interactions.failure", &failure));
        Ok(Self {
            id: row.interaction_id.into(),
            binding: digest("interactions.binding", &row.binding)?,
            continue_at: row.continue_at,
            request: row.interaction_request,
            requirements: requirements.map_err(|_| corrupt("interactions.requirements"))?,
            asked_at: instant("interactions.asked_at", row.asked_at)?,
            expires_at: instant("interactions.interaction_expires_at", row.interaction_expires_at)?,
            sign_on: row.sign_on_id.map(SignOnId::from),
            consented: row.consented,
            failure: failure.transpose()?,
            workstation: row.workstation_id.map(WorkstationId::from),
        })
    }
}

impl Interactions<'_> {
    /// Adds an interaction.
    pub async fn add(&mut self, interaction: &Interaction) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO interactions (interaction_id, binding, continue_at, \
            interaction_request, requirements, asked_at, interaction_expires_at, sign_on_id, \
            consented, failure, workstation_id) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let requirements = serde_json::to_string(&interaction.requirements)
            .map_err(|_| corrupt("interactions.requirements"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(interaction.id.as_uuid())
            .bind(interaction.binding.as_bytes().as_slice())
            .bind(&interaction.continue_at)
            .bind(&interaction.request)
            .bind(&requirements)
            .bind(to_micros(interaction.asked_at))
            .bind(to_micros(interaction.expires_at))
            .bind(interaction.sign_on.map(SignOnId::as_uuid))
            .bind(interaction.consented)
            .bind(interaction.failure.map(InteractionFailure::code))
            .bind(interaction.workstation.map(WorkstationId::as_uuid))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Remembers at which workstation the browser stands; what was said first counts.
    pub async fn place(
        &mut self,
        id: InteractionId,
        workstation: WorkstationId,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE interactions SET workstation_id = COALESCE(workstation_id, $2) \
            WHERE interaction_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(workstation.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores how it was answered.
    pub async fn update(&mut self, interaction: &Interaction) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE interactions SET sign_on_id = $2, consented = $3, failure = $4 \
            WHERE interaction_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(interaction.id.as_uuid())
            .bind(interaction.sign_on.map(SignOnId::as_uuid))
            .bind(interaction.consented)
            .bind(interaction.failure.map(InteractionFailure::code))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One interaction.
    pub async fn find(&mut self, id: InteractionId) -> Result<Option<Interaction>, StorageError> {
        const SQL: &str = "SELECT * FROM interactions WHERE interaction_id = $1";
        let row: Option<InteractionRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Interaction::try_from).transpose()
    }

    /// Removes an interaction and says what it was: it is taken once.
    pub async fn take(&mut self, id: InteractionId) -> Result<Option<Interaction>, StorageError> {
        const SQL: &str = "DELETE FROM interactions WHERE interaction_id = $1 RETURNING *";
        let row: Option<InteractionRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Interaction::try_from).transpose()
    }

    /// Removes those that no longer count; how many.
    pub async fn purge(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM interactions WHERE interaction_expires_at <= $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(now))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}
