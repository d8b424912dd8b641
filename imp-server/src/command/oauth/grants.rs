//! What applications are granted in users' names, and how that ends.
use imp_identity::authentication::Authentication;
use imp_identity::grant::GrantEnd;
use imp_identity::{Actor, ClientId, Event, GrantId, SessionId, SignOnId, UserId, WorkstationId};
use imp_oauth::Scope;
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;

use super::super::Context;
use crate::store::{Grant, Tables as _, Wishes};

/// What is to be granted.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// To whom.
    pub client: ClientId,
    /// In whose name.
    pub user: UserId,
    /// In which browser.
    pub sign_on: Option<SignOnId>,
    /// At which desktop, if it is to end with the desktop's session.
    pub session: Option<SessionId>,
    /// Where.
    pub workstation: Option<WorkstationId>,
    /// For what.
    pub scope: Scope,
    /// How the user was authenticated.
    pub authentication: Authentication,
    /// What else the application asked for.
    pub wishes: Wishes,
    /// Whether it outlives the sign-on.
    pub offline: bool,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Grants, and says so in the log.
pub(crate) async fn make_grant(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    new: NewGrant,
) -> Result<Grant, StorageError> {
    let grant = Grant {
        id: GrantId::generate(context.now, &mut context.rng),
        client: new.client,
        user: new.user,
        sign_on: new.sign_on,
        session: new.session,
        scope: new.scope,
        authentication: new.authentication,
        wishes: new.wishes,
        offline: new.offline,
        granted_at: context.now,
        expires_at: new.expires_at,
        ended: None,
    };
    transaction.grants().add(&grant).await?;
    let event = Event::GrantMade {
        grant: grant.id,
        user: grant.user,
        client: grant.client,
        workstation: new.workstation,
        scopes: grant.scope.tokens().map(str::to_owned).collect(),
    };
    context.append(transaction, actor, event).await?;
    Ok(grant)
}

/// Ends a grant: no token that stands for it counts any longer.
pub(crate) async fn end_grant(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    grant: &Grant,
    reason: GrantEnd,
) -> Result<(), StorageError> {
    if !transaction.grants().end(grant.id, context.now, reason).await? {
        return Ok(());
    }
    let Grant { id, user, client, .. } = *grant;
    let event = Event::GrantRevoked { grant: id, user, client, reason };
    context.append(transaction, actor, event).await?;
    Ok(())
}

/// Ends everything that was granted in a user's name.
pub async fn revoke_grants_of_user(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
    reason: GrantEnd,
) -> Result<(), StorageError> {
    let grants = transaction.grants().of_user(user).await?;
    end_all(context, transaction, actor, &grants, reason).await
}

pub(super) async fn end_all(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    grants: &[Grant],
    reason: GrantEnd,
) -> Result<(), StorageError> {
    for grant in grants {
        end_grant(context, transaction, actor, grant, reason).await?;
    }
    Ok(())
}

/// A grant and whose it is, if it counts now: it has not ended, its user is active, and the session at whose desktop it was
/// made is active.
pub(crate) async fn counting_grant(
    transaction: &mut Transaction,
    id: GrantId,
    now: Timestamp,
) -> Result<Option<(Grant, imp_identity::user::User)>, StorageError> {
    let Some(grant) = transaction.grants().find(id).await?.filter(|grant| grant.counts(now)) else {
        return Ok(None);
    };
    if let Some(session) = grant.session {
        let session = transaction.sessions().find(session).await?;
        if !session.is_some_and(|found| found.session.is_active(now)) {
            return Ok(None);
        }
    }
    let user = transaction.users().find(grant.user).await?;
    Ok(user.filter(imp_identity::user::User::is_active).map(|user| (grant, user)))
}

/// Whether a sign-on counts at this moment, within the transaction that grants something in it.
pub(crate) async fn sign_on_counts(
    transaction: &mut Transaction,
    id: SignOnId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let Some(sign_on) = transaction.sign_ons().find(id).await? else { return Ok(false) };
    let policy = transaction.policies().current().await?.sign_on;
    super::super::sign_on::counts(transaction, &sign_on, &policy, now).await
}
