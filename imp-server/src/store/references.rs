//! `biometric_references`
use imp_identity::clock::to_micros;
use imp_identity::reference::{Reference, State};
use imp_identity::{EnrolmentId, PhoneId, ReferenceId, UserId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{digest, instant, text};

/// Biometric references, by digest.
#[derive(Debug)]
pub struct References<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct ReferenceRow {
    reference_id: Uuid,
    user_id: Uuid,
    phone_id: Uuid,
    reference_digest: Vec<u8>,
    reference_model_set: String,
    enrolment_id: Uuid,
    officer_id: Uuid,
    reference_enrolled_at: i64,
    reference_expires_at: i64,
    reference_active: bool,
    reference_revoked_at: Option<i64>,
    reference_revocation: Option<String>,
}

impl ReferenceRow {
    fn state(&self) -> Result<State, StorageError> {
        match self.reference_revoked_at {
            Some(at) => {
                let reason = self.reference_revocation.as_deref().unwrap_or_default();
                Ok(State::Revoked {
                    at: instant("biometric_references.reference_revoked_at", at)?,
                    reason: text("biometric_references.reference_revocation", reason)?,
                })
            }
            None if self.reference_active => Ok(State::Active),
            None => Ok(State::Issued),
        }
    }
}

impl TryFrom<ReferenceRow> for Reference {
    type Error = StorageError;

    fn try_from(row: ReferenceRow) -> Result<Self, StorageError> {
        let at = |micros| instant("biometric_references.reference_enrolled_at", micros);
        Ok(Self {
            state: row.state()?,
            id: row.reference_id.into(),
            user: row.user_id.into(),
            phone: row.phone_id.into(),
            digest: digest("biometric_references.reference_digest", &row.reference_digest)?,
            model_set: row.reference_model_set,
            enrolment: row.enrolment_id.into(),
            officer: row.officer_id.into(),
            enrolled_at: at(row.reference_enrolled_at)?,
            expires_at: at(row.reference_expires_at)?,
        })
    }
}

impl References<'_> {
    /// Adds a reference that was just issued.
    pub async fn add(&mut self, reference: &Reference) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO biometric_references (reference_id, user_id, phone_id, \
            reference_digest, reference_model_set, enrolment_id, officer_id, \
            reference_enrolled_at, reference_expires_at, reference_active) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(reference.id.as_uuid())
            .bind(reference.user.as_uuid())
            .bind(reference.phone.as_uuid())
            .bind(reference.digest.as_bytes().as_slice())
            .bind(&reference.model_set)
            .bind(reference.enrolment.as_uuid())
            .bind(reference.officer.as_uuid())
            .bind(to_micros(reference.enrolled_at))
            .bind(to_micros(reference.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        self.update(reference).await
    }

    /// Stores its state; a unique violation when the phone has another active one.
    pub async fn update(&mut self, reference: &Reference) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE biometric_references SET reference_active = $2, \
            reference_revoked_at = $3, reference_revocation = $4 WHERE reference_id = $1";
        let (active, revoked_at, reason) = match reference.state {
            State::Issued => return Ok(()),
            State::Active => (true, None, None),
            State::Revoked { at, reason } => (false, Some(to_micros(at)), Some(reason.code())),
        };
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(reference.id.as_uuid())
            .bind(active)
            .bind(revoked_at)
            .bind(reason)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One reference.
    pub async fn find(&mut self, id: ReferenceId) -> Result<Option<Reference>, StorageError> {
        const SQL: &str = "SELECT * FROM biometric_references WHERE reference_id = $1";
        let row: Option<ReferenceRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Reference::try_from).transpose()
    }

    /// The references of a user that were not revoked, oldest first.
    pub async fn current_of_user(&mut self, user: UserId) -> Result<Vec<Reference>, StorageError> {
        const SQL: &str = "SELECT * FROM biometric_references \
            WHERE user_id = $1 AND reference_revoked_at IS NULL ORDER BY reference_id";
        self.all(SQL, user.as_uuid()).await
    }

    /// The references on a phone that were not revoked, oldest first.
    pub async fn current_of_phone(
        &mut self,
        phone: PhoneId,
    ) -> Result<Vec<Reference>, StorageError> {
        const SQL: &str = "SELECT * FROM biometric_references \
            WHERE phone_id = $1 AND reference_revoked_at IS NULL ORDER BY reference_id";
        self.all(SQL, phone.as_uuid()).await
    }

    async fn all(&mut self, sql: &'static str, id: Uuid) -> Result<Vec<Reference>, StorageError> {
        let rows: Vec<ReferenceRow> =
            on!(self.0, |conn| sqlx::query_as(sql).bind(id).fetch_all(conn).await?);
        rows.into_iter().map(Reference::try_from).collect()
    }

    /// Keeps the receipt of an erasure, for a phone that did not get it.
    pub async fn keep_erasure_receipt(
        &mut self,
        id: ReferenceId,
        receipt: &[u8],
    ) -> Result<(), StorageError> {
        const SQL: &str =
            "UPDATE biometric_references SET erasure_receipt = $2 WHERE reference_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(receipt)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Deletes the receipt of an erasure: it holds the record, which was erased.
    pub async fn forget_erasure_receipt(&mut self, id: ReferenceId) -> Result<(), StorageError> {
        const SQL: &str =
            "UPDATE biometric_references SET erasure_receipt = NULL WHERE reference_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// The receipt of the latest erasure by a phone.
    pub async fn erasure_receipt(
        &mut self,
        phone: PhoneId,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        const SQL: &str = "SELECT erasure_receipt FROM biometric_references \
            WHERE phone_id = $1 AND erasure_receipt IS NOT NULL \
            ORDER BY reference_revoked_at DESC, reference_id DESC LIMIT 1";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(phone.as_uuid())
            .fetch_optional(conn)
            .await?))
    }
}

/// What a tap needs of a reference that may be missing: the columns of a left join on the phone's active one.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ActiveReferenceRow {
    reference_id: Option<Uuid>,
    reference_digest: Option<Vec<u8>>,
    reference_model_set: Option<String>,
    enrolment_id: Option<Uuid>,
    officer_id: Option<Uuid>,
    reference_enrolled_at: Option<i64>,
    reference_expires_at: Option<i64>,
}

impl ActiveReferenceRow {
    /// The reference, if there is one.
    pub(super) fn reference(
        self,
        user: UserId,
        phone: PhoneId,
    ) -> Result<Option<Reference>, StorageError> {
        let Some(id) = self.reference_id else { return Ok(None) };
        let at = |micros: Option<i64>| {
            instant("biometric_references.reference_expires_at", micros.unwrap_or_default())
        };
        let bytes = self.reference_digest.unwrap_or_default();
        Ok(Some(Reference {
            id: id.into(),
            user,
            phone,
            digest: digest("biometric_references.reference_digest", &bytes)?,
            model_set: self.reference_model_set.unwrap_or_default(),
            enrolment: EnrolmentId::from(self.enrolment_id.unwrap_or_default()),
            officer: UserId::from(self.officer_id.unwrap_or_default()),
            enrolled_at: at(self.reference_enrolled_at)?,
            expires_at: at(self.reference_expires_at)?,
            state: State::Active,
        }))
    }
}
