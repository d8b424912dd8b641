//! Handing the session of a desktop over to the browser that stands on it.
//!
//! Two secrets have to meet: the code that is made here, which only the workstation's agent is told, and the cookie that
//! binds the interaction to the browser that was asked. Either alone is worth nothing.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::authentication::{Authentication, Means, SignInRefusal};
use imp_identity::name::Label;
use imp_identity::sign_on::answers;
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Digest, Event, InteractionId, Secret, SessionId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::store::{Handover, Tables as _, UserSession};

/// How long a code counts: the browser is at the next room's distance at most.
const LIFETIME: SignedDuration = SignedDuration::from_secs(30);

/// A code for one browser.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// Shown once.
    pub code: Secret<String>,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// What a browser takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desktop {
    /// The session of the desktop.
    pub session: SessionId,
    /// Where.
    pub workstation: WorkstationId,
    /// Who is at work there.
    pub user: UserId,
    /// How she was authenticated.
    pub authentication: Authentication,
    /// The end of the session, whatever happens.
    pub expires_at: Timestamp,
}

/// No code was made.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// Nobody is at work at this workstation, or the desktop is locked.
    #[error("nobody is signed in at this workstation")]
    NoSession,
    /// There is no such interaction, or not any more.
    #[error("there is no such interaction")]
    NoInteraction,
    /// What the application requires is more than, or newer than, the session has.
    #[error("{application} asks you to confirm that it is you.")]
    StepUpRequired {
        /// The tap that brings it.
        purpose: Purpose,
        /// What the application is called.
        application: Label,
    },
    /// See the source.
    #[error("could not store the handover")]
    Storage(#[from] StorageError),
}

/// Makes a code for the browser that was asked to do `interaction`, unless its desktop is locked. That it asked is no event: that it was signed on is one.
pub async fn hand_over(
    context: &mut Context<'_>,
    workstation: WorkstationId,
    (interaction, locked): (InteractionId, bool),
) -> Result<HandedOver, HandOverError> {
    let mut transaction = context.storage.begin().await?;
    let now = context.now;
    let asked = transaction.interactions().find(interaction).await?;
    let asked = asked.filter(|asked| now < asked.expires_at && asked.failure.is_none());
    let asked = asked.ok_or(HandOverError::NoInteraction)?;
    // Whatever comes of it: by whatever way she signs on now, she does it here.
    transaction.interactions().place(interaction, workstation).await?;
    if locked {
        transaction.commit().await?;
        return Err(HandOverError::NoSession);
    }
    let desktop = transaction.sessions().open_at(workstation).await?;
    let desktop = desktop.into_iter().find(|found| found.session.is_active(now));
    let Some(UserSession { session, .. }) = desktop.filter(|found| found.user.is_active()) else {
        refuse(context, &mut transaction, workstation).await?;
        transaction.commit().await?;
        return Err(HandOverError::NoSession);
    };
    // What she did since the application asked is as fresh as can be asked for.
    let requirements = asked.requirements;
    if !answers(&requirements, &session.authentication, asked.asked_at, now) {
        let application = requirements.client_name;
        transaction.commit().await?;
        return Err(HandOverError::StepUpRequired { purpose: Purpose::StepUp, application });
    }
    let (code, digest) = draw(context);
    let expires_at = now + LIFETIME;
    let handover = Handover { code: digest, interaction, session: session.id, expires_at };
    transaction.handovers().add(&handover).await?;
    transaction.sessions().touch(session.id, workstation, now).await?;
    transaction.commit().await?;
    Ok(HandedOver { code, expires_at })
}

/// Takes a code from the browser that was asked to do `interaction`; the caller has made sure that it is that browser.
/// `None`: it is not a code, was used, has expired, is another interaction's, or the desktop was locked since.
pub async fn redeem_handover(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    interaction: InteractionId,
    code: &str,
) -> Result<Option<Desktop>, StorageError> {
    let now = context.now;
    let handover = transaction.handovers().take(digest(code)).await?;
    let meant = |taken: &Handover| taken.interaction == interaction && now < taken.expires_at;
    let Some(handover) = handover.filter(meant) else { return Ok(None) };
    let found = transaction.sessions().find(handover.session).await?;
    let found = found.filter(|found| found.session.is_active(now) && found.user.is_active());
    let Some(UserSession { session, .. }) = found else { return Ok(None) };
    Ok(Some(Desktop {
        session: session.id,
        workstation: session.workstation,
        user: session.user,
        authentication: session.authentication,
        expires_at: session.expires_at,
    }))
}

/// A code of 256 bits, and the digest that is stored.
fn draw(context: &mut Context<'_>) -> (Secret<String>, Digest) {
    let mut random = zeroize::Zeroizing::new([0; 32]);
    context.rng.fill_bytes(random.as_mut_slice());
    let code = BASE64URL_NOPAD.encode(random.as_slice());
    let digest = digest(&code);
    (Secret::new(code), digest)
}

/// A code has 256 random bits, so a plain digest suffices.
fn digest(code: &str) -> Digest {
    Digest::of(&[b"imp handover", code.as_bytes()])
}

async fn refuse(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    workstation: WorkstationId,
) -> Result<(), StorageError> {
    let event = Event::SignInRefused {
        user: None,
        workstation: Some(workstation),
        means: Means::Workstation,
        reason: SignInRefusal::NoSession,
    };
    context.append(transaction, &Actor::Workstation(workstation), event).await?;
    Ok(())
}
