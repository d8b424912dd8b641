//! The server's half of a tap, and what follows from its word.
use std::sync::Arc;
use std::time::Duration;

use imp_api::ClientError;
use imp_api::tap::{Session, SubmitPresence, SubmitTap, TapAccepted};
use imp_authenticator::evidence::MatchEvidence;
use imp_identity::refusal::Abandonment;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;

use super::phone::{Answer, Contact, Present};
use super::{Attempt, Failure, with_causes};
use crate::crash;
use crate::offline::Said;

/// Who let her in.
enum Decided {
    ByServer(TapAccepted),
    Here(Session),
}

/// The least time that is left to the server.
const LEAST_FOR_SERVER: Duration = Duration::from_secs(2);

impl Attempt<'_> {
    /// From the phone that was selected to the open desktop.
    pub(super) async fn run(&self, cancelled: &CancellationToken) -> Result<Session, Failure> {
        let both = async { tokio::try_join!(self.ask_phone(), self.capture_face()) };
        let Some(both) = cancelled.run_until_cancelled(both).await else {
            return Err(Failure::abandoned(Abandonment::Cancelled, None));
        };
        let (mut answer, capture) = both?;
        let credential = answer.reference.credential.clone();
        let evidence = self.compare(&mut answer, &capture)?;
        drop(capture);
        crash::point("tap:compared");
        match self.submit(&answer, &evidence, credential).await? {
            Decided::ByServer(accepted) => {
                self.unlock(accepted.session.clone()).await;
                self.deliver_receipt(answer.contact, accepted.receipt.0);
                Ok(accepted.session)
            }
            Decided::Here(session) => {
                self.unlock(session.clone()).await;
                if self.agent.config.walk_away.keeps_link() {
                    self.agent.links.keep(self.entry.phone, answer.contact);
                }
                Ok(session)
            }
        }
    }

    /// The same with the phone alone: nobody looks at a camera.
    pub(super) async fn run_alone(
        &self,
        cancelled: &CancellationToken,
    ) -> Result<Session, Failure> {
        let Some(present) = cancelled.run_until_cancelled(self.ask_presence()).await else {
            return Err(Failure::abandoned(Abandonment::Cancelled, None));
        };
        let present = present?;
        let accepted = self.submit_presence(&present).await?;
        self.unlock(accepted.session.clone()).await;
        self.deliver_receipt(present.contact, accepted.receipt.0);
        Ok(accepted.session)
    }

    async fn submit_presence(&self, present: &Present) -> Result<TapAccepted, Failure> {
        let _step = self.timeline.step("submit");
        let exporter = present.contact.exporter().to_vec().into();
        let body = SubmitPresence { statement: present.statement.clone().into(), exporter };
        let time = self.agent.config.limits.tap().saturating_sub(self.timeline.elapsed());
        let submitted = self.agent.server.submit_presence(present.challenge.tap, &body);
        let submitted = tokio::time::timeout(time.max(LEAST_FOR_SERVER), submitted).await;
        Ok(submitted.map_err(|_| Failure::abandoned(Abandonment::Timeout, None))??)
    }

    async fn submit(
        &self,
        answer: &Answer,
        evidence: &MatchEvidence,
        credential: Vec<u8>,
    ) -> Result<Decided, Failure> {
        let _step = self.timeline.step("submit");
        let broken = |detail| Failure::abandoned(Abandonment::Cancelled, Some(detail));
        let evidence = evidence
            .sign(self.standing.stored.workstation, self.standing.identity.signer.as_ref())
            .map_err(|error| broken(with_causes(&error)))?;
        let (challenge, statement) = (answer.challenge.clone(), answer.statement.clone());
        let said = Said { challenge, statement, credential, evidence };
        let unanswered = if answer.challenge.drawn_here {
            Failure::abandoned(Abandonment::Timeout, None)
        } else {
            match self.ask_server(&said).await {
                Ok(Ok(accepted)) => return Ok(Decided::ByServer(accepted)),
                Ok(Err(error @ ClientError::Unreachable(_))) => error.into(),
                Ok(Err(error)) => return Err(error.into()),
                Err(_elapsed) => Failure::abandoned(Abandonment::Timeout, None),
            }
        };
        // Only without any answer: a server that says no is not asked whether it is there.
        let decided = self.decide_here(said).await.unwrap_or(Err(unanswered));
        Ok(Decided::Here(decided?))
    }

    async fn ask_server(&self, said: &Said) -> Result<Result<TapAccepted, ClientError>, Elapsed> {
        let (statement, evidence) = (said.statement.clone().into(), said.evidence.clone().into());
        let body = SubmitTap { statement, evidence };
        crash::point("tap:submitting");
        let time = self.agent.config.limits.tap().saturating_sub(self.timeline.elapsed());
        let time = time.max(LEAST_FOR_SERVER);
        let time = self.agent.patience_with_server().map_or(time, |patience| patience.min(time));
        let submitted = self.agent.server.submit_tap(said.challenge.tap, &body);
        let submitted = tokio::time::timeout(time, submitted).await;
        crash::point("tap:submitted");
        submitted
    }

    /// Opens the desktop to her, or closes it after she tapped out.
    async fn unlock(&self, session: Session) {
        let _step = self.timeline.step("unlock");
        self.agent.admit(self.purpose, session, Some(self.entry.phone));
        crash::point("tap:unlocked");
        self.agent.settle_screen_soon().await;
    }

    /// Hands the phone its receipt, after the person was answered, and keeps the link while she works. A receipt that does not arrive is in the
    /// server's log all the same.
    fn deliver_receipt(&self, mut contact: Contact, receipt: Vec<u8>) {
        let patience = Duration::from_secs(self.agent.config.limits.receipt_seconds.into());
        let (phone, links) = (self.entry.phone, Arc::clone(&self.agent.links));
        let keeps = self.agent.config.walk_away.keeps_link();
        links.expect();
        self.agent.shutdown.spawn(async move {
            match tokio::time::timeout(patience, contact.hand_over(receipt)).await {
                Ok(Ok(())) if keeps => {
                    crash::point("tap:receipt-delivered");
                    links.keep(phone, contact);
                    return;
                }
                Ok(Ok(())) => {
                    crash::point("tap:receipt-delivered");
                    contact.close().await;
                }
                Ok(Err(error)) => {
                    tracing::info!(error = with_causes(&error), phone.id = %phone, "no receipt delivered");
                }
                Err(_) => tracing::info!(phone.id = %phone, "no receipt delivered in time"),
            }
            links.not_made();
        });
    }
}
