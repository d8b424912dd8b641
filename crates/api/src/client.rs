//! The typed client.
use std::time::Duration;

use imp_identity::{EnrolmentId, ReferenceId, Secret, SessionId, TapId};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::{admin, break_glass, enrolment, machine, phone_sign_in, security_key, session, tap};

mod administration;
mod audit;
mod connection;
mod device;
mod exchange;
mod export;
mod log;

pub use connection::FetchedPolicy;
pub use export::Export;

/// Largest answer that is read, in bytes: a roster of some ten thousand phones.
pub const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Talks to one server over one TLS configuration. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    base: reqwest::Url,
    http: reqwest::Client,
    token: Option<Secret<String>>,
}

/// The request was not answered as hoped.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base URL is not one.
    #[error("`{0}` is not an https URL")]
    Url(String),
    /// No answer: the server is down, unreachable, or not the one that is trusted.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The server said no.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// The answer makes no sense.
    #[error("the server's answer cannot be understood (status {status})")]
    Answer {
        /// HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// What the server said, if it said something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Url(_) | Self::Unreachable(_) | Self::Answer { .. } => None,
        }
    }
}

impl Client {
    /// Talks to the server at `base` (`https://host:port`), trusting and authenticating as `tls` says.
    pub fn new(base: &str, tls: rustls::ClientConfig) -> Result<Self, ClientError> {
        let url = || ClientError::Url(base.to_owned());
        let base: reqwest::Url = base.parse().map_err(|_| url())?;
        if base.scheme() != "https" || base.cannot_be_a_base() {
            return Err(url());
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(ClientError::Unreachable)?;
        Ok(Self { base, http, token: None })
    }

    /// The same client, with a person's bearer token (RFC 6750) on every request.
    #[must_use]
    pub fn with_token(&self, token: Secret<String>) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// `POST /v1/taps`
    pub async fn open_tap(&self, body: &tap::OpenTap) -> Result<tap::TapOpened, ClientError> {
        self.post("v1/taps", body).await
    }

    /// `POST /v1/taps/{tap}/submission`
    pub async fn submit_tap(
        &self,
        id: TapId,
        body: &tap::SubmitTap,
    ) -> Result<tap::TapAccepted, ClientError> {
        self.post(&format!("v1/taps/{id}/submission"), body).await
    }

    /// `POST /v1/taps/{tap}/presence`
    pub async fn submit_presence(
        &self,
        id: TapId,
        body: &tap::SubmitPresence,
    ) -> Result<tap::TapAccepted, ClientError> {
        self.post(&format!("v1/taps/{id}/presence"), body).await
    }

    /// `POST /v1/taps/{tap}/abandonment`
    pub async fn abandon_tap(&self, id: TapId, body: &tap::AbandonTap) -> Result<(), ClientError> {
        self.post_nothing(&format!("v1/taps/{id}/abandonment"), body).await
    }

    /// `POST /v1/taps/abandonments`
    pub async fn abandon(&self, body: &tap::AbandonTap) -> Result<(), ClientError> {
        self.post_nothing("v1/taps/abandonments", body).await
    }

    /// `GET /v1/phone-sign-ins/{id}`
    pub async fn phone_sign_in(
        &self,
        id: uuid::Uuid,
    ) -> Result<phone_sign_in::PhoneSignIn, ClientError> {
        self.get(&format!("v1/phone-sign-ins/{id}")).await
    }

    /// `POST /v1/phone-sign-ins/{id}`
    pub async fn answer_phone_sign_in(
        &self,
        id: uuid::Uuid,
        body: &phone_sign_in::AnswerPhoneSignIn,
    ) -> Result<(), ClientError> {
        self.post_nothing(&format!("v1/phone-sign-ins/{id}"), body).await
    }

    /// `POST /v1/taps/journal`
    pub async fn report_journal(
        &self,
        body: &tap::ReportJournal,
    ) -> Result<tap::JournalTaken, ClientError> {
        self.post("v1/taps/journal", body).await
    }

    /// `GET /v1/roster`
    pub async fn roster(&self) -> Result<tap::SignedRoster, ClientError> {
        self.get("v1/roster").await
    }

    /// `GET /v1/sessions`
    pub async fn sessions(&self) -> Result<session::Sessions, ClientError> {
        self.get("v1/sessions").await
    }

    /// `POST /v1/sessions/watch`: waits for as long as the server does.
    pub async fn watch_sessions(
        &self,
        body: &session::WatchSessions,
    ) -> Result<session::SessionsSeen, ClientError> {
        self.post("v1/sessions/watch", body).await
    }

    /// `POST /v1/sign-ons/handover`
    pub async fn hand_over(
        &self,
        body: &session::HandOver,
    ) -> Result<session::HandedOver, ClientError> {
        self.post("v1/sign-ons/handover", body).await
    }

    /// `POST /v1/security-keys/challenge`
    pub async fn ask_key(
        &self,
        body: &security_key::AskKey,
    ) -> Result<security_key::KeyChallenge, ClientError> {
        self.post("v1/security-keys/challenge", body).await
    }

    /// `POST /v1/security-keys/assertion`
    pub async fn answer_key(
        &self,
        body: &security_key::AnswerKey,
    ) -> Result<security_key::KeyAccepted, ClientError> {
        self.post("v1/security-keys/assertion", body).await
    }

    /// `POST /v1/break-glass`
    pub async fn break_glass(
        &self,
        body: &break_glass::BreakGlass,
    ) -> Result<tap::Session, ClientError> {
        self.post("v1/break-glass", body).await
    }

    /// `POST /v1/sessions/{session}/suspension`
    pub async fn suspend_session(&self, id: SessionId) -> Result<tap::Session, ClientError> {
        self.post(&format!("v1/sessions/{id}/suspension"), &session::SuspendSession {}).await
    }

    /// `POST /v1/workstations/enrolment`
    pub async fn enrol_workstation(
        &self,
        body: &machine::EnrolWorkstation,
    ) -> Result<machine::WorkstationEnrolled, ClientError> {
        self.post("v1/workstations/enrolment", body).await
    }

    /// `POST /v1/phones/binding`
    pub async fn bind_phone(
        &self,
        body: &machine::BindPhone,
    ) -> Result<machine::PhoneBound, ClientError> {
        self.post("v1/phones/binding", body).await
    }

    /// `POST /v1/certificates/renewal`
    pub async fn renew_certificate(
        &self,
        body: &machine::RenewCertificate,
    ) -> Result<machine::Credentials, ClientError> {
        self.post("v1/certificates/renewal", body).await
    }

    /// `POST /v1/phones/self/erasure` by a phone: this reference, or whatever it had, is gone.
    pub async fn erase_reference(
        &self,
        reference: Option<ReferenceId>,
    ) -> Result<enrolment::EnrolmentCompleted, ClientError> {
        self.post("v1/phones/self/erasure", &enrolment::EraseReference { reference }).await
    }

    /// `POST /v1/phones/self/revocation` by a phone: it is nobody's from now on.
    pub async fn revoke_self(&self) -> Result<(), ClientError> {
        self.post_nothing("v1/phones/self/revocation", &session::SuspendSession {}).await
    }

    /// `POST /v1/enrolments`
    pub async fn open_enrolment(
        &self,
        body: &enrolment::OpenEnrolment,
    ) -> Result<enrolment::EnrolmentOpened, ClientError> {
        self.post("v1/enrolments", body).await
    }

    /// `GET /v1/enrolments/{enrolment}`
    pub async fn enrolment(
        &self,
        id: EnrolmentId,
    ) -> Result<enrolment::EnrolmentStatus, ClientError> {
        self.get(&format!("v1/enrolments/{id}")).await
    }

    /// `POST /v1/enrolments/{enrolment}/reference`
    pub async fn issue_reference(
        &self,
        id: EnrolmentId,
        body: &enrolment::IssueReference,
    ) -> Result<enrolment::ReferenceIssued, ClientError> {
        self.post(&format!("v1/enrolments/{id}/reference"), body).await
    }

    /// `POST /v1/enrolments/{enrolment}/confirmation`
    pub async fn confirm_reference(
        &self,
        id: EnrolmentId,
        body: &enrolment::ConfirmReference,
    ) -> Result<enrolment::EnrolmentCompleted, ClientError> {
        self.post(&format!("v1/enrolments/{id}/confirmation"), body).await
    }

    /// `POST /v1/sign-in`
    pub async fn sign_in(&self, body: &admin::SignIn) -> Result<admin::SignedIn, ClientError> {
        self.post("v1/sign-in", body).await
    }

    /// `POST` with a JSON body and a JSON answer.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let (status, bytes) = self.request(Method::POST, path, Some(body)).await?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer { status: status.as_u16() })
    }

    /// `GET` with a JSON answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let (status, bytes) = self.request(Method::GET, path, None::<&()>).await?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer { status: status.as_u16() })
    }

    /// `PUT` with a JSON body and a JSON answer.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let (status, bytes) = self.request(Method::PUT, path, Some(body)).await?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer { status: status.as_u16() })
    }

    /// `DELETE` with a JSON answer.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let (status, bytes) = self.request(Method::DELETE, path, None::<&()>).await?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer { status: status.as_u16() })
    }

    /// `POST` with a JSON body and no answer.
    pub async fn post_nothing(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<(), ClientError> {
        self.request(Method::POST, path, Some(body)).await.map(|_| ())
    }

    /// What time the server has (RFC 9110 §6.6.1), to the second: whatever it answers, it says so.
    pub async fn server_time(&self) -> Result<Timestamp, ClientError> {
        let response = self.http.head(self.base.clone()).send().await;
        let response = response.map_err(ClientError::Unreachable)?;
        let status = response.status().as_u16();
        let date = response.headers().get(reqwest::header::DATE).and_then(|d| d.to_str().ok());
        let parsed = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        parsed.map(|date| date.timestamp()).ok_or(ClientError::Answer { status })
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(StatusCode, Vec<u8>), ClientError> {
        let mut request = self.asking(method, path)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(ClientError::Unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(response).await);
        }
        Ok((status, bounded(response).await?))
    }

    /// A request with the person's token, if there is one.
    fn asking(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, ClientError> {
        let url = self.base.join(path).map_err(|_| ClientError::Url(path.to_owned()))?;
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        })
    }
}

/// What the server said no with.
async fn refusal(response: reqwest::Response) -> ClientError {
    let status = response.status().as_u16();
    match bounded(response).await {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_or(ClientError::Answer { status }, |problem| {
                ClientError::Problem(Box::new(problem))
            }),
        Err(error) => error,
    }
}

/// Reads an answer of at most [`LARGEST_ANSWER`] bytes.
async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, ClientError> {
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ClientError::Unreachable)? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            return Err(ClientError::Answer { status });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
