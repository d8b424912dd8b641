//! Creating, changing and removing users for a provisioning client.
use imp_identity::name::Label;
use imp_identity::user::{Role, State, User};
use imp_identity::{Actor, UserId};
use imp_scim::{Resource, ScimError, USER, resource};
use imp_storage::{StorageError, Transaction};

use super::super::Context;
use super::super::deprovision::{Departure, deprovision};
use super::user_form::{self, Wanted};
use super::{Change, ProvisionError, Rules, Shown, Wish, roles, stale};
use crate::store::{Person, Tables as _};

/// What people are said to come from who were provisioned by SCIM.
const SOURCE: &str = "scim";

fn source() -> Option<Label> {
    SOURCE.parse().ok()
}

/// Creates a user.
pub(crate) async fn create_user(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    wish: &Resource,
) -> Result<Shown, ProvisionError> {
    resource::require(wish, &USER)?;
    let wanted = user_form::wanted(wish, source())?;
    let role = roles::permitted(Role::Staff, wanted.role, rules)?;
    let mut transaction = context.storage.begin().await?;
    let id = UserId::generate(context.now, &mut context.rng);
    let Wanted { username, display_name, unit, email, .. } = wanted.clone();
    let (user, event) = User::create(id, username, display_name, role, unit);
    let user = User { email, ..user };
    transaction.users().add(&user).await?;
    transaction.profiles().put(id, &wanted.profile).await?;
    context.append(&mut transaction, actor, event).await?;
    if wanted.active == Some(false) {
        deprovision(context, &mut transaction, actor, user, Departure::Left).await?;
    }
    let shown = show(&mut transaction, id, rules).await?;
    transaction.commit().await?;
    Ok(shown)
}

/// Replaces or patches a user. One who is no longer active has left: everything that was given to her ends with it.
pub(crate) async fn change_user(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    id: UserId,
    change: &Change,
) -> Result<Shown, ProvisionError> {
    let mut transaction = context.storage.begin().await?;
    let person = find(&mut transaction, id).await?;
    change.check(person.version)?;
    roles::in_reach(person.user.role, rules)?;
    let wanted = wanted(&mut transaction, &person, rules, &change.to).await?;
    let asked = wanted.role;
    let role = roles::permitted(person.user.role, asked, rules)?;
    if person.user.role == Role::Administrator && role != Role::Administrator {
        keep_one_administrator(&mut transaction, &person.user).await?;
    }
    let (active, has_left) = (wanted.active, person.has_left);
    let user = store(context, &mut transaction, actor, person, wanted, role).await?;
    match (active, user.state) {
        (Some(false), State::Active) => {
            deprovision(context, &mut transaction, actor, user, Departure::Left).await?;
        }
        // Whom somebody here disabled, somebody here lets in again.
        (Some(true), State::Disabled { .. }) if has_left => {
            let (user, event) = user.enable()?;
            transaction.users().update(&user, context.now).await?;
            context.append(&mut transaction, actor, event).await?;
        }
        (Some(_) | None, _) => {}
    }
    let shown = show(&mut transaction, id, rules).await?;
    transaction.commit().await?;
    Ok(shown)
}

/// Removes a user: everything that was given to her ends, and her name is free.
pub(crate) async fn remove_user(
    context: &mut Context<'_>,
    actor: &Actor,
    rules: &Rules,
    id: UserId,
    if_match: Option<&str>,
) -> Result<(), ProvisionError> {
    let mut transaction = context.storage.begin().await?;
    let person = find(&mut transaction, id).await?;
    if if_match.is_some_and(|it| !imp_scim::etag::matches(it, person.version)) {
        return Err(stale().into());
    }
    roles::in_reach(person.user.role, rules)?;
    deprovision(context, &mut transaction, actor, person.user, Departure::Removed).await?;
    transaction.commit().await?;
    Ok(())
}

async fn find(transaction: &mut Transaction, id: UserId) -> Result<Person, ProvisionError> {
    let found = transaction.profiles().find(id).await?;
    Ok(found.ok_or_else(|| ScimError::not_found("such user"))?)
}

/// What the change makes of a user.
async fn wanted(
    transaction: &mut Transaction,
    person: &Person,
    rules: &Rules,
    to: &Wish,
) -> Result<Wanted, ProvisionError> {
    let source = person.profile.source.clone().or_else(source);
    match to {
        Wish::Whole(whole) => {
            resource::require(whole, &USER)?;
            Ok(user_form::wanted(whole, source)?)
        }
        Wish::Patch(patch) => {
            let groups = transaction.groups().of_user(person.user.id).await?;
            let before = user_form::shown(person, &groups, rules);
            let after = patch.apply(&before, &USER)?;
            let mut wanted = user_form::wanted(&after, source.clone())?;
            // What the patch leaves alone stays as it is kept, which may be otherwise than it is shown.
            if user_form::wanted(&before, source)?.profile == wanted.profile {
                wanted.profile = person.profile.clone();
            }
            if wanted.role.is_none() && before.contains_key("roles") {
                wanted.role = Some(Role::Staff);
            }
            Ok(wanted)
        }
    }
}

async fn store(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    person: Person,
    wanted: Wanted,
    role: Role,
) -> Result<User, ProvisionError> {
    let to = wanted.attributes(role);
    let (user, profile, event) = person.user.change(person.profile, to, wanted.profile)?;
    if let Some(event) = event {
        transaction.users().update(&user, context.now).await?;
        transaction.profiles().put(user.id, &profile).await?;
        context.append(transaction, actor, event).await?;
    }
    Ok(user)
}

async fn keep_one_administrator(
    transaction: &mut Transaction,
    user: &User,
) -> Result<(), ProvisionError> {
    if user.is_active() && transaction.users().active_administrators().await? <= 1 {
        return Err(ScimError::new(403, "The last administrator keeps her role.").into());
    }
    Ok(())
}

async fn show(
    transaction: &mut Transaction,
    id: UserId,
    rules: &Rules,
) -> Result<Shown, ProvisionError> {
    let person = find(transaction, id).await?;
    let groups: Result<_, StorageError> = transaction.groups().of_user(id).await;
    let resource = user_form::shown(&person, &groups?, rules);
    Ok(Shown { resource, version: person.version })
}
