//! `ceremonies`, `phone_sign_ins`
use imp_identity::authentication::{Authentication, SignInRefusal};
use imp_identity::clock::to_micros;
use imp_identity::{InteractionId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{bytes32, corrupt, instant, text};

/// Questions to authenticators and to phones that wait for their answers.
#[derive(Debug)]
pub struct Ceremonies<'a>(pub(super) &'a mut Transaction);

/// What an authenticator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonyKind {
    /// To be registered.
    Registration,
    /// To sign.
    Authentication,
}

impl CeremonyKind {
    const fn code(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Authentication => "authentication",
        }
    }
}

/// A question to an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// Names it.
    pub id: Uuid,
    /// What for.
    pub kind: CeremonyKind,
    /// The interaction of the browser that may answer.
    pub interaction: Option<InteractionId>,
    /// The user who registers.
    pub user: Option<UserId>,
    /// The workstation that may answer.
    pub workstation: Option<WorkstationId>,
    /// What the relying party remembers, in JSON.
    pub state: String,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// A browser that waits for a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneSignIn {
    /// Names it.
    pub id: Uuid,
    /// The interaction of the browser that waits.
    pub interaction: InteractionId,
    /// What the phone signs.
    pub nonce: [u8; 32],
    /// What the page shows and the phone asks for: 10 to 99.
    pub number: u8,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// Whose phone answered.
    pub user: Option<UserId>,
    /// How she was authenticated by it.
    pub authentication: Option<Authentication>,
    /// Why she was refused.
    pub refusal: Option<SignInRefusal>,
}

#[derive(Debug, sqlx::FromRow)]
struct CeremonyRow {
    ceremony_id: Uuid,
    ceremony_kind: String,
    interaction_id: Option<Uuid>,
    user_id: Option<Uuid>,
    workstation_id: Option<Uuid>,
    ceremony_state: String,
    ceremony_expires_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct PhoneSignInRow {
    phone_sign_in_id: Uuid,
    interaction_id: Uuid,
    nonce: Vec<u8>,
    number: i64,
    phone_sign_in_expires_at: i64,
    user_id: Option<Uuid>,
    authentication: Option<String>,
    phone_refusal: Option<String>,
}

impl TryFrom<CeremonyRow> for Ceremony {
    type Error = StorageError;

    fn try_from(row: CeremonyRow) -> Result<Self, StorageError> {
        let kinds = [CeremonyKind::Registration, CeremonyKind::Authentication];
        let kind = kinds.into_iter().find(|kind| kind.code() == row.ceremony_kind);
        Ok(Self {
            id: row.ceremony_id,
            kind: kind.ok_or(corrupt("ceremonies.ceremony_kind"))?,
            interaction: row.interaction_id.map(InteractionId::from),
            user: row.user_id.map(UserId::from),
            workstation: row.workstation_id.map(WorkstationId::from),
            state: row.ceremony_state,
            expires_at: instant("ceremonies.ceremony_expires_at", row.ceremony_expires_at)?,
        })
    }
}

impl TryFrom<PhoneSignInRow> for PhoneSignIn {
    type Error = StorageError;

    fn try_from(row: PhoneSignInRow) -> Result<Self, StorageError> {
        let authentication = row.authentication.map(|text| serde_json::from_str(&text)).transpose();
        let refusal =
            row.phone_refusal.map(|code| text("phone_sign_ins.phone_refusal", &code)).transpose();
        Ok(Self {
            id: row.phone_sign_in_id,
            interaction: row.interaction_id.into(),
            nonce: bytes32("phone_sign_ins.nonce", &row.nonce)?,
            number: u8::try_from(row.number).map_err(|_| corrupt("phone_sign_ins.number"))?,
            expires_at: instant(
                "phone_sign_ins.phone_sign_in_expires_at",
                row.phone_sign_in_expires_at,
            )?,
            user: row.user_id.map(UserId::from),
            authentication: authentication.map_err(|_| corrupt("phone_sign_ins.authentication"))?,
            refusal: refusal?,
        })
    }
}

impl Ceremonies<'_> {
    /// Adds a question to an authenticator.
    pub async fn add(&mut self, ceremony: &Ceremony) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO ceremonies (ceremony_id, ceremony_kind, interaction_id, \
            user_id, workstation_id, ceremony_state, ceremony_expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(ceremony.id)
            .bind(ceremony.kind.code())
            .bind(ceremony.interaction.map(InteractionId::as_uuid))
            .bind(ceremony.user.map(UserId::as_uuid))
            .bind(ceremony.workstation.map(WorkstationId::as_uuid))
            .bind(&ceremony.state)
            .bind(to_micros(ceremony.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes a question and says what it was: it is answered once.
    pub async fn take(&mut self, id: Uuid) -> Result<Option<Ceremony>, StorageError> {
        const SQL: &str = "DELETE FROM ceremonies WHERE ceremony_id = $1 RETURNING *";
        let row: Option<CeremonyRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?);
        row.map(Ceremony::try_from).transpose()
    }

    /// Adds a browser that waits for a phone. Others of the same interaction no longer count.
    pub async fn add_phone(&mut self, waiting: &PhoneSignIn) -> Result<(), StorageError> {
        const REMOVE: &str = "DELETE FROM phone_sign_ins WHERE interaction_id = $1";
        const ADD: &str = "INSERT INTO phone_sign_ins (phone_sign_in_id, interaction_id, nonce, \
            number, phone_sign_in_expires_at) VALUES ($1, $2, $3, $4, $5)";
        on!(&mut *self.0, |conn| sqlx::query(REMOVE)
            .bind(waiting.interaction.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        on!(&mut *self.0, |conn| sqlx::query(ADD)
            .bind(waiting.id)
            .bind(waiting.interaction.as_uuid())
            .bind(waiting.nonce.as_slice())
            .bind(i64::from(waiting.number))
            .bind(to_micros(waiting.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what a phone answered.
    pub async fn answer_phone(&mut self, answered: &PhoneSignIn) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE phone_sign_ins SET user_id = $2, authentication = $3, \
            phone_refusal = $4 WHERE phone_sign_in_id = $1";
        let authentication = answered.authentication.as_ref().map(serde_json::to_string);
        let authentication =
            authentication.transpose().map_err(|_| corrupt("phone_sign_ins.authentication"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(answered.id)
            .bind(answered.user.map(UserId::as_uuid))
            .bind(&authentication)
            .bind(answered.refusal.map(SignInRefusal::code))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A browser that waits for a phone.
    pub async fn find_phone(&mut self, id: Uuid) -> Result<Option<PhoneSignIn>, StorageError> {
        const SQL: &str = "SELECT * FROM phone_sign_ins WHERE phone_sign_in_id = $1";
        let row: Option<PhoneSignInRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?);
        row.map(PhoneSignIn::try_from).transpose()
    }

    /// The browser of an interaction that waits for a phone.
    pub async fn phone_of_interaction(
        &mut self,
        interaction: InteractionId,
    ) -> Result<Option<PhoneSignIn>, StorageError> {
        const SQL: &str = "SELECT * FROM phone_sign_ins WHERE interaction_id = $1";
        let row: Option<PhoneSignInRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(interaction.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(PhoneSignIn::try_from).transpose()
    }

    /// Removes what was answered.
    pub async fn remove_phone(&mut self, id: Uuid) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM phone_sign_ins WHERE phone_sign_in_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// Removes what no longer counts; how many.
    pub async fn purge(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        const KEYS: &str = "DELETE FROM ceremonies WHERE ceremony_expires_at <= $1";
        const PHONES: &str = "DELETE FROM phone_sign_ins WHERE phone_sign_in_expires_at <= $1";
        let mut removed = 0;
        for sql in [KEYS, PHONES] {
            removed += on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(to_micros(now))
                .execute(conn)
                .await?
                .rows_affected());
        }
        Ok(removed)
    }
}
