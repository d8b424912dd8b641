//! Telling applications that a user is signed out (OpenID Connect Back-Channel Logout 1.0).
use std::collections::BTreeMap;

use imp_identity::event::Outcome;
use imp_identity::grant::GrantEnd;
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::{Actor, ClientId, Event, EventId, SessionId, SignOnId, UserId};
use imp_oauth::client::OnSuspend;
use imp_storage::{Storage, StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::super::Context;
use super::grants::{end_all, end_grant};
use crate::oauth::RegisteredClient;
use crate::store::{Grant, Logout, Tables as _};

/// How long it is tried to tell an application.
const GIVE_UP: SignedDuration = SignedDuration::from_mins(30);
/// The longest wait between two tries.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// How many are told at a time.
const AT_ONCE: u32 = 1024;

/// What became of one try to tell an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It knows.
    Yes,
    /// It said no, or it is not tried again.
    No,
}

/// Ends what was granted in a browser that is no longer signed on, and queues a logout token to each application that wants
/// one. What was granted with `offline_access` stays, unless the user may not sign in any more, or not like this.
pub async fn queue_logouts(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    sign_on: &SignOn,
    reason: SignOnEnd,
) -> Result<(), StorageError> {
    let grants = transaction.grants().of_sign_on(sign_on.id).await?;
    let suspended = reason == SignOnEnd::SessionSuspended;
    // What a lost key opened, or an administrator ends, must not live on in a refresh token.
    let all = match reason {
        SignOnEnd::UserDisabled | SignOnEnd::CredentialRemoved | SignOnEnd::Administrator => true,
        SignOnEnd::SignedOut
        | SignOnEnd::SessionEnded
        | SignOnEnd::SessionSuspended
        | SignOnEnd::Superseded
        | SignOnEnd::Expired => false,
    };
    let end = end_of(reason);
    let ended = Ended { sign_on: sign_on.id, user: sign_on.user, suspended, all, end };
    tell_all(context, transaction, actor, grants, ended).await
}

/// Ends what was granted at a desktop: tokens for which it exchanged its session; and what applications kept that did not
/// want to hear of its suspension.
pub async fn end_grants_of_session(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    session: SessionId,
    reason: GrantEnd,
) -> Result<(), StorageError> {
    let exchanged = transaction.grants().of_session(session).await?;
    end_all(context, transaction, actor, &exchanged, reason).await?;
    let mut kept: BTreeMap<SignOnId, Vec<Grant>> = BTreeMap::new();
    for grant in transaction.grants().of_sign_ons_of(session).await? {
        if let Some(sign_on) = grant.sign_on {
            kept.entry(sign_on).or_default().push(grant);
        }
    }
    for (sign_on, grants) in kept {
        let Some(user) = grants.first().map(|grant| grant.user) else { continue };
        let all = reason == GrantEnd::UserDisabled;
        let ended = Ended { sign_on, user, suspended: false, all, end: reason };
        tell_all(context, transaction, actor, grants, ended).await?;
    }
    Ok(())
}

/// What ended.
struct Ended {
    sign_on: SignOnId,
    user: UserId,
    /// Whether it may go on: the desktop was left, not signed out.
    suspended: bool,
    /// Whether what was granted for longer ends as well.
    all: bool,
    end: GrantEnd,
}

async fn tell_all(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    grants: Vec<Grant>,
    ended: Ended,
) -> Result<(), StorageError> {
    let mut of_clients: BTreeMap<ClientId, Vec<Grant>> = BTreeMap::new();
    for grant in grants {
        of_clients.entry(grant.client).or_default().push(grant);
    }
    for (id, grants) in of_clients {
        let stored = transaction.clients().find(id).await?;
        let client = stored.map(RegisteredClient::open).transpose()?.flatten();
        let metadata = client.map(|client| client.metadata);
        let ignores = |on_suspend| ended.suspended && on_suspend == OnSuspend::Ignore;
        if metadata.as_ref().is_some_and(|metadata| ignores(metadata.on_suspend)) {
            continue;
        }
        for grant in grants {
            if !grant.offline || ended.all {
                end_grant(context, transaction, actor, &grant, ended.end).await?;
            }
        }
        if metadata.is_some_and(|metadata| metadata.backchannel_logout_uri.is_some()) {
            let logout = Logout {
                id: EventId::generate(context.now, &mut context.rng).as_uuid(),
                sign_on: ended.sign_on,
                client: id,
                user: ended.user,
                tries: 0,
                due_at: context.now,
                give_up_at: context.now + GIVE_UP,
            };
            transaction.logouts().add(&logout).await?;
        }
    }
    Ok(())
}

const fn end_of(reason: SignOnEnd) -> GrantEnd {
    match reason {
        SignOnEnd::UserDisabled => GrantEnd::UserDisabled,
        SignOnEnd::Administrator => GrantEnd::Administrator,
        SignOnEnd::SignedOut
        | SignOnEnd::SessionEnded
        | SignOnEnd::SessionSuspended
        | SignOnEnd::Superseded
        | SignOnEnd::Expired
        | SignOnEnd::CredentialRemoved => GrantEnd::SignedOut,
    }
}

/// Whom to tell now.
pub(crate) async fn due_logouts(
    storage: &Storage,
    now: Timestamp,
) -> Result<Vec<Logout>, StorageError> {
    storage.read().await?.logouts().due(now, AT_ONCE).await
}

/// Takes one to tell, so that no other replica does at the same time: it is tried again later if this one stops. Answers
/// whether nobody else was quicker.
pub(crate) async fn take_logout(
    context: &mut Context<'_>,
    logout: &Logout,
) -> Result<bool, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let taken = transaction.logouts().put_off(logout, context.now + wait(logout.tries)).await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Puts off what else is due for an application that did not answer: others are not to wait for it.
pub(crate) async fn spare_logouts(
    context: &mut Context<'_>,
    client: ClientId,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let until = context.now + wait(0);
    transaction.logouts().put_off_all(client, context.now, until).await?;
    transaction.commit().await
}

/// Writes down that an application was told, or could not be.
pub(crate) async fn settle_logout(
    context: &mut Context<'_>,
    logout: &Logout,
    told: Told,
) -> Result<(), StorageError> {
    let outcome = match told {
        Told::Yes => Outcome::Accepted,
        Told::No => Outcome::Refused,
    };
    let mut transaction = context.storage.begin().await?;
    if transaction.logouts().remove(logout.id).await? {
        let Logout { sign_on, client, user, .. } = *logout;
        let event = Event::LogoutSent { sign_on, client, user, outcome };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await
}

/// 20 s, 40 s, … at most five minutes. The first is longer than an answer may take.
fn wait(tries: u32) -> SignedDuration {
    let seconds = 20_i64.saturating_mul(1_i64 << tries.min(16));
    SignedDuration::from_secs(seconds).min(LONGEST)
}
