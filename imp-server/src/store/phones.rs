//! `phones`
use imp_identity::clock::to_micros;
use imp_identity::invitation::Invitation;
use imp_identity::phone::{Binding, Phone, State};
use imp_identity::user::User;
use imp_identity::{Digest, PhoneId, ReferenceId, UserId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::users::UserRow;
use super::value::{bytes32, corrupt, digest, instant, text};

/// Phones.
#[derive(Debug)]
pub struct Phones<'a>(pub(super) &'a mut Transaction);

/// A bound phone, its user, and its active reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRow {
    /// The phone.
    pub phone: PhoneId,
    /// What is known of it.
    pub binding: Binding,
    /// Its user.
    pub user: User,
    /// The active reference on it.
    pub reference: Option<(ReferenceId, Digest)>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct PhoneRow {
    phone_id: Uuid,
    user_id: Uuid,
    phone_code: Vec<u8>,
    phone_code_expires_at: i64,
    phone_key: Option<Vec<u8>>,
    identifier_key: Option<Vec<u8>>,
    phone_bound_at: Option<i64>,
    phone_revoked_at: Option<i64>,
    phone_revocation: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct RosterRowRow {
    #[sqlx(flatten)]
    phone: PhoneRow,
    #[sqlx(flatten)]
    user: UserRow,
    reference_id: Option<Uuid>,
    reference_digest: Option<Vec<u8>>,
}

impl PhoneRow {
    fn invitation(&self) -> Result<Invitation, StorageError> {
        Ok(Invitation {
            code: digest("phones.phone_code", &self.phone_code)?,
            expires_at: instant("phones.phone_code_expires_at", self.phone_code_expires_at)?,
        })
    }

    fn state(&mut self) -> Result<State, StorageError> {
        if let Some(at) = self.phone_revoked_at {
            let reason = self.phone_revocation.as_deref().unwrap_or_default();
            return Ok(State::Revoked {
                at: instant("phones.phone_revoked_at", at)?,
                reason: text("phones.phone_revocation", reason)?,
            });
        }
        match (self.phone_key.take(), &self.identifier_key, self.phone_bound_at) {
            (Some(public_key), Some(identifier_key), Some(at)) => Ok(State::Bound(Binding {
                public_key,
                identifier_key: bytes32("phones.identifier_key", identifier_key)?,
                at: instant("phones.phone_bound_at", at)?,
            })),
            (None, None, None) => Ok(State::Invited(self.invitation()?)),
            (_, _, _) => Err(corrupt("phones.phone_key")),
        }
    }
}

impl TryFrom<PhoneRow> for Phone {
    type Error = StorageError;

    fn try_from(mut row: PhoneRow) -> Result<Self, StorageError> {
        Ok(Self { id: row.phone_id.into(), user: row.user_id.into(), state: row.state()? })
    }
}

impl TryFrom<RosterRowRow> for RosterRow {
    type Error = StorageError;

    fn try_from(row: RosterRowRow) -> Result<Self, StorageError> {
        let phone = Phone::try_from(row.phone)?;
        let State::Bound(binding) = phone.state else { return Err(corrupt("phones.phone_key")) };
        let reference = match (row.reference_id, row.reference_digest) {
            (Some(id), Some(bytes)) => {
                Some((id.into(), digest("biometric_references.reference_digest", &bytes)?))
            }
            (_, _) => None,
        };
        Ok(Self { phone: phone.id, binding, user: row.user.try_into()?, reference })
    }
}

impl Phones<'_> {
    /// Adds a phone with the invitation that it may use.
    pub async fn add(
        &mut self,
        phone: &Phone,
        invitation: &Invitation,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO phones \
            (phone_id, user_id, phone_code, phone_code_expires_at) VALUES ($1, $2, $3, $4)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(phone.id.as_uuid())
            .bind(phone.user.as_uuid())
            .bind(invitation.code.as_bytes().as_slice())
            .bind(to_micros(invitation.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        self.update(phone).await
    }

    /// Stores its state. A revoked one keeps its key for the record, but not its identifier key.
    pub async fn update(&mut self, phone: &Phone) -> Result<(), StorageError> {
        const BOUND: &str = "UPDATE phones SET phone_key = $2, identifier_key = $3, \
            phone_bound_at = $4 WHERE phone_id = $1";
        const REVOKED: &str = "UPDATE phones SET phone_revoked_at = $2, phone_revocation = $3, \
            identifier_key = NULL WHERE phone_id = $1";
        let id = phone.id.as_uuid();
        match &phone.state {
            State::Invited(_) => {}
            State::Bound(binding) => on!(self.0, |conn| sqlx::query(BOUND)
                .bind(id)
                .bind(&binding.public_key)
                .bind(binding.identifier_key.as_slice())
                .bind(to_micros(binding.at))
                .execute(conn)
                .await
                .map(drop)?),
            State::Revoked { at, reason } => on!(self.0, |conn| sqlx::query(REVOKED)
                .bind(id)
                .bind(to_micros(*at))
                .bind(reason.code())
                .execute(conn)
                .await
                .map(drop)?),
        }
        Ok(())
    }

    /// One phone.
    pub async fn find(&mut self, id: PhoneId) -> Result<Option<Phone>, StorageError> {
        const SQL: &str = "SELECT * FROM phones WHERE phone_id = $1";
        let row: Option<PhoneRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Phone::try_from).transpose()
    }

    /// The key of a phone that is bound, or was.
    pub async fn key(&mut self, id: PhoneId) -> Result<Option<Vec<u8>>, StorageError> {
        const SQL: &str = "SELECT phone_key FROM phones WHERE phone_id = $1";
        let key: Option<Option<Vec<u8>>> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        Ok(key.flatten())
    }

    /// The phone that was invited with a code, used or not, and the invitation.
    pub async fn find_by_code(
        &mut self,
        code: Digest,
    ) -> Result<Option<(Phone, Invitation)>, StorageError> {
        const SQL: &str = "SELECT * FROM phones WHERE phone_code = $1";
        let row: Option<PhoneRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(|row| {
            let invitation = row.invitation()?;
            Ok((Phone::try_from(row)?, invitation))
        })
        .transpose()
    }

    /// A user's phones, of whatever state, in the order of their making.
    pub async fn of_user(&mut self, user: UserId) -> Result<Vec<Phone>, StorageError> {
        const SQL: &str = "SELECT * FROM phones WHERE user_id = $1 ORDER BY phone_id";
        let rows: Vec<PhoneRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(user.as_uuid()).fetch_all(conn).await?);
        rows.into_iter().map(Phone::try_from).collect()
    }

    /// Every bound phone with its user and active reference, for the roster.
    pub async fn bound(&mut self) -> Result<Vec<RosterRow>, StorageError> {
        const SQL: &str = "SELECT phones.*, users.*, r.reference_id, r.reference_digest \
            FROM phones JOIN users ON users.user_id = phones.user_id \
            LEFT JOIN biometric_references r ON r.phone_id = phones.phone_id AND r.reference_active \
            WHERE phone_bound_at IS NOT NULL AND phone_revoked_at IS NULL ORDER BY phones.phone_id";
        let rows: Vec<RosterRowRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(RosterRow::try_from).collect()
    }
}
