//! The server, as the agent talks to it: every request goes through here.
use std::future::Future;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use imp_api::break_glass::BreakGlass;
use imp_api::enrolment::{
    ConfirmReference, EnrolmentCompleted, EnrolmentOpened, EnrolmentStatus, IssueReference,
    OpenEnrolment, ReferenceIssued,
};
use imp_api::machine::{Credentials, RenewCertificate};
use imp_api::security_key::{AnswerKey, AskKey, KeyAccepted, KeyChallenge};
use imp_api::session::{
    ExchangeSession, ExchangedToken, HandOver, HandedOver, Sessions, SessionsSeen, SuspendSession,
    WatchSessions,
};
use imp_api::tap::{
    AbandonTap, JournalTaken, OpenTap, ReportJournal, Session, SignedRoster, SubmitPresence,
    SubmitTap, TapAccepted, TapOpened,
};
use imp_api::{Client, ClientError};
use imp_identity::{EnrolmentId, Secret, SessionId, TapId};
pub use imp_socket::Reach;
use serde::Serialize;

#[cfg(feature = "emulator")]
use crate::agent::Recorder;

/// Times that a submission without an answer is sent again.
const RESUBMISSIONS: u8 = 5;
/// How long it waits before.
const RESUBMISSION_WAIT: Duration = Duration::from_millis(300);

/// The one server.
pub struct Server {
    client: RwLock<Client>,
    reach: Mutex<Reach>,
    #[cfg(feature = "emulator")]
    recorder: Option<Recorder>,
}

impl Server {
    /// Talks through `client`.
    pub fn new(client: Client) -> Self {
        Self {
            client: RwLock::new(client),
            reach: Mutex::default(),
            #[cfg(feature = "emulator")]
            recorder: None,
        }
    }

    /// Shows every request to `recorder` before it is sent.
    #[cfg(feature = "emulator")]
    #[must_use]
    pub fn recording(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// Talks through `client` from now on: the certificate was renewed.
    pub fn replace(&self, client: Client) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// What the last request said.
    pub fn reach(&self) -> Reach {
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a challenge.
    pub async fn open_tap(&self, body: &OpenTap) -> Result<TapOpened, ClientError> {
        let client = self.client();
        self.send("v1/taps", body, client.open_tap(body)).await
    }

    /// Submits the two statements. The server answers a second submission of the same as it answered the first: one that got no answer, because
    /// the server is just being restarted, is sent again.
    pub async fn submit_tap(
        &self,
        id: TapId,
        body: &SubmitTap,
    ) -> Result<TapAccepted, ClientError> {
        let path = format!("v1/taps/{id}/submission");
        insist(|| async {
            let client = self.client();
            self.send(&path, body, client.submit_tap(id, body)).await
        })
        .await
    }

    /// Submits the phone's statement alone; sent again as a tap is.
    pub async fn submit_presence(
        &self,
        id: TapId,
        body: &SubmitPresence,
    ) -> Result<TapAccepted, ClientError> {
        let path = format!("v1/taps/{id}/presence");
        insist(|| async {
            let client = self.client();
            self.send(&path, body, client.submit_presence(id, body)).await
        })
        .await
    }

    /// Tells what was decided here without the server.
    pub async fn report_journal(&self, body: &ReportJournal) -> Result<JournalTaken, ClientError> {
        let client = self.client();
        self.send("v1/taps/journal", body, client.report_journal(body)).await
    }

    /// Reports that a tap was given up.
    pub async fn abandon(&self, tap: Option<TapId>, body: &AbandonTap) -> Result<(), ClientError> {
        let client = self.client();
        match tap {
            Some(id) => {
                let path = format!("v1/taps/{id}/abandonment");
                self.send(&path, body, client.abandon_tap(id, body)).await
            }
            None => self.send("v1/taps/abandonments", body, client.abandon(body)).await,
        }
    }

    /// Who may tap here.
    pub async fn roster(&self) -> Result<SignedRoster, ClientError> {
        let client = self.client();
        self.send("v1/roster", &(), client.roster()).await
    }

    /// The sessions that count here.
    pub async fn sessions(&self) -> Result<Sessions, ClientError> {
        let client = self.client();
        self.send("v1/sessions", &(), client.sessions()).await
    }

    /// The sessions that count here, once they are no longer what is known.
    pub async fn watch_sessions(&self, body: &WatchSessions) -> Result<SessionsSeen, ClientError> {
        let client = self.client();
        self.send("v1/sessions/watch", body, client.watch_sessions(body)).await
    }

    /// A one-time code for the browser on the desktop.
    pub async fn hand_over(&self, body: &HandOver) -> Result<HandedOver, ClientError> {
        let client = self.client();
        self.send("v1/sign-ons/handover", body, client.hand_over(body)).await
    }

    /// A token for an application of this desktop.
    pub async fn exchange_session(
        &self,
        session: SessionId,
        wanted: &ExchangeSession,
    ) -> Result<ExchangedToken, ClientError> {
        let client = self.client();
        self.send("oauth/token", wanted, client.exchange_session(session, wanted)).await
    }

    /// A question to the security key that somebody holds.
    pub async fn ask_key(&self, body: &AskKey) -> Result<KeyChallenge, ClientError> {
        let client = self.client();
        self.send("v1/security-keys/challenge", body, client.ask_key(body)).await
    }

    /// The key's answer.
    pub async fn answer_key(&self, body: &AnswerKey) -> Result<KeyAccepted, ClientError> {
        let client = self.client();
        self.send("v1/security-keys/assertion", body, client.answer_key(body)).await
    }

    /// Somebody has to work and cannot be authenticated.
    pub async fn break_glass(&self, body: &BreakGlass) -> Result<Session, ClientError> {
        let client = self.client();
        self.send("v1/break-glass", body, client.break_glass(body)).await
    }

    /// What the server's discovery document (OpenID Connect Discovery §3) calls it.
    pub async fn issuer(&self) -> Result<String, ClientError> {
        #[derive(serde::Deserialize)]
        struct Discovery {
            issuer: String,
        }
        let (client, path) = (self.client(), ".well-known/openid-configuration");
        let discovery: Discovery = self.send(path, &(), client.get(path)).await?;
        Ok(discovery.issuer)
    }

    /// The desktop was locked.
    pub async fn suspend_session(&self, id: SessionId) -> Result<Session, ClientError> {
        let (client, path) = (self.client(), format!("v1/sessions/{id}/suspension"));
        self.send(&path, &SuspendSession {}, client.suspend_session(id)).await
    }

    /// A new certificate for the same key.
    pub async fn renew_certificate(
        &self,
        body: &RenewCertificate,
    ) -> Result<Credentials, ClientError> {
        let client = self.client();
        self.send("v1/certificates/renewal", body, client.renew_certificate(body)).await
    }

    /// The server for an enrolment that an officer supervises.
    pub fn supervised(&self, token: Secret<String>) -> Supervised<'_> {
        Supervised { server: self, client: self.client().with_token(token) }
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends, and remembers whether the server answered.
    async fn send<T>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        request: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.record(path, body);
        let result = request.await;
        let reach = match &result {
            Err(ClientError::Unreachable(_) | ClientError::Url(_)) => Reach::Unreachable,
            Ok(_) | Err(ClientError::Problem(_) | ClientError::Answer { .. }) => Reach::Reachable,
        };
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = reach;
        result
    }

    #[cfg(feature = "emulator")]
    fn record(&self, path: &str, body: &impl Serialize) {
        if let Some(recorder) = &self.recorder {
            recorder(path, &serde_json::to_vec(body).unwrap_or_default());
        }
    }

    #[cfg(not(feature = "emulator"))]
    #[expect(clippy::unused_self, reason = "records with the feature `emulator` only")]
    const fn record(&self, _path: &str, _body: &impl Serialize) {}
}

/// Asks again while there is no answer.
async fn insist<T, F: Future<Output = Result<T, ClientError>>>(
    ask: impl Fn() -> F,
) -> Result<T, ClientError> {
    for _ in 0..RESUBMISSIONS {
        match ask().await {
            Err(ClientError::Unreachable(_)) => tokio::time::sleep(RESUBMISSION_WAIT).await,
            answered => return answered,
        }
    }
    ask().await
}

/// Requests with an officer's token.
pub struct Supervised<'a> {
    server: &'a Server,
    client: Client,
}

impl Supervised<'_> {
    /// Begins an enrolment.
    pub async fn open(&self, body: &OpenEnrolment) -> Result<EnrolmentOpened, ClientError> {
        self.server.send("v1/enrolments", body, self.client.open_enrolment(body)).await
    }

    /// How far it has come.
    pub async fn status(&self, id: EnrolmentId) -> Result<EnrolmentStatus, ClientError> {
        self.server.send(&format!("v1/enrolments/{id}"), &(), self.client.enrolment(id)).await
    }

    /// Has the digest of a reference signed.
    pub async fn issue(
        &self,
        id: EnrolmentId,
        body: &IssueReference,
    ) -> Result<ReferenceIssued, ClientError> {
        let path = format!("v1/enrolments/{id}/reference");
        self.server.send(&path, body, self.client.issue_reference(id, body)).await
    }

    /// The phone holds the reference.
    pub async fn confirm(
        &self,
        id: EnrolmentId,
        body: &ConfirmReference,
    ) -> Result<EnrolmentCompleted, ClientError> {
        let path = format!("v1/enrolments/{id}/confirmation");
        self.server.send(&path, body, self.client.confirm_reference(id, body)).await
    }
}
