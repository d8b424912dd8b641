//! The server's half of a tap, and what follows from its word.
use std::time::Duration;

use imp_api::tap::{Session, SubmitPresence, SubmitTap, TapAccepted};
use imp_authenticator::evidence::MatchEvidence;
use imp_identity::refusal::Abandonment;
use tokio_util::sync::CancellationToken;

use super::phone::{Answer, Contact, Present};
use super::{Attempt, Failure, with_causes};
use crate::crash;

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
        let evidence = self.compare(&mut answer, &capture);
        drop(capture);
        crash::point("tap:compared");
        let accepted = self.submit(&answer, &evidence).await?;
        self.unlock(accepted.session.clone());
        self.deliver_receipt(answer.contact, accepted.receipt.0);
        Ok(accepted.session)
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
        self.unlock(accepted.session.clone());
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
    ) -> Result<TapAccepted, Failure> {
        let _step = self.timeline.step("submit");
        let broken = |detail| Failure::abandoned(Abandonment::Cancelled, Some(detail));
        let evidence = evidence
            .sign(self.standing.stored.workstation, self.standing.identity.signer.as_ref())
            .map_err(|error| broken(with_causes(&error)))?;
        let body =
            SubmitTap { statement: answer.statement.clone().into(), evidence: evidence.into() };
        crash::point("tap:submitting");
        let time = self.agent.config.limits.tap().saturating_sub(self.timeline.elapsed());
        let submitted = self.agent.server.submit_tap(answer.challenge.tap, &body);
        let submitted = tokio::time::timeout(time.max(LEAST_FOR_SERVER), submitted).await;
        crash::point("tap:submitted");
        Ok(submitted.map_err(|_| Failure::abandoned(Abandonment::Timeout, None))??)
    }

    /// Opens the desktop to her, or closes it after she tapped out.
    fn unlock(&self, session: Session) {
        let _step = self.timeline.step("unlock");
        self.agent.admit(self.purpose, session);
        crash::point("tap:unlocked");
    }

    /// Hands the phone its receipt, after the person was answered. A receipt that does not arrive is in the server's log all the same.
    fn deliver_receipt(&self, contact: Contact, receipt: Vec<u8>) {
        let patience = Duration::from_secs(self.agent.config.limits.receipt_seconds.into());
        let phone = self.entry.phone;
        self.agent.shutdown.spawn(async move {
            match tokio::time::timeout(patience, contact.deliver(receipt)).await {
                Ok(Ok(())) => crash::point("tap:receipt-delivered"),
                Ok(Err(error)) => {
                    tracing::info!(error = with_causes(&error), phone.id = %phone, "no receipt delivered");
                }
                Err(_) => tracing::info!(phone.id = %phone, "no receipt delivered in time"),
            }
        });
    }
}
