//! Refusing a submitted tap.
use imp_identity::challenge::Challenge;
use imp_identity::tap::Outcome;
use imp_identity::{Actor, Digest, Event, Refusal, TapId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::decided;
use crate::command::Context;
use crate::store::{Answer, Tables as _, TapKnowledge};

/// Records the submission of a tap that was never opened, or whose challenge was purged.
pub(super) async fn unknown(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    (tap, workstation): (TapId, WorkstationId),
) -> Result<(), StorageError> {
    let event = Event::TapRefused {
        tap,
        workstation,
        phone: None,
        user: None,
        purpose: None,
        reason: Refusal::ChallengeUnknown,
    };
    let actor = Actor::Workstation(workstation);
    context.append(transaction, &actor, event).await?;
    Ok(())
}

/// Records a refusal, uses up the challenge if the submitter was the one who was asked, and counts failed comparisons.
pub(super) async fn known(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    challenge: &Challenge,
    known: &TapKnowledge,
    (submission, reason): (Digest, Refusal),
) -> Result<(), StorageError> {
    let workstation = known.workstation.id;
    if challenge.used_at.is_none() && challenge.workstation == workstation {
        let answer = Answer { submission, receipt: None };
        transaction.challenges().answer(challenge.tap, Some(&answer), context.now).await?;
        let outcome = Outcome::Refused { reason };
        transaction.taps().add(&decided(challenge, known.user.id, outcome, context.now)).await?;
    }
    let actor = Actor::Workstation(workstation);
    let event = Event::TapRefused {
        tap: challenge.tap,
        workstation,
        phone: Some(challenge.phone),
        user: Some(known.user.id),
        purpose: Some(challenge.purpose),
        reason,
    };
    context.append(transaction, &actor, event).await?;
    if counts_as_attempt(reason) {
        let (attempts, event) = known.attempts.failed(context.now);
        transaction.attempts().put(&attempts).await?;
        if let Some(event) = event {
            context.append(transaction, &actor, event).await?;
        }
    }
    Ok(())
}

/// Whether a face was compared and did not pass. Both are decided only after every signature has verified, so nobody
/// can use up another person's attempts without her phone.
const fn counts_as_attempt(reason: Refusal) -> bool {
    matches!(reason, Refusal::ComparisonFailed | Refusal::PresentationAttack)
}
