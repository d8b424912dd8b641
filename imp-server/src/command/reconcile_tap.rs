//! A tap that a workstation decided while this server could not be reached: verified again, and told to the log once.
//!
//! Two questions are asked of it. Do the statements hold, by the keys and the reference that there were? Then the desktop was rightly opened, and
//! the log says `accepted`. And does it stand by what counts now? Only then there is a session: whoever was disabled meanwhile has none, and a
//! rule of the review (`offline-leaver`) shows the entry to the security team.
use imp_authenticator::journal::{ChainError, Follows, InvalidEntry, JournalEntry, JournalHead};
use imp_authenticator::{Claims, Knowledge, VerifiedTap};
use imp_identity::attempts::Attempts;
use imp_identity::authentication::Authentication;
use imp_identity::challenge::Challenge;
use imp_identity::phone::{self, Binding};
use imp_identity::policy::Policy;
use imp_identity::reference;
use imp_identity::session::{Proof, Session};
use imp_identity::tap::{Outcome, Tap};
use imp_identity::user::{self, User};
use imp_identity::{
    Actor, ChallengeId, Digest, Event, Refusal, SessionId, TapId, WorkstationId, event,
};
use imp_storage::{StorageError, Transaction};
use jiff::SignedDuration;

use super::Context;
use super::change_sessions::{Arrival, change};
use crate::store::{Tables as _, TapKnowledge, UserSession};

/// Longer than any policy lets a workstation decide on its own.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 3);

/// A tap that is in the log now, or was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Its place in the journal.
    pub sequence: u64,
    /// The tap.
    pub tap: TapId,
    /// The session that stands, and whose it is; or why there is none.
    pub standing: Result<(Session, User), Refusal>,
}

/// An entry of a journal is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileTapError {
    /// It is none, or another workstation's.
    #[error("this is not an entry of this workstation's journal")]
    Invalid(#[from] InvalidEntry),
    /// It does not follow what was taken in before.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// See the source. Nothing has changed.
    #[error("could not store the tap")]
    Storage(#[from] StorageError),
}

/// Takes in the next entry of a workstation's journal. One that was taken in before is answered as it was then.
pub async fn reconcile_tap(
    context: &mut Context<'_>,
    workstation: WorkstationId,
    bytes: &[u8],
) -> Result<Reconciled, ReconcileTapError> {
    let entry = JournalEntry::read(bytes)?;
    if entry.workstation != workstation {
        return Err(InvalidEntry.into());
    }
    let mut transaction = context.storage.begin().await?;
    let head = transaction.journals().find(workstation).await?;
    let known = transaction.taps().find(entry.tap).await?;
    if known.as_ref().is_some_and(|known| known.workstation != workstation) {
        return Err(ChainError::Fork.into());
    }
    if entry.follows(head.as_ref())? == Follows::Before {
        let known = known.ok_or(ChainError::Fork)?;
        return Ok(answer(&entry, standing(&mut transaction, known.outcome).await?));
    }
    let standing = match known.map(|known| known.outcome) {
        // Decided here, and the answer was lost: it is in the log.
        Some(outcome @ Outcome::Accepted { .. }) if entry.refused.is_none() => {
            standing(&mut transaction, outcome).await?
        }
        known => decide(context, &mut transaction, &entry, known.is_some()).await?,
    };
    let JournalEntry { journal, sequence, .. } = entry;
    let head = JournalHead { journal, sequence, last: Digest::of(&[bytes]) };
    transaction.journals().put(workstation, &head).await?;
    transaction.commit().await?;
    Ok(answer(&entry, standing))
}

const fn answer(entry: &JournalEntry, standing: Standing) -> Reconciled {
    Reconciled { sequence: entry.sequence, tap: entry.tap, standing }
}

type Standing = Result<(Session, User), Refusal>;

/// What became of a tap that was decided before.
async fn standing(
    transaction: &mut Transaction,
    outcome: Outcome,
) -> Result<Standing, StorageError> {
    match outcome {
        Outcome::Accepted { session } => {
            let found = transaction.sessions().find(session).await?;
            let found = found.map(|UserSession { session, user }| (session, user));
            Ok(found.ok_or(Refusal::NoSession))
        }
        Outcome::Refused { reason } => Ok(Err(reason)),
        Outcome::Abandoned { .. } => Ok(Err(Refusal::NoSession)),
    }
}

/// What is to be said of an entry.
struct Judged {
    /// Whether the statements hold, as it was then.
    held: Result<(), Refusal>,
    /// Whether it stands by what counts now.
    stands: Result<VerifiedTap, Refusal>,
}

async fn decide(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    entry: &JournalEntry,
    is_known: bool,
) -> Result<Standing, StorageError> {
    let known = transaction.phones().knowledge(entry.workstation, entry.phone).await?;
    let Some(known) = known.filter(|known| known.user.id == entry.user) else {
        record(context, transaction, entry, event::Outcome::Refused).await?;
        let tap = Tap { phone: None, user: None, ..decided(entry, Err(Refusal::PhoneUnknown)) };
        if !is_known {
            transaction.taps().add(&tap).await?;
        }
        return Ok(Err(Refusal::PhoneUnknown));
    };
    let judged = judge(context, transaction, entry, &known).await?;
    let (outcome, standing) = match (entry.refused, judged.held, judged.stands) {
        (Some(reason), held, _) => {
            if held == Err(reason) && is_comparison(reason) {
                count(context, transaction, &known.attempts).await?;
            }
            (event::Outcome::Refused, Err(reason))
        }
        (None, Err(reason), _) => (event::Outcome::Refused, Err(reason)),
        (None, Ok(()), Err(reason)) => (event::Outcome::Accepted, Err(reason)),
        (None, Ok(()), Ok(tap)) => {
            let session = arrive(context, transaction, &tap, &known).await?;
            (event::Outcome::Accepted, session.map(|session| (session, known.user.clone())))
        }
    };
    record(context, transaction, entry, outcome).await?;
    if !is_known {
        let session = standing.as_ref().map(|(session, _)| session.id).map_err(|reason| *reason);
        transaction.taps().add(&decided(entry, session)).await?;
    }
    Ok(standing)
}

/// The tap, as it is known by its name from now on.
fn decided(entry: &JournalEntry, standing: Result<SessionId, Refusal>) -> Tap {
    Tap {
        id: entry.tap,
        workstation: entry.workstation,
        phone: Some(entry.phone),
        user: Some(entry.user),
        purpose: entry.purpose,
        at: entry.decided_at,
        outcome: match standing {
            Ok(session) => Outcome::Accepted { session },
            Err(reason) => Outcome::Refused { reason },
        },
    }
}

/// What the tap does to sessions, now.
async fn arrive(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    tap: &VerifiedTap,
    known: &TapKnowledge,
) -> Result<Result<Session, Refusal>, StorageError> {
    let (user, workstation) = (tap.user(), tap.workstation());
    let touched = transaction.sessions().touched_by_tap(user, workstation).await?;
    let proof = Proof::Authentication(Authentication::tap(context.now));
    let arrival = Arrival { user, workstation, purpose: tap.purpose(), proof };
    let limits = &known.policy.session;
    let changed = change(arrival, touched, limits, context.now, &mut context.rng);
    let change = match changed {
        Ok(change) => change,
        Err(reason) => return Ok(Err(reason)),
    };
    let actor = Actor::Workstation(workstation);
    let session = change.store(context, transaction, &actor, limits.on_suspend).await?;
    if known.attempts.failures > 0 {
        transaction.attempts().put(&known.attempts.reset()).await?;
    }
    Ok(Ok(session))
}

async fn record(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    entry: &JournalEntry,
    outcome: event::Outcome,
) -> Result<(), StorageError> {
    let event = Event::OfflineTapReconciled {
        tap: entry.tap,
        workstation: entry.workstation,
        phone: entry.phone,
        user: entry.user,
        purpose: entry.purpose,
        decided_at: entry.decided_at,
        outcome,
    };
    context.append(transaction, &Actor::Workstation(entry.workstation), event).await?;
    Ok(())
}

async fn count(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    attempts: &Attempts,
) -> Result<(), StorageError> {
    let (attempts, event) = attempts.failed(context.now);
    transaction.attempts().put(&attempts).await?;
    if let Some(event) = event {
        context.append(transaction, &Actor::Server, event).await?;
    }
    Ok(())
}

const fn is_comparison(reason: Refusal) -> bool {
    matches!(reason, Refusal::ComparisonFailed | Refusal::PresentationAttack)
}

async fn judge(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    entry: &JournalEntry,
    known: &TapKnowledge,
) -> Result<Judged, StorageError> {
    let refused = |reason| Judged { held: Err(reason), stands: Err(reason) };
    let Some(challenge) = use_up(context, transaction, entry).await? else {
        return Ok(refused(Refusal::ChallengeUsed));
    };
    let tolerance = known.policy.clock_tolerance;
    let age = entry.decided_at.duration_since(entry.roster_issued_at);
    if entry.decided_at.duration_since(context.now) > tolerance
        || age < -tolerance
        || age > LONGEST + tolerance
    {
        return Ok(refused(Refusal::ClockSkew));
    }
    let claims = match Claims::parse(&entry.statement, &entry.evidence) {
        Ok(claims) => claims,
        Err(reason) => return Ok(refused(reason)),
    };
    let trust_domain = context.trust_domain;
    let verify = |known: &TapKnowledge| {
        let knowledge = Knowledge {
            trust_domain,
            workstation: &known.workstation,
            phone: &known.phone,
            user: &known.user,
            reference: known.reference.as_ref(),
            challenge: &challenge,
            statement_challenge: Some(&challenge),
            attempts: &known.attempts,
            policy: &known.policy,
        };
        claims.clone().verify(&knowledge, entry.decided_at)
    };
    let stands = verify(known);
    let held = match &stands {
        Ok(_) => Ok(()),
        Err(_) => verify(&as_it_was(transaction, entry, known).await?).map(drop),
    };
    Ok(Judged { held, stands })
}

/// Uses up the challenge of an entry, which the workstation drew or was given; `None` if it was used for another tap.
async fn use_up(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    entry: &JournalEntry,
) -> Result<Option<Challenge>, StorageError> {
    let challenge = Challenge {
        id: ChallengeId::generate(context.now, &mut context.rng),
        tap: entry.tap,
        nonce: Digest::of(&[&entry.challenge]),
        workstation: entry.workstation,
        phone: entry.phone,
        purpose: entry.purpose,
        expires_at: entry.challenge_expires_at,
        used_at: None,
    };
    let same = |found: &Challenge| found.tap == challenge.tap && found.nonce == challenge.nonce;
    let by_nonce = transaction.challenges().find_by_nonce(challenge.nonce).await?;
    let by_tap = transaction.challenges().find(challenge.tap).await?;
    if by_nonce.iter().chain(&by_tap).any(|found| !same(found)) {
        return Ok(None);
    }
    if by_tap.is_none() {
        transaction.challenges().add(&challenge).await?;
    }
    transaction.challenges().answer(challenge.tap, None, context.now).await?;
    Ok(Some(challenge))
}

/// What the workstation knew: the phone was bound, the person active, the reference in use, and the rules of then allowed it.
async fn as_it_was(
    transaction: &mut Transaction,
    entry: &JournalEntry,
    known: &TapKnowledge,
) -> Result<TapKnowledge, StorageError> {
    let mut was = known.clone();
    was.user.state = user::State::Active;
    was.attempts = Attempts::none(known.user.id);
    was.policy = Policy { rules: vec![], model_sets: vec![], ..known.policy.clone() };
    if was.phone.binding().is_none()
        && let Some(public_key) = transaction.phones().key(entry.phone).await?
    {
        let at = entry.roster_issued_at;
        let binding = Binding { public_key, identifier_key: [0; 32], at };
        was.phone.state = phone::State::Bound(binding);
    }
    was.reference = transaction.references().find(entry.reference).await?;
    if let Some(reference) = &mut was.reference {
        reference.state = reference::State::Active;
    }
    Ok(was)
}
