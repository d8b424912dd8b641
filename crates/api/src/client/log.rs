//! The endpoints of the log.
use reqwest::Method;

use super::{Client, ClientError};
use crate::log::{Consistency, Inclusion, OwnUse, OwnUses};
use crate::me::{Dispute, Disputed, Notices};

/// Longest checkpoint that is read, in bytes.
const LARGEST_CHECKPOINT: usize = 128 * 1024;

impl Client {
    /// `GET /checkpoint`: the text of a signed note (C2SP tlog-checkpoint).
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        let (status, bytes) = self.request(Method::GET, "checkpoint", None::<&()>).await?;
        let text =
            if bytes.len() > LARGEST_CHECKPOINT { None } else { String::from_utf8(bytes).ok() };
        text.ok_or(ClientError::Answer { status: status.as_u16() })
    }

    /// `GET /v1/log/inclusion?index=…&size=…`
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Inclusion, ClientError> {
        self.get(&format!("v1/log/inclusion?index={index}&size={size}")).await
    }

    /// `GET /v1/log/consistency?from=…&to=…`
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Consistency, ClientError> {
        self.get(&format!("v1/log/consistency?from={from}&to={to}")).await
    }

    /// `GET /v1/me/uses?size=…&after=…` by a phone.
    pub async fn own_uses(&self, size: u64, after: Option<u64>) -> Result<OwnUses, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("v1/me/uses?size={size}{after}")).await
    }

    /// `GET /v1/me/uses/{index}?size=…` by a phone: one entry, even if its record was erased. 404 when it is somebody else's.
    pub async fn own_use(&self, index: u64, size: u64) -> Result<OwnUse, ClientError> {
        self.get(&format!("v1/me/uses/{index}?size={size}")).await
    }

    /// `POST /v1/me/disputes` by a phone.
    pub async fn dispute(&self, body: &Dispute) -> Result<Disputed, ClientError> {
        self.post("v1/me/disputes", body).await
    }

    /// `GET /v1/me/notices` by a phone.
    pub async fn notices(&self) -> Result<Notices, ClientError> {
        self.get("v1/me/notices").await
    }
}
