//! What a browser is asked to do before it goes on to an application.
use imp_identity::sign_on::{Requirements, SignOn, answers};
use imp_identity::user::User;
use imp_identity::{InteractionId, Secret};
use imp_storage::{StorageError, Transaction};
use jiff::SignedDuration;

use super::{Context, sign_on};
use crate::store::Tables as _;
pub use crate::store::{Interaction, InteractionFailure};

/// How long a browser may take.
pub const INTERACTION_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// What a browser is to be asked.
#[derive(Clone, Debug)]
pub struct NewInteraction {
    /// Where it goes on: a path of this server.
    pub continue_at: &'static str,
    /// The maker's own; it gets it back.
    pub request: String,
    /// What is required.
    pub requirements: Requirements,
}

/// What came of an interaction.
#[derive(Clone, Debug)]
pub struct TakenInteraction {
    /// The maker's own.
    pub request: String,
    /// Who is signed on, and meets what was required.
    pub sign_on: Option<(SignOn, User)>,
    /// Whether she agreed; `false`, too, when nothing was to be agreed to.
    pub consented: bool,
    /// Why it was not answered.
    pub failed: Option<InteractionFailure>,
}

/// The browser is not the one that was asked, or too late.
#[derive(Debug, thiserror::Error)]
pub enum InteractionError {
    /// There is no such interaction, or it was taken.
    #[error("this sign-in is over: begin again at the application")]
    Unknown,
    /// The cookie is missing, or another one.
    #[error("this sign-in was begun in another browser")]
    OtherBrowser,
    /// It was not answered yet.
    #[error("nobody has signed in yet")]
    Unanswered,
    /// See the source.
    #[error("could not read the sign-in")]
    Storage(#[from] StorageError),
}

/// Asks a browser; the second value goes into its cookie for this interaction.
pub async fn open_interaction(
    context: &mut Context<'_>,
    new: NewInteraction,
) -> Result<(InteractionId, Secret<String>), StorageError> {
    let (cookie, binding) = sign_on::draw(&mut context.rng);
    let id = InteractionId::generate(context.now, &mut context.rng);
    let interaction = Interaction {
        id,
        binding,
        continue_at: new.continue_at.to_owned(),
        request: new.request,
        requirements: new.requirements,
        asked_at: context.now,
        expires_at: context.now + INTERACTION_LIFETIME,
        sign_on: None,
        consented: false,
        failure: None,
        workstation: None,
    };
    let mut transaction = context.storage.begin().await?;
    transaction.interactions().add(&interaction).await?;
    transaction.commit().await?;
    Ok((id, cookie))
}

/// What the browser with this cookie was asked.
pub async fn find_interaction(
    context: &Context<'_>,
    id: InteractionId,
    binding: Option<&str>,
) -> Result<Interaction, InteractionError> {
    let found = context.storage.read().await?.interactions().find(id).await?;
    bound(context, found, binding)
}

pub(super) fn bound(
    context: &Context<'_>,
    found: Option<Interaction>,
    binding: Option<&str>,
) -> Result<Interaction, InteractionError> {
    let live = |found: &Interaction| context.now < found.expires_at;
    let found = found.filter(live).ok_or(InteractionError::Unknown)?;
    if binding.map(sign_on::digest) == Some(found.binding) {
        Ok(found)
    } else {
        Err(InteractionError::OtherBrowser)
    }
}

/// How a browser answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionAnswer<'a> {
    /// By whom it is signed on.
    SignOn(&'a SignOn),
    /// She agrees.
    Consent,
    /// It goes on without.
    Failure(InteractionFailure),
}

/// Keeps a browser's answer. The caller knows that it is the browser that was asked.
pub async fn answer_interaction(
    context: &mut Context<'_>,
    id: InteractionId,
    answer: InteractionAnswer<'_>,
) -> Result<(), InteractionError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.interactions().find(id).await?;
    let mut interaction = found.ok_or(InteractionError::Unknown)?;
    match answer {
        InteractionAnswer::SignOn(sign_on) => interaction.answer(sign_on),
        InteractionAnswer::Consent => interaction.consented = true,
        InteractionAnswer::Failure(failure) => interaction.failure = Some(failure),
    }
    transaction.interactions().update(&interaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Ends an interaction and says what came of it: once, to its maker, from the browser that was asked.
pub async fn take_interaction(
    context: &mut Context<'_>,
    id: InteractionId,
    binding: &str,
    continue_at: &str,
) -> Result<TakenInteraction, InteractionError> {
    let found = context.storage.read().await?.interactions().find(id).await?;
    let found = bound(context, found, Some(binding))?;
    if found.continue_at != continue_at {
        return Err(InteractionError::Unknown);
    }
    if found.sign_on.is_none() && found.failure.is_none() {
        return Err(InteractionError::Unanswered);
    }
    let mut transaction = context.storage.begin().await?;
    let taken = transaction.interactions().take(id).await?.ok_or(InteractionError::Unknown)?;
    let sign_on = answered(context, &mut transaction, &taken).await?;
    transaction.commit().await?;
    let failed = taken.failure.or(if sign_on.is_none() {
        Some(InteractionFailure::Unmet)
    } else if taken.requirements.consent.is_some() && !taken.consented {
        Some(InteractionFailure::Declined)
    } else {
        None
    });
    Ok(TakenInteraction { request: taken.request, sign_on, consented: taken.consented, failed })
}

/// The sign-on that answered, if it still counts and is enough.
async fn answered(
    context: &Context<'_>,
    transaction: &mut Transaction,
    taken: &Interaction,
) -> Result<Option<(SignOn, User)>, StorageError> {
    let Some(id) = taken.sign_on else { return Ok(None) };
    let Some(sign_on) = transaction.sign_ons().find(id).await? else { return Ok(None) };
    let policy = transaction.policies().current().await?.sign_on;
    let enough = answers(&taken.requirements, &sign_on.authentication, taken.asked_at, context.now);
    if !enough || !sign_on::counts(transaction, &sign_on, &policy, context.now).await? {
        return Ok(None);
    }
    let user = transaction.users().find(sign_on.user).await?;
    Ok(user.filter(User::is_active).map(|user| (sign_on, user)))
}
