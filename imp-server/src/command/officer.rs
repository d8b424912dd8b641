//! Who may supervise an enrolment.
use imp_identity::UserId;
use imp_identity::user::{Role, User};
use imp_storage::{StorageError, Transaction};

use crate::store::Tables as _;

/// The user, if she is active and an officer or an administrator.
pub(super) async fn find(
    transaction: &mut Transaction,
    id: UserId,
) -> Result<Option<User>, StorageError> {
    let user = transaction.users().find(id).await?;
    Ok(user.filter(|user| user.is_active() && supervises(user.role)))
}

const fn supervises(role: Role) -> bool {
    match role {
        Role::Officer | Role::Administrator => true,
        Role::Staff | Role::Auditor => false,
    }
}
