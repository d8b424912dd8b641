//! The ways in beside the tap: a security key, with equal rights; an emergency, with few. And the way on: tokens for applications of the desktop.
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use imp_api::ClientError;
use imp_api::break_glass::BreakGlass;
use imp_api::security_key::{AnswerKey, AskKey, KeyChallenge};
use imp_api::session::{ExchangeSession, ExchangedToken};
use imp_api::tap::Session;
use imp_hardware::security_key::{Assertion, AssertionRequest, SecurityKeyError};
use imp_identity::Secret;
use imp_identity::tap::Purpose;
pub use imp_socket::{BreakGlassCommand, KeyCommand};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::desktop::Desktop;
use crate::tap::{Person, TapMeans, TapOutcome, TapReport, shown, with_causes};
use crate::timeline::Timeline;

/// Nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// There is one person before the desktop.
    #[error("one moment: another tap is under way")]
    Busy,
    /// One factor goes on, and opens nothing.
    #[error("a touch only unlocks a desktop that is locked for you: use the key with its PIN")]
    NotLocked,
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SecurityKeyError),
    /// What the server asks is not what keys are asked.
    #[error("the server asks something that no security key understands")]
    Question,
    /// The server said no, or nothing.
    #[error(transparent)]
    Server(#[from] ClientError),
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nobody is at work here.
    #[error("nobody is signed in at this workstation, or its desktop is locked")]
    NoSession,
    /// The server said no, or nothing.
    #[error("the server gives no token")]
    Server(#[from] ClientError),
}

impl Agent {
    /// Lets somebody in, lets her in again, has her confirm, or signs her out, by her security key.
    pub async fn use_key(&self, command: KeyCommand) -> Result<(Purpose, Session), EntryError> {
        let _one_at_a_time = self.busy.try_lock().map_err(|_| EntryError::Busy)?;
        let _under_way = self.looking.begin();
        let timeline = Timeline::begin();
        let means = if command.touch { TapMeans::Touch } else { TapMeans::SecurityKey };
        let asked = command.purpose;
        let used = self.run_key(command, &timeline).await;
        let (purpose, person, outcome) = match &used {
            Ok((purpose, session)) => {
                let (display_name, username) =
                    (session.display_name.clone(), session.username.clone());
                let person = Person { display_name, username };
                (
                    Some(*purpose),
                    Some(person),
                    TapOutcome::Accepted { session: shown(session.clone()) },
                )
            }
            Err(error) => (asked, None, TapOutcome::Failed { message: with_causes(error) }),
        };
        let code = outcome.code();
        let steps = timeline.finish();
        let (hint, detail) = (None, None);
        self.remember_tap(TapReport { purpose, person, means, outcome, hint, detail, steps });
        let millis = timeline.elapsed().as_millis();
        tracing::info!(outcome = code, millis, "a security key was used");
        used
    }

    async fn run_key(
        &self,
        command: KeyCommand,
        timeline: &Timeline,
    ) -> Result<(Purpose, Session), EntryError> {
        let KeyCommand { purpose, pin, touch } = command;
        let (purpose, touch) = match (touch, self.desktop()) {
            (false, _) => (purpose, None),
            (true, Desktop::Locked(session)) if purpose.is_none_or(|p| p == Purpose::Unlock) => {
                (Some(Purpose::Unlock), Some(session.id))
            }
            (true, _) => return Err(EntryError::NotLocked),
        };
        if !self.outbox.suspensions().is_empty() {
            // The server has to know that the desktop was locked before it can be unlocked.
            self.tell().await;
        }
        let challenge = {
            let _step = timeline.step("ask");
            self.server.ask_key(&AskKey { purpose, touch }).await?
        };
        let question = Question::read(&challenge).ok_or(EntryError::Question)?;
        let answer = {
            let _step = timeline.step("key");
            self.ask_key(question, pin).await?
        };
        let body = AnswerKey { challenge: challenge.challenge, answer };
        let accepted = {
            let _step = timeline.step("submit");
            self.server.answer_key(&body).await?
        };
        let (purpose, session) = (accepted.purpose, accepted.session);
        let _step = timeline.step("unlock");
        self.admit(purpose, session.clone(), None);
        self.settle_screen_soon().await;
        Ok((purpose, session))
    }

    async fn ask_key(
        &self,
        question: Question,
        pin: Option<Secret<String>>,
    ) -> Result<Value, SecurityKeyError> {
        let keys = Arc::clone(&self.devices.keys);
        let ask = move || {
            let hash = digest(&SHA256, question.client_data.as_bytes());
            let mut client_data_hash = [0; 32];
            client_data_hash.copy_from_slice(hash.as_ref());
            let (rp_id, pin) = (question.rp_id.as_str(), pin.as_ref());
            let request = AssertionRequest {
                rp_id,
                client_data_hash: &client_data_hash,
                pin,
                touch: question.touch.as_deref(),
            };
            keys.assert(&request).map(|assertion| question.answer(&assertion))
        };
        tokio::task::spawn_blocking(ask)
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Opens a short session for somebody who has to work and cannot be authenticated.
    pub async fn break_glass(&self, command: BreakGlassCommand) -> Result<Session, EntryError> {
        let _one_at_a_time = self.busy.try_lock().map_err(|_| EntryError::Busy)?;
        let BreakGlassCommand { username, reason } = command;
        let session = self.server.break_glass(&BreakGlass { username, reason }).await?;
        self.admit(Purpose::TapIn, session.clone(), None);
        self.settle_screen_soon().await;
        Ok(session)
    }

    /// A token with which an application of this desktop knows who is at work.
    pub async fn token(&self, wanted: &ExchangeSession) -> Result<ExchangedToken, TokenError> {
        let Desktop::Open(session) = self.desktop() else { return Err(TokenError::NoSession) };
        Ok(self.server.exchange_session(session.id, wanted).await?)
    }
}

/// What a key is asked, and the client data that it signs the digest of.
struct Question {
    rp_id: String,
    client_data: String,
    /// The credentials with one of which a touch suffices.
    touch: Option<Vec<Vec<u8>>>,
}

impl Question {
    fn read(challenge: &KeyChallenge) -> Option<Self> {
        let options = &challenge.options["publicKey"];
        let client_data = json!({
            "type": "webauthn.get",
            "challenge": options["challenge"].as_str()?,
            "origin": challenge.origin,
            "crossOrigin": false,
        });
        let rp_id = options["rpId"].as_str()?.to_owned();
        let handle = |key: &Value| BASE64URL_NOPAD.decode(key["id"].as_str()?.as_bytes()).ok();
        let touch = match options["userVerification"].as_str() {
            Some("discouraged") => {
                Some(options["allowCredentials"].as_array()?.iter().filter_map(handle).collect())
            }
            Some(_) | None => None,
        };
        Some(Self { rp_id, client_data: client_data.to_string(), touch })
    }

    /// What a browser would answer (`toJSON`, WebAuthn L3 §5.1).
    fn answer(&self, assertion: &Assertion) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let id = text(&assertion.credential);
        // A key that was asked for one credential need not say whose it is.
        let user = (!assertion.user.is_empty()).then(|| text(&assertion.user));
        json!({
            "id": id, "rawId": id, "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(self.client_data.as_bytes()),
                "authenticatorData": text(&assertion.authenticator_data),
                "signature": text(&assertion.signature),
                "userHandle": user,
            },
        })
    }
}
