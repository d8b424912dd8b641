//! A security key at a workstation: in place of phone and face, with equal rights.
use imp_identity::authentication::{Means, SignInRefusal};
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::policy::Circumstances;
use imp_identity::session::{OneFactor, Proof};
use imp_identity::tap::Purpose;
use imp_identity::user::User;
use imp_identity::{Actor, Event, Refusal, SessionId, UserId, WorkstationId, workstation};
use imp_storage::{StorageError, Transaction};
use imp_webauthn::{
    Assertion, AuthenticationError, BeginError, InvalidAnswer, Mediation, RelyingParty,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::change_sessions::{Arrival, change};
use super::{Context, UserSession};
use crate::store::{Ceremony, CeremonyKind, Tables as _};

/// How long a key may take to answer: somebody types her PIN.
const LIFETIME: SignedDuration = SignedDuration::from_secs(90);

/// A question to a key.
#[derive(Clone, Debug)]
pub struct KeyAsked {
    /// Names it.
    pub challenge: Uuid,
    /// What a browser would be told.
    pub options: Value,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// A key's answer.
#[derive(Debug)]
pub struct KeyAnswer {
    /// Where it was given.
    pub workstation: WorkstationId,
    /// To which question.
    pub challenge: Uuid,
    /// What the key said.
    pub answer: Value,
}

/// The key is not asked.
#[derive(Debug, thiserror::Error)]
pub enum AskKeyError {
    /// Nobody here can go on by a touch alone.
    #[error("a touch does not suffice here now: use the key with its PIN")]
    Insufficient,
    /// See the source.
    #[error("no key can be asked")]
    Begin(#[from] BeginError),
    /// See the source.
    #[error("could not store the question")]
    Storage(#[from] StorageError),
}

/// The key was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AnswerKeyError {
    /// It is not what a key says.
    #[error(transparent)]
    Invalid(#[from] InvalidAnswer),
    /// The server said no; it is in the log.
    #[error("the security key was refused ({0})")]
    Refused(SignInRefusal),
    /// See the source. Nothing has changed.
    #[error("could not store what the key opened")]
    Storage(#[from] StorageError),
}

/// What is remembered of a question.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// Without one: whatever fits whose key it is.
    purpose: Option<Purpose>,
    state: String,
    /// A touch suffices, to go on with this session.
    #[serde(default)]
    touch: Option<SessionId>,
}

/// Why it is refused, and whose key it is if that is known.
type Refused = (Option<UserId>, SignInRefusal);

/// Asks whatever key somebody holds. Asking is no event.
pub async fn ask_key(
    context: &mut Context<'_>,
    relying_party: &RelyingParty,
    workstation: WorkstationId,
    purpose: Option<Purpose>,
) -> Result<KeyAsked, AskKeyError> {
    let begun = relying_party.begin_authentication(Mediation::Modal)?;
    let mut transaction = context.storage.begin().await?;
    let asked = Asked { purpose, state: begun.state, touch: None };
    let asked = keep(context, &mut transaction, workstation, (asked, begun.options)).await?;
    transaction.commit().await?;
    Ok(asked)
}

/// Asks the keys of whoever was at work in `session` here a moment ago for a touch. Asking is no event.
pub async fn ask_touch(
    context: &mut Context<'_>,
    relying_party: &RelyingParty,
    (workstation, session): (WorkstationId, SessionId),
) -> Result<KeyAsked, AskKeyError> {
    let mut transaction = context.storage.begin().await?;
    let limits = transaction.policies().current().await?.session;
    let (factor, found) = (OneFactor::SecurityKey, transaction.sessions().find(session).await?);
    let found = found
        .filter(|found| found.session.takes_one_factor(factor, workstation, &limits, context.now));
    let Some(UserSession { session, user }) = found else { return Err(AskKeyError::Insufficient) };
    let mut keys = transaction.credentials().of_user(user.id).await?;
    keys.retain(|key| key.kind == CredentialKind::SecurityKey);
    if keys.is_empty() {
        return Err(AskKeyError::Insufficient);
    }
    let begun = relying_party.begin_touch(&keys)?;
    let asked =
        Asked { purpose: Some(Purpose::Unlock), state: begun.state, touch: Some(session.id) };
    let asked = keep(context, &mut transaction, workstation, (asked, begun.options)).await?;
    transaction.commit().await?;
    Ok(asked)
}

/// Remembers a question.
async fn keep(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    workstation: WorkstationId,
    (asked, options): (Asked, Value),
) -> Result<KeyAsked, StorageError> {
    let mut random = [0; 16];
    context.rng.fill_bytes(&mut random);
    let challenge = uuid::Builder::from_random_bytes(random).into_uuid();
    let expires_at = context.now + LIFETIME;
    let state = serde_json::to_string(&asked)
        .map_err(|_| StorageError::Corrupt { what: "ceremonies.ceremony_state" })?;
    let ceremony = Ceremony {
        id: challenge,
        kind: CeremonyKind::Authentication,
        interaction: None,
        user: None,
        workstation: Some(workstation),
        state,
        expires_at,
    };
    transaction.ceremonies().add(&ceremony).await?;
    Ok(KeyAsked { challenge, options, expires_at })
}

/// Decides what a key's answer opens, resumes, confirms or ends.
pub async fn answer_key(
    context: &mut Context<'_>,
    relying_party: &RelyingParty,
    answered: KeyAnswer,
) -> Result<(Purpose, UserSession), AnswerKeyError> {
    let KeyAnswer { workstation, challenge, answer } = answered;
    let answer = Assertion::read(answer)?;
    let mut transaction = context.storage.begin().await?;
    let decided =
        decide(context, &mut transaction, relying_party, (workstation, challenge, answer));
    let result = match decided.await? {
        Ok(accepted) => Ok(accept(context, &mut transaction, workstation, accepted).await?),
        Err(refused) => Err(refused),
    };
    let result = match result {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(refused)) | Err(refused) => {
            let (user, reason) = refused;
            let (means, place) = (Means::SecurityKey, Some(workstation));
            let event = Event::SignInRefused { user, workstation: place, means, reason };
            context.append(&mut transaction, &Actor::Workstation(workstation), event).await?;
            Err(AnswerKeyError::Refused(reason))
        }
    };
    transaction.commit().await?;
    result
}

/// A key that is somebody's, who may use it here.
struct Accepted {
    purpose: Purpose,
    user: User,
    credential: Credential,
    proof: Proof,
}

async fn decide(
    context: &Context<'_>,
    transaction: &mut Transaction,
    relying_party: &RelyingParty,
    (workstation, challenge, answer): (WorkstationId, Uuid, Assertion),
) -> Result<Result<Accepted, Refused>, StorageError> {
    let now = context.now;
    let ceremony = transaction.ceremonies().take(challenge).await?;
    let ours = |asked: &Ceremony| {
        asked.workstation == Some(workstation)
            && asked.kind == CeremonyKind::Authentication
            && now < asked.expires_at
    };
    let Some(ceremony) = ceremony.filter(ours) else {
        return Ok(Err((None, SignInRefusal::Expired)));
    };
    let asked: Asked = serde_json::from_str(&ceremony.state)
        .map_err(|_| StorageError::Corrupt { what: "ceremonies.ceremony_state" })?;
    let credential = transaction.credentials().find_by_handle(answer.handle()).await?;
    let Some(mut credential) = credential else { return Ok(Err((None, SignInRefusal::Unknown))) };
    let user = transaction.users().find(credential.user).await?;
    let user = user.ok_or(StorageError::Corrupt { what: "credentials.user_id" })?;
    let refused = |reason| Ok(Err((Some(user.id), reason)));
    let proof = match check(relying_party, &answer, &asked, (&mut credential, now)) {
        Ok(proof) => proof,
        Err(error) => return refused(error.refusal()),
    };
    if !user.is_active() {
        return refused(SignInRefusal::UserDisabled);
    }
    let purpose = match asked.purpose {
        Some(purpose) => purpose,
        None => fitting(transaction, workstation, user.id, now).await?,
    };
    if !allowed(transaction, workstation, &user, (purpose, now)).await? {
        return refused(SignInRefusal::Policy);
    }
    if let Some(touch) = asked.touch {
        let found = transaction.sessions().find(touch).await?;
        if found.is_none_or(|found| found.session.user != user.id) {
            return refused(SignInRefusal::NoSession);
        }
    }
    Ok(Ok(Accepted { purpose, user, credential, proof }))
}

/// What she wants who named no purpose: to go on where she was locked out, else to begin.
async fn fitting(
    transaction: &mut Transaction,
    workstation: WorkstationId,
    user: UserId,
    now: Timestamp,
) -> Result<Purpose, StorageError> {
    let own = transaction.sessions().open_of_user(user).await?;
    let locked = own.iter().any(|own| own.workstation == workstation && own.is_resumable(now));
    Ok(if locked { Purpose::Unlock } else { Purpose::TapIn })
}

/// What the key's answer proves; its counter moves.
fn check(
    relying_party: &RelyingParty,
    answer: &Assertion,
    asked: &Asked,
    (credential, now): (&mut Credential, Timestamp),
) -> Result<Proof, AuthenticationError> {
    if asked.touch.is_some() {
        let touched = relying_party.finish_touch(answer, &asked.state, credential)?;
        credential.public_part = touched.public_part;
        return Ok(Proof::OneFactor(OneFactor::SecurityKey, touched.methods));
    }
    let checked = relying_party.finish_authentication(answer, &asked.state, credential, now)?;
    credential.public_part = checked.public_part;
    Ok(Proof::Authentication(checked.authentication))
}

/// Whether the rules of taps let her in here and now.
async fn allowed(
    transaction: &mut Transaction,
    workstation: WorkstationId,
    user: &User,
    (purpose, at): (Purpose, Timestamp),
) -> Result<bool, StorageError> {
    let policy = transaction.policies().current().await?;
    let Some(desk) = transaction.workstations().find(workstation).await? else { return Ok(false) };
    let circumstances = Circumstances {
        role: user.role,
        user_unit: user.unit.as_ref(),
        workstation_unit: desk.unit.as_ref(),
        purpose,
        at,
    };
    let enrolled = matches!(desk.state, workstation::State::Enrolled { .. });
    Ok(enrolled && policy.allows(&circumstances).is_ok())
}

async fn accept(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    workstation: WorkstationId,
    accepted: Accepted,
) -> Result<Result<(Purpose, UserSession), Refused>, StorageError> {
    let Accepted { purpose, user, mut credential, proof } = accepted;
    credential.used_at = Some(context.now);
    transaction.credentials().update(&credential).await?;
    let limits = transaction.policies().current().await?.session;
    let touched = transaction.sessions().touched_by_tap(user.id, workstation).await?;
    let touch = matches!(proof, Proof::OneFactor(..));
    let arrival = Arrival { user: user.id, workstation, purpose, proof };
    let change = match change(arrival, touched, &limits, context.now, &mut context.rng) {
        Ok(change) => change,
        // She has to show that it is she.
        Err(Refusal::OneFactorInsufficient) => {
            return Ok(Err((Some(user.id), SignInRefusal::NotVerified)));
        }
        Err(_) => return Ok(Err((Some(user.id), SignInRefusal::NoSession))),
    };
    let actor = Actor::Workstation(workstation);
    let session = change.store(context, transaction, &actor, limits.on_suspend).await?;
    let event = Event::SecurityKeyAccepted {
        credential: credential.id,
        user: user.id,
        workstation,
        purpose,
        session: session.id,
    };
    context.append(transaction, &actor, event).await?;
    if touch {
        let event = Event::SessionReauthenticated {
            session: session.id,
            user: user.id,
            workstation,
            means: OneFactor::SecurityKey,
        };
        context.append(transaction, &actor, event).await?;
    }
    Ok(Ok((purpose, UserSession { session, user })))
}
