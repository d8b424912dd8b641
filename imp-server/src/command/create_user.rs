//! Creating a user.
use imp_identity::name::{Email, Label, Username};
use imp_identity::user::{Role, User};
use imp_identity::{Actor, Event, UserId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// A user to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// What she signs in as.
    pub username: Username,
    /// How she is shown to people.
    pub display_name: Label,
    /// What she may do.
    pub role: Role,
    /// The ward or department.
    pub unit: Option<Label>,
    /// Where notices to her go.
    pub email: Option<Email>,
}

/// The user was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has that name.
    #[error("the username is taken")]
    UsernameTaken,
    /// See the source.
    #[error("could not store the user")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for CreateUserError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() { Self::UsernameTaken } else { Self::Storage(error) }
    }
}

impl NewUser {
    /// The user and the event of creating her.
    pub(super) fn create(self, id: UserId) -> (User, Event) {
        let (user, event) =
            User::create(id, self.username, self.display_name, self.role, self.unit);
        (User { email: self.email, ..user }, event)
    }
}

/// Creates a user.
pub async fn create_user(
    context: &mut Context<'_>,
    actor: Actor,
    new: NewUser,
) -> Result<User, CreateUserError> {
    let mut transaction = context.storage.begin().await?;
    let (user, event) = new.create(UserId::generate(context.now, &mut context.rng));
    transaction.users().add(&user).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(user)
}
