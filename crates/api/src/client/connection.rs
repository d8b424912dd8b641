//! What enforcement points ask and report.
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use super::{Client, ClientError, bounded, refusal};
use crate::connection::{Observed, Refused};

/// A signed copy of the connection policy as it came: a claim, until it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPolicy {
    /// The compact JWS.
    pub jws: Vec<u8>,
    /// Names this copy; to be sent with the next question.
    pub tag: Option<String>,
}

impl Client {
    /// `GET /v1/connections/policy` by a machine: the signed copy; `None` when the one of `tag` is still the latest.
    pub async fn connection_policy(
        &self,
        tag: Option<&str>,
    ) -> Result<Option<FetchedPolicy>, ClientError> {
        let mut request = self.asking(Method::GET, "v1/connections/policy")?;
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let response = request.send().await.map_err(ClientError::Unreachable)?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        let tag = tag.map(ToOwned::to_owned);
        Ok(Some(FetchedPolicy { jws: bounded(response).await?, tag }))
    }

    /// `POST /v1/connections/observations` by a machine.
    pub async fn report_observations(&self, body: &Observed) -> Result<(), ClientError> {
        self.post_nothing("v1/connections/observations", body).await
    }

    /// `POST /v1/refusals` by a machine.
    pub async fn report_refusals(&self, body: &Refused) -> Result<(), ClientError> {
        self.post_nothing("v1/refusals", body).await
    }
}
