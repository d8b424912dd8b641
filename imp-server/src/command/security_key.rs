//! A security key at a workstation: in place of phone and face, with equal rights.
use imp_identity::authentication::{Means, SignInRefusal};
use imp_identity::credential::Credential;
use imp_identity::policy::Circumstances;
use imp_identity::session::Proof;
use imp_identity::tap::Purpose;
use imp_identity::user::User;
use imp_identity::{Actor, Event, UserId, WorkstationId, workstation};
use imp_storage::{StorageError, Transaction};
use imp_webauthn::{Assertion, Authenticated, BeginError, InvalidAnswer, Mediation, RelyingParty};
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
    purpose: Purpose,
    state: String,
}

/// Why it is refused, and whose key it is if that is known.
type Refused = (Option<UserId>, SignInRefusal);

/// Asks whatever key somebody holds. Asking is no event.
pub async fn ask_key(
    context: &mut Context<'_>,
    relying_party: &RelyingParty,
    workstation: WorkstationId,
    purpose: Purpose,
) -> Result<KeyAsked, AskKeyError> {
    let begun = relying_party.begin_authentication(Mediation::Modal)?;
    let mut random = [0; 16];
    context.rng.fill_bytes(&mut random);
    let challenge = uuid::Builder::from_random_bytes(random).into_uuid();
    let expires_at = context.now + LIFETIME;
    let state = serde_json::to_string(&Asked { purpose, state: begun.state })
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
    let mut transaction = context.storage.begin().await?;
    transaction.ceremonies().add(&ceremony).await?;
    transaction.commit().await?;
    Ok(KeyAsked { challenge, options: begun.options, expires_at })
}

/// Decides what a key's answer opens, resumes, confirms or ends.
pub async fn answer_key(
    context: &mut Context<'_>,
    relying_party: &RelyingParty,
    answered: KeyAnswer,
) -> Result<UserSession, AnswerKeyError> {
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
    authenticated: Authenticated,
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
    let Some(credential) = credential else { return Ok(Err((None, SignInRefusal::Unknown))) };
    let user = transaction.users().find(credential.user).await?;
    let user = user.ok_or(StorageError::Corrupt { what: "credentials.user_id" })?;
    let refused = |reason| Ok(Err((Some(user.id), reason)));
    let checked = relying_party.finish_authentication(&answer, &asked.state, &credential, now);
    let authenticated = match checked {
        Ok(authenticated) => authenticated,
        Err(error) => return refused(error.refusal()),
    };
    if !user.is_active() {
        return refused(SignInRefusal::UserDisabled);
    }
    if !allowed(transaction, workstation, &user, (asked.purpose, now)).await? {
        return refused(SignInRefusal::Policy);
    }
    Ok(Ok(Accepted { purpose: asked.purpose, user, credential, authenticated }))
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
) -> Result<Result<UserSession, Refused>, StorageError> {
    let Accepted { purpose, user, mut credential, authenticated } = accepted;
    credential.public_part = authenticated.public_part;
    credential.used_at = Some(context.now);
    transaction.credentials().update(&credential).await?;
    let limits = transaction.policies().current().await?.session;
    let touched = transaction.sessions().touched_by_tap(user.id, workstation).await?;
    let proof = Proof::Authentication(authenticated.authentication);
    let arrival = Arrival { user: user.id, workstation, purpose, proof };
    let Ok(change) = change(arrival, touched, &limits, context.now, &mut context.rng) else {
        return Ok(Err((Some(user.id), SignInRefusal::NoSession)));
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
    Ok(Ok(UserSession { session, user }))
}
