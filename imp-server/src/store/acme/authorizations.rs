//! Authorizations.
use imp_identity::clock::to_micros;
use imp_identity::{AcmeOrderId, DeviceId};
use imp_pki::acme::{
    Authorization, AuthorizationId, AuthorizationState, ChallengeKind, Identifier,
};
use imp_storage::{StorageError, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::Acme;
use super::orders::problem;
use crate::store::value::{corrupt, instant};

/// A challenge that it is time to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueChallenge {
    /// Of which authorization.
    pub authorization: AuthorizationId,
    /// For which device.
    pub device: DeviceId,
}

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct AuthorizationRow {
    acme_authorization_id: Uuid,
    acme_order_id: Uuid,
    acme_identifier: String,
    acme_token: String,
    acme_authorization_state: String,
    acme_authorization_expires_at: i64,
    acme_challenge: Option<String>,
    acme_tries: i64,
    acme_validated_at: Option<i64>,
    acme_attested: Option<Vec<u8>>,
    acme_authorization_problem: Option<String>,
}

impl AuthorizationRow {
    fn kind(&self) -> Result<ChallengeKind, StorageError> {
        let wrong = || corrupt("acme_authorizations.acme_challenge");
        self.acme_challenge.as_deref().and_then(|kind| kind.parse().ok()).ok_or_else(wrong)
    }
}

impl TryFrom<AuthorizationRow> for Authorization {
    type Error = StorageError;

    fn try_from(row: AuthorizationRow) -> Result<Self, StorageError> {
        let state = match row.acme_authorization_state.as_str() {
            "pending" => AuthorizationState::Pending,
            "processing" => AuthorizationState::Processing {
                kind: row.kind()?,
                tries: u32::try_from(row.acme_tries).unwrap_or(u32::MAX),
            },
            "valid" => AuthorizationState::Valid {
                kind: row.kind()?,
                at: instant(
                    "acme_authorizations.acme_validated_at",
                    row.acme_validated_at.unwrap_or(i64::MIN),
                )?,
                attested: row.acme_attested,
            },
            "invalid" => AuthorizationState::Invalid {
                kind: row.kind()?,
                problem: problem(row.acme_authorization_problem)?,
            },
            "deactivated" => AuthorizationState::Deactivated,
            _ => return Err(corrupt("acme_authorizations.acme_authorization_state")),
        };
        let identifier = serde_json::from_str(&row.acme_identifier).ok();
        let identifier = identifier.and_then(|value| Identifier::from_json(&value).ok());
        Ok(Self {
            id: row.acme_authorization_id.into(),
            order: row.acme_order_id.into(),
            identifier: identifier.ok_or(corrupt("acme_authorizations.acme_identifier"))?,
            token: row.acme_token.parse().map_err(|_| corrupt("acme_authorizations.acme_token"))?,
            expires_at: instant(
                "acme_authorizations.acme_authorization_expires_at",
                row.acme_authorization_expires_at,
            )?,
            state,
        })
    }
}

/// The columns of a state.
#[derive(Default)]
struct Columns<'a> {
    state: &'static str,
    kind: Option<ChallengeKind>,
    tries: u32,
    validated_at: Option<Timestamp>,
    attested: Option<&'a [u8]>,
    problem: Option<String>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a AuthorizationState) -> Self {
        match state {
            AuthorizationState::Pending => Self { state: "pending", ..Self::default() },
            AuthorizationState::Processing { kind, tries } => {
                Self { state: "processing", kind: Some(*kind), tries: *tries, ..Self::default() }
            }
            AuthorizationState::Valid { kind, at, attested } => Self {
                state: "valid",
                kind: Some(*kind),
                validated_at: Some(*at),
                attested: attested.as_deref(),
                ..Self::default()
            },
            AuthorizationState::Invalid { kind, problem } => Self {
                state: "invalid",
                kind: Some(*kind),
                problem: Some(problem.to_json().to_string()),
                ..Self::default()
            },
            AuthorizationState::Deactivated => Self { state: "deactivated", ..Self::default() },
        }
    }
}

impl Acme<'_> {
    /// Adds an authorization that nobody has begun with.
    pub async fn add_authorization(&mut self, it: &Authorization) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO acme_authorizations (acme_authorization_id, acme_order_id, \
            acme_identifier, acme_token, acme_authorization_state, acme_authorization_expires_at, \
            acme_tries) VALUES ($1, $2, $3, $4, $5, $6, 0)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(it.id.as_uuid())
            .bind(it.order.as_uuid())
            .bind(it.identifier.to_json().to_string())
            .bind(it.token.as_str())
            .bind(Columns::of(&it.state).state)
            .bind(to_micros(it.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One authorization.
    pub async fn find_authorization(
        &mut self,
        id: AuthorizationId,
    ) -> Result<Option<Authorization>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_authorizations WHERE acme_authorization_id = $1";
        let row: Option<AuthorizationRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(Authorization::try_from).transpose()
    }

    /// The authorizations of an order.
    pub async fn authorizations_of(
        &mut self,
        order: AcmeOrderId,
    ) -> Result<Vec<Authorization>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_authorizations WHERE acme_order_id = $1 \
            ORDER BY acme_authorization_id";
        let rows: Vec<AuthorizationRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(order.as_uuid())
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Authorization::try_from).collect()
    }

    /// Stores how far an authorization has come, and when it is looked at (again).
    pub async fn update_authorization(
        &mut self,
        it: &Authorization,
        due_at: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE acme_authorizations SET acme_authorization_state = $2, \
            acme_challenge = $3, acme_tries = $4, acme_due_at = $5, acme_validated_at = $6, \
            acme_attested = $7, acme_authorization_problem = $8 WHERE acme_authorization_id = $1";
        let columns = Columns::of(&it.state);
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(it.id.as_uuid())
            .bind(columns.state)
            .bind(columns.kind.map(ChallengeKind::code))
            .bind(i64::from(columns.tries))
            .bind(due_at.map(to_micros))
            .bind(columns.validated_at.map(to_micros))
            .bind(columns.attested)
            .bind(columns.problem.as_deref())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Challenges that it is time to look at: of each account the first, then of each the second, and so on.
    pub async fn due_challenges(
        &mut self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<DueChallenge>, StorageError> {
        const SQL: &str = "SELECT acme_authorization_id, device_id FROM ( \
                SELECT a.acme_authorization_id, o.device_id, a.acme_due_at, ROW_NUMBER() OVER \
                    (PARTITION BY o.acme_account_id ORDER BY a.acme_due_at) AS place \
                FROM acme_authorizations a \
                JOIN acme_orders o ON o.acme_order_id = a.acme_order_id \
                WHERE a.acme_due_at <= $1) due \
            ORDER BY place, acme_due_at LIMIT $2";
        let rows: Vec<(Uuid, Uuid)> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(i64::from(most))
            .fetch_all(conn)
            .await?);
        let due = |(authorization, device): (Uuid, Uuid)| DueChallenge {
            authorization: authorization.into(),
            device: device.into(),
        };
        Ok(rows.into_iter().map(due).collect())
    }

    /// Takes a challenge that is due, so that nobody else looks at it until an instant; answers whether nobody had.
    pub async fn take_challenge(
        &mut self,
        id: AuthorizationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE acme_authorizations SET acme_due_at = $3 \
            WHERE acme_authorization_id = $1 AND acme_due_at <= $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(to_micros(now))
            .bind(to_micros(until))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }
}
