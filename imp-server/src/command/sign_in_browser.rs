//! Signing a browser on by a passkey, a desktop's handover or an officer's code.
use imp_identity::authentication::{Aal, Authentication, Means, Method, SignInRefusal};
use imp_identity::invitation::Code;
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_identity::{
    Actor, Event, InteractionId, Secret, SessionId, SignOnId, UserId, WorkstationId,
};
use imp_storage::{StorageError, Transaction};
use imp_webauthn::{Assertion, BeginError, Mediation, RelyingParty};
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

use super::Context;
use super::interaction::{self, Interaction, InteractionError};
use super::sign_on::{NewSignOn, establish_sign_on};
use crate::store::{Ceremony, CeremonyKind, Tables as _};

/// How long an authenticator may take (WebAuthn L3 §15.1 recommends five minutes).
pub(super) const CEREMONY: SignedDuration = SignedDuration::from_mins(5);

/// A browser that answers.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// What it was asked to do.
    pub interaction: InteractionId,
    /// What it holds to show that it was asked.
    pub binding: Option<&'a str>,
    /// What it is signed on as.
    pub before: Option<SignOnId>,
}

/// A browser is signed on.
#[derive(Debug)]
pub struct SignedOn {
    /// As whom.
    pub sign_on: SignOn,
    /// What goes into its cookie.
    pub cookie: Secret<String>,
}

/// A question to an authenticator.
#[derive(Debug)]
pub struct Asked {
    /// Names it.
    pub ceremony: Uuid,
    /// The argument for the browser.
    pub options: Value,
}

/// The browser was not signed on.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Said so in the log; the browser learns less.
    #[error("the sign-in was refused: {0}")]
    Refused(SignInRefusal),
    /// It was not asked.
    #[error("the browser cannot answer")]
    Interaction(#[from] InteractionError),
    /// See the source.
    #[error("passkeys cannot be used")]
    Unavailable(#[from] BeginError),
    /// See the source.
    #[error("could not store the sign-in")]
    Storage(#[from] StorageError),
}

/// Asks a browser for any passkey or security key.
pub async fn begin_passkey(
    context: &mut Context<'_>,
    party: &RelyingParty,
    browser: Browser<'_>,
    mediation: Mediation,
) -> Result<Asked, SignInError> {
    interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    let begun = party.begin_authentication(mediation)?;
    let ceremony = Ceremony {
        id: InteractionId::generate(context.now, &mut context.rng).as_uuid(),
        kind: CeremonyKind::Authentication,
        interaction: Some(browser.interaction),
        user: None,
        workstation: None,
        state: begun.state,
        // A page with conditional mediation waits as long as she looks at it.
        expires_at: context.now + CEREMONY.max(interaction::INTERACTION_LIFETIME),
    };
    let mut transaction = context.storage.begin().await?;
    transaction.ceremonies().add(&ceremony).await?;
    transaction.commit().await?;
    Ok(Asked { ceremony: ceremony.id, options: begun.options })
}

/// Signs a browser on by what its authenticator answered.
pub async fn finish_passkey(
    context: &mut Context<'_>,
    party: &RelyingParty,
    browser: Browser<'_>,
    ceremony: Uuid,
    answer: Value,
) -> Result<SignedOn, SignInError> {
    let asked =
        interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    let mut transaction = context.storage.begin().await?;
    let attempt = Attempt { user: None, workstation: None, means: Means::Passkey };
    let taken = transaction.ceremonies().take(ceremony).await?.filter(|taken| {
        taken.kind == CeremonyKind::Authentication
            && taken.interaction == Some(asked.id)
            && context.now < taken.expires_at
    });
    let Some(taken) = taken else {
        return refuse(context, transaction, attempt, SignInRefusal::Expired).await;
    };
    let Ok(answer) = Assertion::read(answer) else {
        return refuse(context, transaction, attempt, SignInRefusal::Signature).await;
    };
    let found = transaction.credentials().find_by_handle(answer.handle()).await?;
    let Some(mut credential) = found else {
        return refuse(context, transaction, attempt, SignInRefusal::Unknown).await;
    };
    let attempt = Attempt { user: Some(credential.user), ..attempt };
    let verified = party.finish_authentication(&answer, &taken.state, &credential, context.now);
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return refuse(context, transaction, attempt, error.refusal()).await,
    };
    // Only who holds the key learns, in the log, that its owner is disabled.
    let user = transaction.users().find(credential.user).await?;
    if !user.is_some_and(|user| User::is_active(&user)) {
        return refuse(context, transaction, attempt, SignInRefusal::UserDisabled).await;
    }
    credential.public_part = verified.public_part;
    credential.used_at = Some(context.now);
    transaction.credentials().update(&credential).await?;
    let Ok(session) = desktop_of(context, &mut transaction, &asked, credential.user).await? else {
        let attempt = Attempt { workstation: asked.workstation, ..attempt };
        return refuse(context, transaction, attempt, SignInRefusal::NoSession).await;
    };
    let new = NewSignOn {
        user: credential.user,
        session,
        authentication: verified.authentication,
        credential: Some(credential.id),
        replaces: browser.before,
    };
    sign_on(context, transaction, asked, new).await
}

/// Signs a browser on by the code that its desktop's broker was given.
pub async fn redeem_desktop(
    context: &mut Context<'_>,
    browser: Browser<'_>,
    code: &str,
) -> Result<SignedOn, SignInError> {
    let asked =
        interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    let mut transaction = context.storage.begin().await?;
    let desktop = super::redeem_handover(context, &mut transaction, asked.id, code).await?;
    let Some(desktop) = desktop else {
        let attempt = Attempt { user: None, workstation: None, means: Means::Workstation };
        return refuse(context, transaction, attempt, SignInRefusal::NoSession).await;
    };
    let new = NewSignOn {
        user: desktop.user,
        session: Some((desktop.session, desktop.workstation)),
        authentication: desktop.authentication,
        credential: None,
        replaces: browser.before,
    };
    sign_on(context, transaction, asked, new).await
}

/// Signs a browser on by an officer's one-time code, so that she can register a passkey; it meets no application's
/// requirements.
pub async fn redeem_code_in_browser(
    context: &mut Context<'_>,
    browser: Browser<'_>,
    code: &Code,
) -> Result<SignedOn, SignInError> {
    let asked =
        interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    // A stranger's wrong guess must not make the one writer's queue longer, nor the log.
    if !context.storage.read().await?.sign_in().has_code(code.digest()).await? {
        return Err(SignInError::Refused(SignInRefusal::Unknown));
    }
    let mut transaction = context.storage.begin().await?;
    let attempt = Attempt { user: None, workstation: None, means: Means::Code };
    if !transaction.policies().current().await?.sign_on.codes {
        return refuse(context, transaction, attempt, SignInRefusal::Policy).await;
    }
    let invited = transaction.sign_in().take_code(code.digest()).await?;
    // The administrator token of the first start makes an administrator, and signs on nobody.
    let found = invited.and_then(|invited| Some((invited.user?, invited.expires_at)));
    let Some((user, expires_at)) = found else {
        return Err(SignInError::Refused(SignInRefusal::Unknown));
    };
    let attempt = Attempt { user: Some(user), ..attempt };
    if context.now >= expires_at {
        return refuse(context, transaction, attempt, SignInRefusal::Expired).await;
    }
    let found = transaction.users().find(user).await?;
    if !found.is_some_and(|found| User::is_active(&found)) {
        return refuse(context, transaction, attempt, SignInRefusal::UserDisabled).await;
    }
    let new = NewSignOn {
        user,
        session: None,
        authentication: Authentication::new(context.now, vec![Method::Code], Aal::Aal1),
        credential: None,
        replaces: browser.before,
    };
    sign_on(context, transaction, asked, new).await
}

/// The desktop's browser is signed on elsewhere than by its desktop, and nobody, or somebody else, is at work there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHerDesktop;

/// The session to which a sign-on belongs that `user` makes in this browser: where the browser stands on a workstation of
/// ours, it ends with her session there, and there must be one. Nothing elsewhere.
pub(super) async fn desktop_of(
    context: &Context<'_>,
    transaction: &mut Transaction,
    asked: &Interaction,
    user: UserId,
) -> Result<Result<Option<(SessionId, WorkstationId)>, NotHerDesktop>, StorageError> {
    // Read again: the agent may have said so since.
    let asked = transaction.interactions().find(asked.id).await?;
    let Some(workstation) = asked.and_then(|asked| asked.workstation) else { return Ok(Ok(None)) };
    let open = transaction.sessions().open_at(workstation).await?;
    let open = open.into_iter().find(|found| found.session.is_active(context.now));
    Ok(match open {
        Some(open) if open.session.user == user => Ok(Some((open.session.id, workstation))),
        Some(_) | None => Err(NotHerDesktop),
    })
}

/// Establishes the sign-on and answers the interaction with it.
pub(super) async fn sign_on(
    context: &mut Context<'_>,
    mut transaction: Transaction,
    mut asked: Interaction,
    new: NewSignOn,
) -> Result<SignedOn, SignInError> {
    let actor = Actor::User(new.user);
    let (sign_on, cookie) = establish_sign_on(context, &mut transaction, &actor, new).await?;
    asked.answer(&sign_on);
    transaction.interactions().update(&asked).await?;
    transaction.commit().await?;
    Ok(SignedOn { sign_on, cookie })
}

/// Who tried, by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) user: Option<UserId>,
    pub(super) workstation: Option<WorkstationId>,
    pub(super) means: Means,
}

/// Says in the log why, and keeps that what was used is used up.
pub(super) async fn refuse<T>(
    context: &mut Context<'_>,
    mut transaction: Transaction,
    attempt: Attempt,
    reason: SignInRefusal,
) -> Result<T, SignInError> {
    let Attempt { user, workstation, means } = attempt;
    let event = Event::SignInRefused { user, workstation, means, reason };
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await?;
    Err(SignInError::Refused(reason))
}
