//! What ends when a user goes: one cascade for disabling, leaving and removal, so that nothing is forgotten in any of them.
use imp_identity::grant::GrantEnd;
use imp_identity::group::Membership;
use imp_identity::phone::Revocation;
use imp_identity::session::End;
use imp_identity::sign_on::SignOnEnd;
use imp_identity::spiffe::Machine;
use imp_identity::user::{Role, State, User};
use imp_identity::{Actor, UserId};
use imp_storage::{StorageError, Transaction};

use super::revoke_certificate::revoke_all_of;
use super::{Context, end_sessions_of_user, end_sign_ons_of_user, revoke_grants_of_user};
use crate::store::Tables as _;

/// How a user goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// She may come back any day, when somebody here says so: her phone and her reference wait for her.
    Disabled,
    /// A directory says that she left, and may say that she is back: phone, reference, passkeys and security keys count no longer either. If she comes back, she is enrolled again.
    Left,
    /// She left, and the directory forgets her: she cannot come back as the same user.
    Removed,
}

/// The user did not go.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeprovisionError {
    /// Nobody could let anybody in again.
    #[error("the last administrator cannot be disabled")]
    LastAdministrator,
    /// See the source.
    #[error("could not store that the user is gone")]
    Storage(#[from] StorageError),
}

/// Ends everything that was given to a user, within a transaction: from the moment it is committed she is refused everywhere.
/// Who is disabled or gone already stays so.
pub(super) async fn deprovision(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    mut user: User,
    departure: Departure,
) -> Result<User, DeprovisionError> {
    if user.is_active() {
        let last = user.role == Role::Administrator
            && transaction.users().active_administrators().await? <= 1;
        if last {
            return Err(DeprovisionError::LastAdministrator);
        }
        if let Ok((disabled, event)) = user.clone().disable(context.now) {
            user = disabled;
            transaction.users().update(&user, context.now).await?;
            transaction.profiles().mark_left(user.id, departure == Departure::Left).await?;
            context.append(transaction, actor, event).await?;
        }
    }
    end_access(context, transaction, actor, user.id).await?;
    if departure != Departure::Disabled {
        revoke_phones(context, transaction, actor, user.id).await?;
        remove_credentials(context, transaction, actor, user.id).await?;
    }
    if departure == Departure::Removed && !matches!(user.state, State::Removed { .. }) {
        leave_groups(context, transaction, actor, user.id).await?;
        if let Ok((removed, event)) = user.clone().remove(context.now) {
            user = removed;
            transaction.users().update(&user, context.now).await?;
            transaction.profiles().forget(user.id).await?;
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(user)
}

/// Sessions with what they handed over, browsers, applications, codes and tokens.
async fn end_access(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
) -> Result<(), StorageError> {
    transaction.sign_in().remove_of_user(user).await?;
    end_sessions_of_user(context, transaction, actor, user, End::UserDisabled).await?;
    end_sign_ons_of_user(context, transaction, actor, user, SignOnEnd::UserDisabled).await?;
    revoke_grants_of_user(context, transaction, actor, user, GrantEnd::UserDisabled).await
}

/// Phones, with their certificates and the references on them.
async fn revoke_phones(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
) -> Result<(), StorageError> {
    for phone in transaction.phones().of_user(user).await? {
        // One that was revoked before is passed over.
        if let Ok((phone, event)) = phone.revoke(context.now, Revocation::Administrator) {
            transaction.phones().update(&phone).await?;
            context.append(transaction, actor, event).await?;
            let (machine, reason) = (Machine::Phone(phone.id), Revocation::Administrator);
            revoke_all_of(context, transaction, actor, machine, reason).await?;
        }
    }
    for reference in transaction.references().current_of_user(user).await? {
        if let Ok((reference, event)) = reference.revoke(context.now, Revocation::Administrator) {
            transaction.references().update(&reference).await?;
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(())
}

/// Passkeys and security keys.
async fn remove_credentials(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
) -> Result<(), StorageError> {
    for credential in transaction.credentials().of_user(user).await? {
        transaction.credentials().remove(credential.id).await?;
        context.append(transaction, actor, credential.removed(Revocation::Administrator)).await?;
    }
    Ok(())
}

async fn leave_groups(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
) -> Result<(), StorageError> {
    for stored in transaction.groups().of_user(user).await? {
        let group = stored.group;
        let members = Membership { added: vec![], removed: vec![user] };
        transaction.groups().change_members(group.id, &members).await?;
        let (name, external_id) = (group.name.clone(), group.external_id.clone());
        let (group, event) = group.change(name, external_id, &members);
        transaction.groups().update(&group, context.now).await?;
        if let Some(event) = event {
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(())
}
