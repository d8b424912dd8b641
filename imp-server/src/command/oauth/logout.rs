//! Telling applications that a user is signed out: by a logout token (OpenID Connect Back-Channel Logout 1.0), a `LogoutRequest`
//! (SAML), or an event of the log that streams carry as CAEP `session-revoked`. Each application says which, and whether it wants
//! to hear of a suspension.
use std::collections::BTreeMap;

use imp_identity::event::Outcome;
use imp_identity::grant::GrantEnd;
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::{Actor, ClientId, Event, EventId, SessionId, SignOnId, UserId};
use imp_oauth::client::{OnSuspend, SignOutSignal};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::super::Context;
use super::grants::{end_all, end_grant};
use crate::oauth::RegisteredClient;
use crate::saml::RegisteredProvider;
use crate::store::{ClientKind, Grant, KnownAs, Logout, StoredClient, Tables as _, Visit};

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

impl Told {
    const fn outcome(self) -> Outcome {
        match self {
            Self::Yes => Outcome::Accepted,
            Self::No => Outcome::Refused,
        }
    }
}

/// Ends what was granted in a browser that is no longer signed on, and tells each application that knows of it, whether or not
/// what it was granted still counted. What was granted with `offline_access` stays, unless the user may not sign in any more, or
/// not like this.
pub async fn queue_logouts(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    sign_on: &SignOn,
    reason: SignOnEnd,
) -> Result<(), StorageError> {
    let grants = transaction.grants().of_sign_on(sign_on.id).await?;
    let visits = transaction.visits().of_sign_on(sign_on.id).await?;
    // What a lost key opened, or an administrator ends, must not live on in a refresh token.
    let all = match reason {
        SignOnEnd::UserDisabled | SignOnEnd::CredentialRemoved | SignOnEnd::Administrator => true,
        SignOnEnd::SignedOut
        | SignOnEnd::SessionEnded
        | SignOnEnd::SessionSuspended
        | SignOnEnd::Superseded
        | SignOnEnd::Expired => false,
    };
    let ended = Ended { all, end: end_of(reason), reason };
    tell_all(context, transaction, actor, by_client(grants, visits), ended).await
}

/// Ends what was granted at a desktop: tokens for which it exchanged its session; and what applications kept that did not
/// want to hear of its suspension.
pub async fn end_grants_of_session(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    session: SessionId,
    end: GrantEnd,
) -> Result<(), StorageError> {
    let exchanged = transaction.grants().of_session(session).await?;
    end_all(context, transaction, actor, &exchanged, end).await?;
    let kept = transaction.grants().of_sign_ons_of(session).await?;
    let visits = transaction.visits().of_session(session).await?;
    let all = end == GrantEnd::UserDisabled;
    let reason = if all { SignOnEnd::UserDisabled } else { SignOnEnd::SessionEnded };
    let ended = Ended { all, end, reason };
    tell_all(context, transaction, actor, by_client(kept, visits), ended).await
}

/// What ended.
#[derive(Clone, Copy)]
struct Ended {
    /// Whether what was granted for longer ends as well.
    all: bool,
    end: GrantEnd,
    reason: SignOnEnd,
}

/// What one application has of what ended.
#[derive(Default)]
struct Concerned {
    grants: Vec<Grant>,
    visits: Vec<(Visit, UserId)>,
}

fn by_client(grants: Vec<Grant>, visits: Vec<(Visit, UserId)>) -> BTreeMap<ClientId, Concerned> {
    let mut concerned: BTreeMap<ClientId, Concerned> = BTreeMap::new();
    for grant in grants {
        concerned.entry(grant.client).or_default().grants.push(grant);
    }
    for visit in visits {
        concerned.entry(visit.0.client).or_default().visits.push(visit);
    }
    concerned
}

/// How an application hears, and of what.
struct Wishes {
    on_suspend: OnSuspend,
    way: Way,
}

enum Way {
    /// By a message that is queued.
    Message,
    /// By an event of the log.
    Event,
    /// Only when a browser goes there (SAML by HTTP-Redirect).
    Browser,
    /// Not at all.
    None,
}

impl Wishes {
    fn of(stored: Option<StoredClient>) -> Result<Self, StorageError> {
        let nothing = Self { on_suspend: OnSuspend::Logout, way: Way::None };
        let Some(stored) = stored else { return Ok(nothing) };
        match stored.kind {
            ClientKind::Oauth => {
                let Some(client) = RegisteredClient::open(stored)? else { return Ok(nothing) };
                let metadata = client.metadata;
                let way = match metadata.sign_out_signal {
                    SignOutSignal::Backchannel if metadata.backchannel_logout_uri.is_some() => {
                        Way::Message
                    }
                    SignOutSignal::Caep => Way::Event,
                    SignOutSignal::Backchannel | SignOutSignal::None => Way::None,
                };
                Ok(Self { on_suspend: metadata.on_suspend, way })
            }
            ClientKind::Saml => {
                let Some(found) = RegisteredProvider::open(stored)? else { return Ok(nothing) };
                let on_suspend = if found.provider.ignores_walk_away {
                    OnSuspend::Ignore
                } else {
                    OnSuspend::Logout
                };
                let by_message = found.provider.soap_logout.is_some();
                Ok(Self { on_suspend, way: if by_message { Way::Message } else { Way::Browser } })
            }
        }
    }
}

async fn tell_all(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    concerned: BTreeMap<ClientId, Concerned>,
    ended: Ended,
) -> Result<(), StorageError> {
    for (id, Concerned { grants, visits }) in concerned {
        let wishes = Wishes::of(transaction.clients().find(id).await?)?;
        let suspended = ended.reason == SignOnEnd::SessionSuspended;
        if suspended && wishes.on_suspend == OnSuspend::Ignore {
            continue;
        }
        for grant in grants {
            if !grant.offline || ended.all {
                end_grant(context, transaction, actor, &grant, ended.end).await?;
            }
        }
        for visit in visits {
            tell(context, transaction, actor, visit, (&wishes.way, ended.reason)).await?;
        }
    }
    Ok(())
}

async fn tell(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    (visit, user): (Visit, UserId),
    (way, reason): (&Way, SignOnEnd),
) -> Result<(), StorageError> {
    let Visit { sign_on, client, known } = visit;
    if matches!(way, Way::Browser) || !transaction.visits().forget(sign_on, client).await? {
        return Ok(());
    }
    match way {
        Way::Message => {
            let logout = Logout {
                id: EventId::generate(context.now, &mut context.rng).as_uuid(),
                sign_on,
                client,
                user,
                known,
                tries: 0,
                due_at: context.now,
                give_up_at: context.now + GIVE_UP,
            };
            transaction.logouts().add(&logout).await
        }
        Way::Event => {
            let (session, subject) = (known.session, known.subject);
            let event = Event::ApplicationSessionRevoked {
                sign_on,
                client,
                user,
                session,
                subject,
                reason,
            };
            context.append(transaction, actor, event).await.map(drop)
        }
        Way::Browser | Way::None => Ok(()),
    }
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
    let outcome = told.outcome();
    let mut transaction = context.storage.begin().await?;
    if transaction.logouts().remove(logout.id).await? {
        let (sign_on, client, user) = (logout.sign_on, logout.client, logout.user);
        let event = Event::LogoutSent { sign_on, client, user, outcome };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await
}

/// Writes down what an application answered to whom a browser brought the request.
pub(crate) async fn record_logout(
    context: &mut Context<'_>,
    (sign_on, client): (SignOnId, ClientId),
    told: Told,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(found) = transaction.sign_ons().find(sign_on).await? else { return Ok(()) };
    let (user, outcome) = (found.user, told.outcome());
    let event = Event::LogoutSent { sign_on, client, user, outcome };
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await
}

/// The next application that knows of a sign-on which has ended, and that only a browser can tell; it is not answered again.
pub(crate) async fn next_to_leave(
    context: &mut Context<'_>,
    sign_on: SignOnId,
) -> Result<Option<(RegisteredProvider, KnownAs)>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let ended = transaction.sign_ons().find(sign_on).await?;
    if ended.is_none_or(|found| found.ended.is_none()) {
        return Ok(None);
    }
    for (visit, _) in transaction.visits().of_sign_on(sign_on).await? {
        let stored = transaction.clients().find(visit.client).await?;
        let found = stored.map(RegisteredProvider::open).transpose()?.flatten();
        let Some(found) = found.filter(|found| {
            found.provider.redirect_logout.is_some() && found.provider.soap_logout.is_none()
        }) else {
            continue;
        };
        transaction.visits().forget(sign_on, visit.client).await?;
        transaction.commit().await?;
        return Ok(Some((found, visit.known)));
    }
    Ok(None)
}

/// 20 s, 40 s, … at most five minutes. The first is longer than an answer may take.
fn wait(tries: u32) -> SignedDuration {
    let seconds = 20_i64.saturating_mul(1_i64 << tries.min(16));
    SignedDuration::from_secs(seconds).min(LONGEST)
}
