//! Browsers that are signed on: opening, renewing, finding, ending.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::authentication::Authentication;
use imp_identity::grant::GrantEnd;
use imp_identity::sign_on::{Establishment, SignOn, SignOnEnd, SignOnPolicy};
use imp_identity::user::User;
use imp_identity::{
    Actor, ClientId, CredentialId, Digest, Secret, SessionId, SignOnId, UserId, WorkstationId,
};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

use super::Context;
use crate::store::Tables as _;

/// Sign-ons ended in one transaction: others wait for no longer than this takes.
const BATCH: u32 = 100;
/// What has ended is kept so long: applications that are still to be told look it up.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Who signs a browser on, by what.
#[derive(Clone, Debug)]
pub struct NewSignOn {
    /// Who.
    pub user: UserId,
    /// The session of the desktop that hands over, and where that is.
    pub session: Option<(SessionId, WorkstationId)>,
    /// How she was authenticated.
    pub authentication: Authentication,
    /// The credential that she used.
    pub credential: Option<CredentialId>,
    /// What the browser was signed on as before: of the same user it is renewed, of another it ends.
    pub replaces: Option<SignOnId>,
}

/// Draws what a cookie holds, 256 bits, and its digest, which is what is stored.
pub(super) fn draw(rng: &mut impl CryptoRng) -> (Secret<String>, Digest) {
    let mut random = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(random.as_mut_slice());
    let value = BASE64URL_NOPAD.encode(random.as_slice());
    let digest = digest(&value);
    (Secret::new(value), digest)
}

/// It has 256 random bits, so a plain digest suffices.
pub(super) fn digest(cookie: &str) -> Digest {
    Digest::of(&[b"imp cookie", cookie.as_bytes()])
}

/// Signs a browser on; the second value goes into its cookie. What it replaces is renewed when it is the same user's, so that
/// applications keep their `sid`; its cookie always changes, so that one that was planted before counts no longer.
pub async fn establish_sign_on(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    new: NewSignOn,
) -> Result<(SignOn, Secret<String>), StorageError> {
    let policy = transaction.policies().current().await?.sign_on;
    let (cookie, digest) = draw(&mut context.rng);
    let by = establishment(transaction, &new).await?;
    let before = match new.replaces {
        Some(id) => transaction.sign_ons().find(id).await?.filter(|found| found.ended.is_none()),
        None => None,
    };
    if let Some(before) = before {
        if let Ok((renewed, event)) = before.clone().renew(by.clone(), &policy, context.now) {
            transaction.sign_ons().update(&renewed).await?;
            transaction.sign_ons().set_cookie(renewed.id, digest).await?;
            context.append(transaction, actor, event).await?;
            return Ok((renewed, cookie));
        }
        close(context, transaction, actor, before, SignOnEnd::Superseded).await?;
    }
    let id = SignOnId::generate(context.now, &mut context.rng);
    let (sign_on, event) = SignOn::establish(id, by, &policy, context.now);
    transaction.sign_ons().add(&sign_on, digest).await?;
    context.append(transaction, actor, event).await?;
    Ok((sign_on, cookie))
}

async fn establishment(
    transaction: &mut Transaction,
    new: &NewSignOn,
) -> Result<Establishment, StorageError> {
    let desktop = match new.session {
        Some((session, workstation)) => {
            let found = transaction.sessions().find(session).await?;
            let missing = StorageError::Corrupt { what: "sessions.session_id" };
            let expires_at = found.ok_or(missing)?.session.expires_at;
            Some((session, workstation, expires_at))
        }
        None => None,
    };
    Ok(Establishment {
        user: new.user,
        desktop,
        credential: new.credential,
        authentication: new.authentication.clone(),
    })
}

/// Who is signed on in the browser with this cookie, if she still is; remembers the use.
pub async fn find_sign_on_by_cookie(
    storage: &Storage,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<(SignOn, User)>, StorageError> {
    let mut reading = storage.read().await?;
    let found = reading.sign_ons().find_by_cookie(digest(cookie)).await?;
    let Some((mut sign_on, user)) = found else { return Ok(None) };
    let policy = reading.policies().current().await?.sign_on;
    if !user.is_active() || !counts(&mut reading, &sign_on, &policy, now).await? {
        return Ok(None);
    }
    drop(reading);
    if sign_on.touch(now) {
        let mut transaction = storage.begin().await?;
        // Whoever ended it in the meantime is not undone.
        let current = transaction.sign_ons().find(sign_on.id).await?;
        let Some(mut current) = current.filter(|found| found.is_active(&policy, now)) else {
            return Ok(None);
        };
        current.touch(now);
        transaction.sign_ons().update(&current).await?;
        transaction.commit().await?;
        sign_on = current;
    }
    Ok(Some((sign_on, user)))
}

/// Whether it counts by itself, and by the desktop that handed it over: a session that went to another workstation left
/// this browser behind.
pub(super) async fn counts(
    transaction: &mut Transaction,
    sign_on: &SignOn,
    policy: &SignOnPolicy,
    now: Timestamp,
) -> Result<bool, StorageError> {
    if !sign_on.is_active(policy, now) {
        return Ok(false);
    }
    let Some(session) = sign_on.session else { return Ok(true) };
    let Some(found) = transaction.sessions().find(session).await? else { return Ok(false) };
    let session = found.session;
    if Some(session.workstation) != sign_on.workstation {
        return Ok(false);
    }
    if session.is_active(now) || !session.is_resumable(now) {
        return Ok(session.is_active(now));
    }
    // Locked in front of it, and not open before somebody else.
    let here = transaction.sessions().open_at(session.workstation).await?;
    Ok(!here.iter().any(|other| other.session.is_active(now)))
}

/// A user's sign-ons that count, latest first.
pub async fn sign_ons_of_user(
    storage: &Storage,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SignOn>, StorageError> {
    let mut reading = storage.read().await?;
    let policy = reading.policies().current().await?.sign_on;
    let mut found = reading.sign_ons().open_of_user(user).await?;
    found.retain(|sign_on| sign_on.is_active(&policy, now));
    found.reverse();
    Ok(found)
}

/// Ends one sign-on; `None` when there is none such that has not ended.
pub async fn end_sign_on(
    context: &mut Context<'_>,
    actor: &Actor,
    id: SignOnId,
    reason: SignOnEnd,
) -> Result<Option<SignOn>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(found) = transaction.sign_ons().find(id).await? else { return Ok(None) };
    let ended = close(context, &mut transaction, actor, found, reason).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Ends one sign-on because an application asks, which is then not told.
pub async fn end_sign_on_asked_by(
    context: &mut Context<'_>,
    actor: &Actor,
    id: SignOnId,
    client: ClientId,
) -> Result<Option<SignOn>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(found) = transaction.sign_ons().find(id).await? else { return Ok(None) };
    transaction.visits().forget(id, client).await?;
    let reason = SignOnEnd::SignedOut;
    let ended = close(context, &mut transaction, actor, found, reason).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Ends what a desktop's session handed over, within the transaction that ends or suspends the session.
pub async fn end_sign_ons_of_session(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    session: SessionId,
    reason: SignOnEnd,
) -> Result<Vec<SignOn>, StorageError> {
    let open = transaction.sign_ons().open_of_session(session).await?;
    let ended = close_all(context, transaction, actor, open, reason).await?;
    // While it is suspended, tokens that the desktop exchanged do not count, but may again.
    if reason != SignOnEnd::SessionSuspended {
        let end = GrantEnd::SignedOut;
        super::end_grants_of_session(context, transaction, actor, session, end).await?;
    }
    Ok(ended)
}

/// Ends every sign-on of a user, within a transaction.
pub async fn end_sign_ons_of_user(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
    reason: SignOnEnd,
) -> Result<Vec<SignOn>, StorageError> {
    let open = transaction.sign_ons().open_of_user(user).await?;
    close_all(context, transaction, actor, open, reason).await
}

/// Ends what a credential opened, within a transaction.
pub(super) async fn end_sign_ons_of_credential(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    credential: CredentialId,
) -> Result<Vec<SignOn>, StorageError> {
    let open = transaction.sign_ons().open_of_credential(credential).await?;
    close_all(context, transaction, actor, open, SignOnEnd::CredentialRemoved).await
}

/// Ends every sign-on that has reached a limit; how many.
pub async fn expire_sign_ons(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut ended = 0;
    loop {
        let mut transaction = context.storage.begin().await?;
        let policy = transaction.policies().current().await?.sign_on;
        let idle_since = context.now - policy.idle;
        let expired = transaction.sign_ons().expired(context.now, idle_since, BATCH).await?;
        let last = expired.len() < BATCH as usize;
        let actor = &Actor::Server;
        let closed =
            close_all(context, &mut transaction, actor, expired, SignOnEnd::Expired).await?;
        transaction.commit().await?;
        ended += closed.len() as u64;
        if last {
            return Ok(ended);
        }
    }
}

/// Removes what is over and what was never answered; how many rows.
pub async fn purge_sign_ons(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let removed = transaction.sign_ons().purge(context.now - KEPT).await?
        + transaction.interactions().purge(context.now).await?
        + transaction.ceremonies().purge(context.now).await?;
    transaction.commit().await?;
    Ok(removed)
}

async fn close_all(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    open: Vec<SignOn>,
    reason: SignOnEnd,
) -> Result<Vec<SignOn>, StorageError> {
    let mut ended = Vec::with_capacity(open.len());
    for sign_on in open {
        ended.extend(close(context, transaction, actor, sign_on, reason).await?);
    }
    Ok(ended)
}

/// Ends a sign-on and tells its applications; `None` when it had ended.
async fn close(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    sign_on: SignOn,
    reason: SignOnEnd,
) -> Result<Option<SignOn>, StorageError> {
    let Ok((ended, event)) = sign_on.end(reason, context.now) else { return Ok(None) };
    transaction.sign_ons().update(&ended).await?;
    context.append(transaction, actor, event).await?;
    super::queue_logouts(context, transaction, actor, &ended, reason).await?;
    Ok(Some(ended))
}
