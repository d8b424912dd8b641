//! The endpoints of the review.
use imp_identity::SearchId;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::{Client, ClientError};
use crate::audit::{
    AssignCase, Case, CaseFile, Cases, CloseCase, CommentCase, EventProof, Events, EventsQuery,
    OpenCase, ReopenCase, SaveSearch, SavedSearch, SavedSearches, Timeline,
};

impl Client {
    /// `GET /v1/events?…`
    pub async fn events(&self, query: &EventsQuery) -> Result<Events, ClientError> {
        self.get(&asked("v1/events", query)).await
    }

    /// `GET /v1/events/{index}/proof`
    pub async fn event_proof(&self, index: u64) -> Result<EventProof, ClientError> {
        self.get(&format!("v1/events/{index}/proof")).await
    }

    /// `GET /v1/timelines/users/{user}?…`: of `from`, `until` and `case` of the query.
    pub async fn user_timeline(
        &self,
        user: &str,
        times: &EventsQuery,
    ) -> Result<Timeline, ClientError> {
        self.get(&asked(&format!("v1/timelines/users/{}", segment(user)), times)).await
    }

    /// `GET /v1/timelines/workstations/{workstation}?…`: of `from`, `until` and `case` of the query.
    pub async fn workstation_timeline(
        &self,
        workstation: &str,
        times: &EventsQuery,
    ) -> Result<Timeline, ClientError> {
        self.get(&asked(&format!("v1/timelines/workstations/{}", segment(workstation)), times))
            .await
    }

    /// `POST /v1/searches`
    pub async fn save_search(&self, body: &SaveSearch) -> Result<SavedSearch, ClientError> {
        self.post("v1/searches", body).await
    }

    /// `GET /v1/searches`
    pub async fn searches(&self) -> Result<SavedSearches, ClientError> {
        self.get("v1/searches").await
    }

    /// `GET /v1/searches/{search}/events?…`: of times, case and page of the query.
    pub async fn run_search(
        &self,
        id: SearchId,
        query: &EventsQuery,
    ) -> Result<Events, ClientError> {
        self.get(&asked(&format!("v1/searches/{id}/events"), query)).await
    }

    /// `DELETE /v1/searches/{search}`
    pub async fn remove_search(&self, id: SearchId) -> Result<(), ClientError> {
        self.request(Method::DELETE, &format!("v1/searches/{id}"), None::<&()>).await.map(|_| ())
    }

    /// `POST /v1/cases`
    pub async fn open_case(&self, body: &OpenCase) -> Result<Case, ClientError> {
        self.post("v1/cases", body).await
    }

    /// `GET /v1/cases?state=…`: `open` or `closed`; all without one.
    pub async fn cases(&self, state: Option<&str>) -> Result<Cases, ClientError> {
        let state = state.map_or_else(String::new, |state| format!("?state={state}"));
        self.get(&format!("v1/cases{state}")).await
    }

    /// `GET /v1/cases/{number}?proof=…`
    pub async fn case(&self, number: u64, proof: bool) -> Result<CaseFile, ClientError> {
        self.get(&format!("v1/cases/{number}?proof={proof}")).await
    }

    /// `POST /v1/cases/{number}/assignment`
    pub async fn assign_case(&self, number: u64, body: &AssignCase) -> Result<Case, ClientError> {
        self.post(&format!("v1/cases/{number}/assignment"), body).await
    }

    /// `POST /v1/cases/{number}/comments`
    pub async fn comment_case(&self, number: u64, body: &CommentCase) -> Result<Case, ClientError> {
        self.post(&format!("v1/cases/{number}/comments"), body).await
    }

    /// `POST /v1/cases/{number}/closure`
    pub async fn close_case(&self, number: u64, body: &CloseCase) -> Result<Case, ClientError> {
        self.post(&format!("v1/cases/{number}/closure"), body).await
    }

    /// `POST /v1/cases/{number}/reopening`
    pub async fn reopen_case(&self, number: u64, body: &ReopenCase) -> Result<Case, ClientError> {
        self.post(&format!("v1/cases/{number}/reopening"), body).await
    }
}

/// The path with the parameters that are set.
pub(super) fn asked(path: &str, parameters: &impl Serialize) -> String {
    let mut text = path.to_owned();
    let Ok(Value::Object(fields)) = serde_json::to_value(parameters) else { return text };
    for (place, (name, value)) in fields.iter().filter(|(_, value)| !value.is_null()).enumerate() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push(if place == 0 { '?' } else { '&' });
        text.extend([name.as_str(), "=", &segment(&value)]);
    }
    text
}

/// A text as one segment of a path or one value of a query: everything but unreserved characters is escaped
/// (RFC 3986 §2.3).
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped() {
        let query = EventsQuery {
            workstation: Some("Ward 3 & more/é".to_owned()),
            limit: Some(7),
            ..EventsQuery::default()
        };
        let expected = "v1/events?limit=7&workstation=Ward%203%20%26%20more%2F%C3%A9";
        let asked = asked("v1/events", &query);
        let sorted = |text: &str| {
            let mut parts: Vec<_> = text.split(['?', '&']).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(sorted(&asked), sorted(expected));
    }
}
