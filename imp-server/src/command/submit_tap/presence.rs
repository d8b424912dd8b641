//! A phone that is near, without a face: one factor, for a session that was locked a moment ago.
//!
//! It uses up a challenge as a tap does, and is answered again as a tap is.
use imp_authenticator::{Knowledge, PresenceClaims, VerifiedPresence};
use imp_identity::authentication::Method;
use imp_identity::challenge::Challenge;
use imp_identity::session::{OneFactor, Proof};
use imp_identity::tap::{Intent, Outcome, Purpose};
use imp_identity::{Actor, Digest, Event, Refusal, TapId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::{SubmitTapError, TapAccepted, decided, refuse, repeat};
use crate::command::Context;
use crate::command::change_sessions::{Arrival, Change, change};
use crate::command::receipt::About;
use crate::store::{Answer, Tables as _, TapKnowledge};

/// What a workstation submits.
#[derive(Clone, Copy, Debug)]
pub struct Presence<'a> {
    /// The workstation, as its certificate says.
    pub workstation: WorkstationId,
    /// The tap.
    pub tap: TapId,
    /// The phone's presence statement, `COSE_Sign1`.
    pub statement: &'a [u8],
    /// The TLS exporter value of the workstation's session with the phone.
    pub exporter: [u8; 32],
}

impl Presence<'_> {
    fn digest(&self) -> Digest {
        let length = (self.statement.len() as u64).to_be_bytes();
        Digest::of(&[&length, self.statement, &self.exporter])
    }
}

/// Decides whether the phone alone lets its owner in again.
pub async fn submit_presence(
    context: &mut Context<'_>,
    presence: Presence<'_>,
) -> Result<TapAccepted, SubmitTapError> {
    let claims = PresenceClaims::parse(presence.statement);
    let digest = presence.digest();
    let mut transaction = context.storage.begin().await?;
    let Presence { workstation, tap, .. } = presence;
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
    let claimed = (claims, &presence.exporter);
    let decided = decide(context, &mut transaction, claimed, (&challenge, &known)).await?;
    let result = match decided {
        Ok((verified, change)) => {
            let accepted = Accepted { challenge: &challenge, known, verified, change, digest };
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

async fn decide(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    (claims, exporter): (Result<PresenceClaims, Refusal>, &[u8; 32]),
    (challenge, known): (&Challenge, &TapKnowledge),
) -> Result<Result<(VerifiedPresence, Change), Refusal>, StorageError> {
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
    let verified = match claims.verify(exporter, &knowledge, context.now) {
        Ok(verified) => verified,
        Err(reason) => return Ok(Err(reason)),
    };
    let (user, workstation) = (verified.user(), verified.workstation());
    let touched = transaction.sessions().touched_by_tap(user, workstation).await?;
    let proof = Proof::OneFactor(OneFactor::Phone, shown(verified.intent()));
    let arrival = Arrival { user, workstation, purpose: Purpose::Unlock, proof };
    let limits = &known.policy.session;
    Ok(change(arrival, touched, limits, context.now, &mut context.rng)
        .map(|change| (verified, change)))
}

/// The phone's key; and somebody at the phone, only if the phone saw a press.
fn shown(intent: Intent) -> Vec<Method> {
    match intent {
        Intent::Phone => vec![Method::HardwareKey, Method::Presence],
        Intent::Screen | Intent::Key => vec![Method::HardwareKey],
    }
}

struct Accepted<'a> {
    challenge: &'a Challenge,
    known: TapKnowledge,
    verified: VerifiedPresence,
    change: Change,
    digest: Digest,
}

async fn accept(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    accepted: Accepted<'_>,
) -> Result<TapAccepted, SubmitTapError> {
    let Accepted { challenge, known, verified, change, digest } = accepted;
    let workstation = verified.workstation();
    let actor = Actor::Workstation(workstation);
    let on_suspend = known.policy.session.on_suspend;
    let session = change.store(context, transaction, &actor, on_suspend).await?;
    let event = Event::SessionReauthenticated {
        session: session.id,
        user: verified.user(),
        workstation,
        means: OneFactor::Phone,
    };
    let kind = event.name();
    let appended = context.append(transaction, &actor, event).await?;
    let about = About {
        kind,
        user: Some(verified.user()),
        workstation: Some(&known.workstation),
        purpose: None,
        session: Some(session.id),
    };
    let receipt = context.receipt(appended, &about)?;
    let outcome = Outcome::Accepted { session: session.id };
    transaction.taps().add(&decided(challenge, known.user.id, outcome, context.now)).await?;
    let answer = Answer { submission: digest, receipt: Some(receipt.clone()) };
    transaction.challenges().answer(challenge.tap, Some(&answer), context.now).await?;
    Ok(TapAccepted { session, user: known.user, receipt })
}
