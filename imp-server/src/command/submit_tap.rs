//! The tap: two signed statements, one decision, one transaction.
//!
//! The challenge is used up, the session changed and the events appended together or not at all. A workstation that did
//! not get the answer submits the same bytes again and gets the same answer while the challenge counts; anything else
//! that answers a used challenge is a replay.
use imp_authenticator::{Claims, Knowledge, SignError, VerifiedTap};
use imp_identity::authentication::Authentication;
use imp_identity::challenge::Challenge;
use imp_identity::event::TapFacts;
use imp_identity::session::{Proof, Session};
use imp_identity::tap::{Outcome, Tap};
use imp_identity::user::User;
use imp_identity::{Actor, Digest, Event, Refusal, TapId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::Context;
use super::change_sessions::{Arrival, Change, change};
use super::receipt::About;
use crate::store::{Answer, Tables as _, TapKnowledge, UserSession};

mod presence;
mod refuse;

pub use presence::{Presence, submit_presence};

/// What a workstation submits.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The workstation, as its certificate says.
    pub workstation: WorkstationId,
    /// The tap.
    pub tap: TapId,
    /// The phone's tap statement, `COSE_Sign1`.
    pub statement: &'a [u8],
    /// The workstation's match evidence, `COSE_Sign1`.
    pub evidence: &'a [u8],
}

/// The tap was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapAccepted {
    /// The session that was opened, resumed, stepped up or ended.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// The server's signed receipt, `COSE_Sign1`.
    pub receipt: Vec<u8>,
}

/// The tap was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitTapError {
    /// The server said no; it is in the log.
    #[error("{}", .0.explain())]
    Refused(Refusal),
    /// See the source. Nothing has changed.
    #[error("could not sign the receipt")]
    Sign(#[from] SignError),
    /// See the source. Nothing has changed.
    #[error("could not store the tap")]
    Storage(#[from] StorageError),
}

impl Submission<'_> {
    fn digest(&self) -> Digest {
        let length = (self.statement.len() as u64).to_be_bytes();
        Digest::of(&[&length, self.statement, self.evidence])
    }
}

/// Decides a tap.
pub async fn submit_tap(
    context: &mut Context<'_>,
    submission: Submission<'_>,
) -> Result<TapAccepted, SubmitTapError> {
    // What needs no lock comes before it.
    let claims = Claims::parse(submission.statement, submission.evidence);
    let digest = submission.digest();
    let mut transaction = context.storage.begin().await?;
    let Submission { workstation, tap, .. } = submission;
    let Some((challenge, answer, known)) =
        transaction.challenges().knowledge(tap, workstation).await?
    else {
        refuse::unknown(context, &mut transaction, (tap, workstation)).await?;
        transaction.commit().await?;
        return Err(SubmitTapError::Refused(Refusal::ChallengeUnknown));
    };
    let repeated = challenge.workstation == workstation && context.now < challenge.expires_at;
    if let Some(answer) = answer.filter(|answer| repeated && answer.submission == digest) {
        return repeat(&mut transaction, tap, answer).await;
    }
    let verdict = verify(context, &mut transaction, claims, &challenge, &known).await?;
    let verdict = match verdict {
        Ok(tap) => decide(context, &mut transaction, &tap, &known).await?.map(|made| (tap, made)),
        Err(reason) => Err(reason),
    };
    let result = match verdict {
        Ok((tap, change)) => {
            let accepted = Accepted { challenge: &challenge, known, tap, change, digest };
            Ok(accept(context, &mut transaction, accepted).await?)
        }
        Err(reason) => {
            refuse::known(context, &mut transaction, &challenge, &known, (digest, reason)).await?;
            Err(SubmitTapError::Refused(reason))
        }
    };
    transaction.commit().await?;
    result
}

/// Answers what was answered before.
async fn repeat(
    transaction: &mut Transaction,
    tap: TapId,
    answer: Answer,
) -> Result<TapAccepted, SubmitTapError> {
    let used = SubmitTapError::Refused(Refusal::ChallengeUsed);
    let Some(tap) = transaction.taps().find(tap).await? else { return Err(used) };
    match (tap.outcome, answer.receipt) {
        (Outcome::Accepted { session }, Some(receipt)) => {
            let found = transaction.sessions().find(session).await?;
            let UserSession { session, user } = found.ok_or(used)?;
            Ok(TapAccepted { session, user, receipt })
        }
        (Outcome::Refused { reason }, _) => Err(SubmitTapError::Refused(reason)),
        (Outcome::Accepted { .. } | Outcome::Abandoned { .. }, _) => Err(used),
    }
}

async fn verify(
    context: &Context<'_>,
    transaction: &mut Transaction,
    claims: Result<Claims, Refusal>,
    challenge: &Challenge,
    known: &TapKnowledge,
) -> Result<Result<VerifiedTap, Refusal>, StorageError> {
    let claims = match claims {
        Ok(claims) => claims,
        Err(reason) => return Ok(Err(reason)),
    };
    let other = if claims.statement_nonce() == challenge.nonce {
        None
    } else {
        Some(transaction.challenges().find_by_nonce(claims.statement_nonce()).await?)
    };
    let knowledge = Knowledge {
        trust_domain: context.trust_domain,
        workstation: &known.workstation,
        phone: &known.phone,
        user: &known.user,
        reference: known.reference.as_ref(),
        challenge,
        statement_challenge: other.as_ref().map_or(Some(challenge), Option::as_ref),
        attempts: &known.attempts,
        policy: &known.policy,
    };
    Ok(claims.verify(&knowledge, context.now))
}

/// What the tap does to sessions; nothing is stored yet.
async fn decide(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    tap: &VerifiedTap,
    known: &TapKnowledge,
) -> Result<Result<Change, Refusal>, StorageError> {
    let touched = transaction.sessions().touched_by_tap(tap.user(), tap.workstation()).await?;
    let arrival = Arrival {
        user: tap.user(),
        workstation: tap.workstation(),
        purpose: tap.purpose(),
        proof: Proof::Authentication(Authentication::tap(context.now)),
    };
    Ok(change(arrival, touched, &known.policy.session, context.now, &mut context.rng))
}

struct Accepted<'a> {
    challenge: &'a Challenge,
    known: TapKnowledge,
    tap: VerifiedTap,
    change: Change,
    digest: Digest,
}

async fn accept(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    accepted: Accepted<'_>,
) -> Result<TapAccepted, SubmitTapError> {
    let Accepted { challenge, known, tap, change, digest } = accepted;
    let actor = Actor::Workstation(tap.workstation());
    let on_suspend = known.policy.session.on_suspend;
    let session = change.store(context, transaction, &actor, on_suspend).await?;
    if known.attempts.failures > 0 {
        transaction.attempts().put(&known.attempts.reset()).await?;
    }
    let event = Event::TapAccepted(Box::new(facts(challenge.tap, &tap, &session)));
    let kind = event.name();
    let appended = context.append(transaction, &actor, event).await?;
    let about = About {
        kind,
        user: Some(tap.user()),
        workstation: Some(&known.workstation),
        purpose: Some(tap.purpose()),
        session: Some(session.id),
    };
    let receipt = context.receipt(appended, &about)?;
    let outcome = Outcome::Accepted { session: session.id };
    transaction.taps().add(&decided(challenge, known.user.id, outcome, context.now)).await?;
    let answer = Answer { submission: digest, receipt: Some(receipt.clone()) };
    transaction.challenges().answer(challenge.tap, Some(&answer), context.now).await?;
    Ok(TapAccepted { session, user: known.user, receipt })
}

fn facts(id: TapId, tap: &VerifiedTap, session: &Session) -> TapFacts {
    TapFacts {
        tap: id,
        workstation: tap.workstation(),
        phone: tap.phone(),
        user: tap.user(),
        purpose: tap.purpose(),
        session: session.id,
        model_set: tap.model_set().to_owned(),
        mask: tap.mask(),
        steps: tap.steps().to_vec(),
    }
}

fn decided(
    challenge: &Challenge,
    user: imp_identity::UserId,
    outcome: Outcome,
    at: jiff::Timestamp,
) -> Tap {
    Tap {
        id: challenge.tap,
        workstation: challenge.workstation,
        phone: Some(challenge.phone),
        user: Some(user),
        purpose: challenge.purpose,
        at,
        outcome,
    }
}
