//! Taking people over from a directory: what the plan says, a transaction a person, and one event at the end.
use imp_identity::name::Label;
use imp_identity::profile::Profile;
use imp_identity::user::{Role, State, User};
use imp_identity::{Actor, Event, UserId};
use imp_ldap::{DirectoryPerson, Known, Plan};
use imp_storage::{Storage, StorageError, Transaction};

use super::Context;
use super::deprovision::{Departure, DeprovisionError, deprovision};
use crate::store::Tables as _;

/// How many people are read at a time.
const AT_ONCE: u32 = 500;

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Who joined.
    pub created: u32,
    /// Whose attributes changed.
    pub changed: u32,
    /// Who left.
    pub disabled: u32,
    /// Who was left out because somebody took the name meanwhile, or because she is the last administrator.
    pub refused: u32,
}

/// Everybody who is here, as the plan needs them.
pub async fn known_people(storage: &Storage) -> Result<Vec<Known>, StorageError> {
    let mut reading = storage.read().await?;
    let mut known = vec![];
    let mut after = None;
    loop {
        let page = reading.profiles().page(after, AT_ONCE).await?;
        known.extend(page.items.into_iter().map(|it| Known {
            user: it.user,
            profile: it.profile,
            has_left: it.has_left,
        }));
        after = page.next;
        if after.is_none() {
            return Ok(known);
        }
    }
}

/// Carries out a plan. What fails stops it; what was done by then stays done, and the next import goes on.
pub async fn import_directory(
    context: &mut Context<'_>,
    actor: &Actor,
    source: &Label,
    plan: &Plan,
) -> Result<Imported, StorageError> {
    let mut imported = Imported::default();
    let count = |done: &mut u32, outcome: Result<(), StorageError>| match outcome {
        Ok(()) => {
            *done += 1;
            Ok(0)
        }
        Err(error) if error.is_unique_violation() => Ok(1),
        Err(error) => Err(error),
    };
    let mut refused = 0;
    for person in &plan.joiners {
        let joined = join(context, actor, source, person).await;
        refused += count(&mut imported.created, joined)?;
    }
    for (id, person) in &plan.movers {
        let moved = change(context, actor, source, *id, person).await;
        refused += count(&mut imported.changed, moved)?;
    }
    for (id, _) in &plan.leavers {
        if leave(context, actor, *id).await? {
            imported.disabled += 1;
        } else {
            refused += 1;
        }
    }
    imported.refused = refused;
    record_import(context, actor, source, imported, None).await?;
    Ok(imported)
}

/// Says in the log what was taken over, or why nothing was.
pub async fn record_import(
    context: &mut Context<'_>,
    actor: &Actor,
    source: &Label,
    imported: Imported,
    problem: Option<String>,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Imported { created, changed, disabled, .. } = imported;
    let source = source.to_string();
    let event = Event::DirectoryImported { source, created, changed, disabled, problem };
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await
}

async fn join(
    context: &mut Context<'_>,
    actor: &Actor,
    source: &Label,
    person: &DirectoryPerson,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let id = UserId::generate(context.now, &mut context.rng);
    let DirectoryPerson { username, display_name, unit, email, role, .. } = person.clone();
    let role = role.unwrap_or(Role::Staff);
    let (user, event) = User::create(id, username, display_name, role, unit);
    transaction.users().add(&User { email, ..user }).await?;
    transaction.profiles().put(id, &profile(Profile::default(), source, person)).await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await
}

fn profile(before: Profile, source: &Label, person: &DirectoryPerson) -> Profile {
    Profile {
        source: Some(source.clone()),
        external_id: Some(person.external_id.clone()),
        given_name: person.given_name.clone(),
        family_name: person.family_name.clone(),
        other: before.other,
    }
}

async fn change(
    context: &mut Context<'_>,
    actor: &Actor,
    source: &Label,
    id: UserId,
    person: &DirectoryPerson,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(found) = transaction.profiles().find(id).await? else { return Ok(()) };
    let has_left = found.has_left;
    let mut to = found.user.attributes();
    to.username = person.username.clone();
    to.display_name = person.display_name.clone();
    to.unit = person.unit.clone();
    to.email = person.email.clone();
    if let Some(role) = person.role
        && may_become(&mut transaction, &found.user, role).await?
    {
        to.role = role;
    }
    let new = profile(found.profile.clone(), source, person);
    // Who was removed since the plan was made is not found above.
    let Ok((user, new, event)) = found.user.change(found.profile, to, new) else { return Ok(()) };
    if let Some(event) = event {
        transaction.users().update(&user, context.now).await?;
        transaction.profiles().put(id, &new).await?;
        context.append(&mut transaction, actor, event).await?;
    }
    if has_left
        && let State::Disabled { .. } = user.state
        && let Ok((user, event)) = user.enable()
    {
        transaction.users().update(&user, context.now).await?;
        context.append(&mut transaction, actor, event).await?;
    }
    transaction.commit().await
}

/// The last administrator keeps her role.
async fn may_become(
    transaction: &mut Transaction,
    user: &User,
    role: Role,
) -> Result<bool, StorageError> {
    let demoted = user.role == Role::Administrator && role != Role::Administrator;
    let last =
        demoted && user.is_active() && transaction.users().active_administrators().await? <= 1;
    Ok(!last)
}

/// Whether she left; the last administrator does not.
async fn leave(context: &mut Context<'_>, actor: &Actor, id: UserId) -> Result<bool, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(user) = transaction.users().find(id).await? else { return Ok(false) };
    match deprovision(context, &mut transaction, actor, user, Departure::Left).await {
        Ok(_) => {}
        Err(DeprovisionError::LastAdministrator) => return Ok(false),
        Err(DeprovisionError::Storage(error)) => return Err(error),
    }
    transaction.commit().await?;
    Ok(true)
}
