//! Orders.
use imp_identity::clock::to_micros;
use imp_identity::{AcmeAccountId, AcmeOrderId};
use imp_pki::acme::{CertificateId, Identifier, Order, OrderState, Problem};
use imp_storage::{StorageError, on};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Acme;
use crate::store::value::{corrupt, instant};

#[derive(sqlx::FromRow)]
struct OrderRow {
    acme_order_id: Uuid,
    acme_account_id: Uuid,
    device_id: Uuid,
    acme_identifiers: String,
    acme_replaces: Option<String>,
    acme_order_state: String,
    acme_order_expires_at: i64,
    acme_request: Option<Vec<u8>>,
    acme_serial: Option<String>,
    acme_order_problem: Option<String>,
}

impl TryFrom<OrderRow> for Order {
    type Error = StorageError;

    fn try_from(row: OrderRow) -> Result<Self, StorageError> {
        let wrong = corrupt("acme_orders.acme_order_state");
        let state = match row.acme_order_state.as_str() {
            "pending" => OrderState::Pending,
            "ready" => OrderState::Ready,
            "processing" => OrderState::Processing { request: row.acme_request.ok_or(wrong)? },
            "valid" => OrderState::Valid { serial: row.acme_serial.ok_or(wrong)? },
            "invalid" => OrderState::Invalid { problem: problem(row.acme_order_problem)? },
            _ => return Err(wrong),
        };
        Ok(Self {
            id: row.acme_order_id.into(),
            account: row.acme_account_id.into(),
            device: row.device_id.into(),
            identifiers: identifiers(&row.acme_identifiers)?,
            replaces: row
                .acme_replaces
                .map(|id| id.parse().map_err(|_| corrupt("acme_orders.acme_replaces")))
                .transpose()?,
            expires_at: instant("acme_orders.acme_order_expires_at", row.acme_order_expires_at)?,
            state,
        })
    }
}

fn identifiers(stored: &str) -> Result<Vec<Identifier>, StorageError> {
    let wrong = || corrupt("acme_orders.acme_identifiers");
    let values: Vec<Value> = serde_json::from_str(stored).map_err(|_| wrong())?;
    let read = values.iter().map(|value| Identifier::from_json(value).map_err(|_| wrong()));
    read.collect()
}

/// A problem as it is stored.
pub(super) fn problem(stored: Option<String>) -> Result<Problem, StorageError> {
    let wrong = || corrupt("acme problem");
    serde_json::from_str(&stored.ok_or_else(wrong)?).map_err(|_| wrong())
}

/// The columns of a state: its word, the request, the serial number, the problem.
struct Columns<'a> {
    state: &'static str,
    request: Option<&'a [u8]>,
    serial: Option<&'a str>,
    problem: Option<String>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a OrderState) -> Self {
        let none = Self { state: "pending", request: None, serial: None, problem: None };
        match state {
            OrderState::Pending => none,
            OrderState::Ready => Self { state: "ready", ..none },
            OrderState::Processing { request } => {
                Self { state: "processing", request: Some(request), ..none }
            }
            OrderState::Valid { serial } => Self { state: "valid", serial: Some(serial), ..none },
            OrderState::Invalid { problem } => {
                Self { state: "invalid", problem: Some(problem.to_json().to_string()), ..none }
            }
        }
    }
}

impl Acme<'_> {
    /// Adds an order of which nothing is proven.
    pub async fn add_order(&mut self, order: &Order, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO acme_orders (acme_order_id, acme_account_id, device_id, \
            acme_identifiers, acme_replaces, acme_order_state, acme_order_made_at, \
            acme_order_expires_at, acme_claimed_until) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";
        let identifiers: Vec<_> = order.identifiers.iter().map(Identifier::to_json).collect();
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(order.id.as_uuid())
            .bind(order.account.as_uuid())
            .bind(order.device.as_uuid())
            .bind(Value::Array(identifiers).to_string())
            .bind(order.replaces.as_ref().map(ToString::to_string))
            .bind(Columns::of(&order.state).state)
            .bind(to_micros(now))
            .bind(to_micros(order.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One order.
    pub async fn find_order(&mut self, id: AcmeOrderId) -> Result<Option<Order>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_orders WHERE acme_order_id = $1";
        let row: Option<OrderRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(Order::try_from).transpose()
    }

    /// The order of which a certificate came.
    pub async fn find_order_of(&mut self, serial: &str) -> Result<Option<Order>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_orders WHERE acme_serial = $1 LIMIT 1";
        let row: Option<OrderRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).bind(serial).fetch_optional(conn).await?);
        row.map(Order::try_from).transpose()
    }

    /// An account's orders after one, in the order in which they were made.
    pub async fn orders_of(
        &mut self,
        account: AcmeAccountId,
        after: Option<AcmeOrderId>,
        most: u32,
    ) -> Result<Vec<AcmeOrderId>, StorageError> {
        const SQL: &str = "SELECT acme_order_id FROM acme_orders WHERE acme_account_id = $1 \
            AND acme_order_id > $2 AND acme_order_state <> 'invalid' ORDER BY acme_order_id LIMIT $3";
        let rows: Vec<(Uuid,)> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(account.as_uuid())
            .bind(after.map_or(Uuid::nil(), AcmeOrderId::as_uuid))
            .bind(i64::from(most))
            .fetch_all(conn)
            .await?);
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// How many orders of an account are neither finished nor expired.
    pub async fn open_orders(
        &mut self,
        account: AcmeAccountId,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM acme_orders WHERE acme_account_id = $1 \
            AND acme_order_state IN ('pending', 'ready', 'processing') AND acme_order_expires_at > $2";
        let (count,): (i64,) = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(account.as_uuid())
            .bind(to_micros(now))
            .fetch_one(conn)
            .await?);
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Whether an order that may still be finished, or is, replaces a certificate.
    pub async fn is_replaced(
        &mut self,
        id: &CertificateId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM acme_orders WHERE acme_replaces = $1 \
            AND (acme_order_state = 'valid' OR (acme_order_state <> 'invalid' AND acme_order_expires_at > $2))";
        let (count,): (i64,) = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.to_string())
            .bind(to_micros(now))
            .fetch_one(conn)
            .await?);
        Ok(count > 0)
    }

    /// Stores how far an order has come.
    pub async fn update_order(&mut self, order: &Order) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE acme_orders SET acme_order_state = $2, acme_request = $3, \
            acme_serial = $4, acme_order_problem = $5 WHERE acme_order_id = $1";
        let columns = Columns::of(&order.state);
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(order.id.as_uuid())
            .bind(columns.state)
            .bind(columns.request)
            .bind(columns.serial)
            .bind(columns.problem.as_deref())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Claims an order for whoever issues, until an instant; answers whether nobody else has it.
    pub async fn claim_order(
        &mut self,
        id: AcmeOrderId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE acme_orders SET acme_claimed_until = $3 \
            WHERE acme_order_id = $1 AND acme_claimed_until <= $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(to_micros(now))
            .bind(to_micros(until))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Gives a claim up at an instant.
    pub async fn release_order(
        &mut self,
        id: AcmeOrderId,
        until: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE acme_orders SET acme_claimed_until = $2 WHERE acme_order_id = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(to_micros(until))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores the certificate of an order with those above it, in PEM.
    pub async fn keep_chain(&mut self, id: AcmeOrderId, chain: &str) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE acme_orders SET acme_chain = $2 WHERE acme_order_id = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(chain)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The certificate of an order with those above it, in PEM.
    pub async fn chain(&mut self, id: AcmeOrderId) -> Result<Option<String>, StorageError> {
        const SQL: &str = "SELECT acme_chain FROM acme_orders WHERE acme_order_id = $1";
        let row: Option<(Option<String>,)> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        Ok(row.and_then(|(chain,)| chain))
    }

    /// Deletes orders that expired before an instant, with their authorizations; how many.
    pub async fn purge_orders(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const AUTHORIZATIONS: &str = "DELETE FROM acme_authorizations WHERE acme_order_id IN \
            (SELECT acme_order_id FROM acme_orders WHERE acme_order_expires_at < $1)";
        const SQL: &str = "DELETE FROM acme_orders WHERE acme_order_expires_at < $1";
        on!(&mut *self.0, |conn| sqlx::query(AUTHORIZATIONS)
            .bind(to_micros(before))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}
