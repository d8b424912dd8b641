//! `policies`
use imp_identity::policy::Policy;
use imp_storage::{StorageError, Transaction, on};

use super::value::corrupt;

/// Versions of the policy.
#[derive(Debug)]
pub struct Policies<'a>(pub(super) &'a mut Transaction);

/// Reads a stored document; the default policy without one.
pub(super) fn parse(document: Option<&str>) -> Result<Policy, StorageError> {
    let Some(document) = document else { return Ok(Policy::default()) };
    serde_json::from_str(document).map_err(|_| corrupt("policies.document"))
}

impl Policies<'_> {
    /// The policy in force.
    pub async fn current(&mut self) -> Result<Policy, StorageError> {
        const SQL: &str = "SELECT document FROM policies ORDER BY version DESC LIMIT 1";
        let document: Option<String> =
            on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_optional(conn).await?);
        parse(document.as_deref())
    }

    /// Puts a policy in force; a unique violation when its version exists.
    pub async fn add(&mut self, policy: &Policy) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO policies (version, document) VALUES ($1, $2)";
        let document = serde_json::to_string(policy).map_err(|_| corrupt("policies.document"))?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(i64::from(policy.version))
            .bind(&document)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
