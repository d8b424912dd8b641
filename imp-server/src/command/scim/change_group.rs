//! Creating, changing and removing groups for a provisioning client.
use imp_identity::group::{Group, Membership};
use imp_identity::{Actor, GroupId, UserId};
use imp_scim::{GROUP, Resource, ScimError, resource};
use imp_storage::Transaction;

use super::super::Context;
use super::group_form::{self, Wanted};
use super::{Change, ProvisionError, Rules, Shown, Wish, invalid, roles, stale};
use crate::store::{StoredGroup, Tables as _};

/// Creates a group.
pub(crate) async fn create_group(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    wish: &Resource,
) -> Result<Shown, ProvisionError> {
    resource::require(wish, &GROUP)?;
    let Wanted { name, external_id, members } = group_form::wanted(wish)?;
    let mut transaction = context.storage.begin().await?;
    let id = GroupId::generate(context.now, &mut context.rng);
    let (group, event) = Group::create(id, name.clone(), external_id.clone());
    transaction.groups().add(&group, context.now).await?;
    context.append(&mut transaction, actor, event).await?;
    if !members.is_empty() {
        let members = Membership { added: members, removed: vec![] };
        let (_, event) = group.change(name, external_id, &members);
        enter(context, &mut transaction, id, &members).await?;
        if let Some(event) = event {
            context.append(&mut transaction, actor, event).await?;
        }
        give_roles(context, &mut transaction, actor, rules, (id, &members.added)).await?;
    }
    let shown = show(&mut transaction, id, rules).await?;
    transaction.commit().await?;
    Ok(shown)
}

/// Replaces or patches a group.
pub(crate) async fn change_group(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    id: GroupId,
    change: &Change,
) -> Result<Shown, ProvisionError> {
    let mut transaction = context.storage.begin().await?;
    let stored = find(&mut transaction, id).await?;
    change.check(stored.version)?;
    let present = transaction.groups().members(id).await?;
    let Wanted { name, external_id, members } = match &change.to {
        Wish::Whole(whole) => {
            resource::require(whole, &GROUP)?;
            group_form::wanted(whole)?
        }
        Wish::Patch(patch) => {
            let before = group_form::shown(&stored, &present, rules);
            group_form::wanted(&patch.apply(&before, &GROUP)?)?
        }
    };
    let mut present: Vec<UserId> = present.into_iter().map(|(user, _)| user).collect();
    let members = Membership::between(&present, &members);
    let gave = roles::gives_role(stored.group.name.as_str(), rules);
    let gives = roles::gives_role(name.as_str(), rules);
    let (group, event) = stored.group.change(name, external_id, &members);
    if let Some(event) = event {
        transaction.groups().update(&group, context.now).await?;
        enter(context, &mut transaction, id, &members).await?;
        context.append(&mut transaction, actor, event).await?;
        if gave || gives {
            present.extend(&members.added);
            roles::follow_groups(context, &mut transaction, actor, &present, rules).await?;
        }
    }
    let shown = show(&mut transaction, id, rules).await?;
    transaction.commit().await?;
    Ok(shown)
}

/// Removes a group.
pub(crate) async fn remove_group(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    id: GroupId,
    if_match: Option<&str>,
) -> Result<(), ProvisionError> {
    let mut transaction = context.storage.begin().await?;
    let stored = find(&mut transaction, id).await?;
    if if_match.is_some_and(|it| !imp_scim::etag::matches(it, stored.version)) {
        return Err(stale().into());
    }
    let members = transaction.groups().members(id).await?;
    let members: Vec<UserId> = members.into_iter().map(|(user, _)| user).collect();
    let gave = roles::gives_role(stored.group.name.as_str(), rules);
    transaction.groups().remove(id).await?;
    context.append(&mut transaction, actor, stored.group.remove()).await?;
    for user in &members {
        transaction.profiles().touch(*user, context.now).await?;
    }
    if gave {
        roles::follow_groups(context, &mut transaction, actor, &members, rules).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Changes who is in a group; all who are added must be there.
async fn enter(
    context: &Context<'_>,
    transaction: &mut Transaction,
    id: GroupId,
    members: &Membership,
) -> Result<(), ProvisionError> {
    for user in &members.added {
        if transaction.profiles().version(*user).await?.is_none() {
            return Err(invalid("members", format!("there is no user {user}")).into());
        }
    }
    transaction.groups().change_members(id, members).await?;
    for user in members.added.iter().chain(&members.removed) {
        transaction.profiles().touch(*user, context.now).await?;
    }
    Ok(())
}

async fn give_roles(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    rules: &Rules,
    (group, users): (GroupId, &[UserId]),
) -> Result<(), ProvisionError> {
    let stored = find(transaction, group).await?;
    if roles::gives_role(stored.group.name.as_str(), rules) {
        roles::follow_groups(context, transaction, actor, users, rules).await?;
    }
    Ok(())
}

async fn find(transaction: &mut Transaction, id: GroupId) -> Result<StoredGroup, ProvisionError> {
    let found = transaction.groups().find(id).await?;
    Ok(found.ok_or_else(|| ScimError::not_found("such group"))?)
}

async fn show(
    transaction: &mut Transaction,
    id: GroupId,
    rules: &Rules,
) -> Result<Shown, ProvisionError> {
    let stored = find(transaction, id).await?;
    let members = transaction.groups().members(id).await?;
    let resource = group_form::shown(&stored, &members, rules);
    Ok(Shown { resource, version: stored.version })
}
