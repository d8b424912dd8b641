//! What a person's applications hold in her name, and how she takes it back (OWASP ASVS 5.0, 10.4.9 and 10.7.3).
use std::collections::{BTreeMap, BTreeSet};

use imp_identity::grant::GrantEnd;
use imp_identity::{Actor, ClientId, UserId};
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;

use super::super::Context;
use super::grants::end_grant;
use crate::store::{Grant, Tables as _};

/// What one application holds in somebody's name, or may have again without asking her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnApplication {
    /// Which.
    pub client: ClientId,
    /// Everything that it was granted or that she agreed to.
    pub scopes: BTreeSet<String>,
    /// When the first of it was.
    pub since: Timestamp,
    /// First instant at which nothing that it holds counts; `None` where it holds nothing now, but she agreed.
    pub until: Option<Timestamp>,
}

/// The applications that hold something in a user's name, or to which she agreed.
pub async fn applications_of_user(
    storage: &Storage,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<OwnApplication>, StorageError> {
    let mut reading = storage.read().await?;
    let mut found = BTreeMap::new();
    let grants = reading.grants().of_user(user).await?;
    for Grant { client, scope, granted_at, expires_at, .. } in
        grants.into_iter().filter(|grant| grant.counts(now))
    {
        let one = found.entry(client).or_insert_with(|| OwnApplication::new(client, granted_at));
        one.add(scope.tokens(), granted_at);
        one.until = one.until.max(Some(expires_at));
    }
    for (client, scope, at) in reading.oauth().consents(user).await? {
        let one = found.entry(client).or_insert_with(|| OwnApplication::new(client, at));
        one.add(scope.tokens(), at);
    }
    Ok(found.into_values().collect())
}

impl OwnApplication {
    const fn new(client: ClientId, since: Timestamp) -> Self {
        Self { client, scopes: BTreeSet::new(), since, until: None }
    }

    fn add<'a>(&mut self, scopes: impl Iterator<Item = &'a str>, at: Timestamp) {
        self.scopes.extend(scopes.map(str::to_owned));
        self.since = self.since.min(at);
    }
}

/// A user takes back what an application holds in her name, and what she agreed to. Answers whether there was anything.
pub async fn withdraw_application(
    context: &mut Context<'_>,
    user: UserId,
    client: ClientId,
) -> Result<bool, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let mut any = transaction.oauth().forget_consent(user, client).await?;
    let grants = transaction.grants().of_user(user).await?;
    for grant in grants.iter().filter(|grant| grant.client == client) {
        any |= grant.counts(context.now);
        let actor = Actor::User(user);
        end_grant(context, &mut transaction, &actor, grant, GrantEnd::User).await?;
    }
    transaction.commit().await?;
    Ok(any)
}
