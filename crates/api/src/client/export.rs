//! Exports, as they arrive.
use std::time::Duration;

use reqwest::Method;

use super::audit::asked;
use super::{Client, ClientError, refusal};
use crate::export::ExportQuery;

/// The longest export: a log of years over a slow line.
const LONGEST: Duration = Duration::from_hours(24);

/// Lines of an export, as they arrive.
#[derive(Debug)]
pub struct Export {
    /// After which index the next export begins, once this one has arrived whole; `None` if the log is empty.
    pub after: Option<u64>,
    response: reqwest::Response,
}

impl Export {
    /// The next bytes; `None` when everything has arrived. An error means that it has not: go on after the index of the
    /// last whole line.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let chunk = self.response.chunk().await.map_err(ClientError::Unreachable)?;
        Ok(chunk.map(|chunk| chunk.to_vec()))
    }
}

impl Client {
    /// `GET /v1/events/export?…`
    pub async fn export(&self, query: &ExportQuery) -> Result<Export, ClientError> {
        let request = self.asking(Method::GET, &asked("v1/events/export", query))?;
        let sent = request.timeout(LONGEST).send().await;
        let response = sent.map_err(ClientError::Unreachable)?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let after = response.headers().get("imp-after").and_then(|after| after.to_str().ok());
        Ok(Export { after: after.and_then(|after| after.parse().ok()), response })
    }
}
