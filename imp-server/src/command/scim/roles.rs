//! Who may be given which role, and the roles that groups give.
use imp_identity::user::Role;
use imp_identity::{Actor, UserId};
use imp_scim::{ScimError, ScimType};
use imp_storage::Transaction;

use super::super::Context;
use super::{ProvisionError, Rules};
use crate::store::{StoredGroup, Tables as _};

/// Which role wins when groups give several.
const ORDER: [Role; 4] = [Role::Administrator, Role::Auditor, Role::Officer, Role::Staff];

/// The role that a client may give in place of another; `None` keeps what there is.
pub(super) fn permitted(now: Role, asked: Option<Role>, rules: &Rules) -> Result<Role, ScimError> {
    let Some(asked) = asked.filter(|it| *it != now) else { return Ok(now) };
    if !rules.group_roles.is_empty() {
        let detail = "Roles come from groups here.";
        return Err(ScimError::bad(ScimType::Mutability, detail));
    }
    if rules.grants.contains(&asked) && rules.grants.contains(&now) {
        Ok(asked)
    } else {
        Err(ScimError::new(403, "This role cannot be given or taken by provisioning."))
    }
}

/// Refuses to change somebody who watches over those who provision: administrators and auditors are theirs to change only if the
/// configuration lets them, or their groups, give these roles.
pub(super) fn in_reach(role: Role, rules: &Rules) -> Result<(), ScimError> {
    let given = || rules.group_roles.iter().any(|(_, given)| *given == role);
    match role {
        Role::Staff | Role::Officer => Ok(()),
        Role::Administrator | Role::Auditor if rules.grants.contains(&role) || given() => Ok(()),
        Role::Administrator | Role::Auditor => {
            let detail = "Administrators and auditors are not changed by provisioning.";
            Err(ScimError::new(403, detail))
        }
    }
}

/// Whether the group gives a role.
pub(super) fn gives_role(name: &str, rules: &Rules) -> bool {
    let name = name.to_lowercase();
    rules.group_roles.iter().any(|(group, _)| group.as_str().to_lowercase() == name)
}

/// Gives people the roles of the groups that they are in now: of several the first of administrator, auditor, officer, staff.
/// Who is in no group that gives a role becomes staff.
pub(super) async fn follow_groups(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    users: &[UserId],
    rules: &Rules,
) -> Result<(), ProvisionError> {
    for id in users {
        let groups = transaction.groups().of_user(*id).await?;
        let Some(person) = transaction.profiles().find(*id).await? else { continue };
        let role = given(&groups, rules);
        // What somebody here gave is not taken by a group.
        if role == person.user.role || in_reach(person.user.role, rules).is_err() {
            continue;
        }
        let last = person.user.role == Role::Administrator
            && person.user.is_active()
            && transaction.users().active_administrators().await? <= 1;
        if last {
            return Err(ScimError::new(403, "The last administrator keeps her role.").into());
        }
        let mut to = person.user.attributes();
        to.role = role;
        let (user, _, event) = person.user.change(person.profile.clone(), to, person.profile)?;
        transaction.users().update(&user, context.now).await?;
        if let Some(event) = event {
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(())
}

fn given(groups: &[StoredGroup], rules: &Rules) -> Role {
    let in_group = |name: &str| {
        let name = name.to_lowercase();
        groups.iter().any(|it| it.group.name.as_str().to_lowercase() == name)
    };
    let gives = |role: &Role| {
        rules.group_roles.iter().any(|(name, given)| given == role && in_group(name.as_str()))
    };
    ORDER.into_iter().find(gives).unwrap_or(Role::Staff)
}
