//! Accounts (RFC 8555 §7.3).
use imp_identity::{AcmeAccountId, Actor, Event};
use imp_pki::acme::AccountKey;
use imp_pki::acme::account::{AccountChange, AccountError, AccountStatus, NewAccount};
use imp_pki::acme::binding::{Binding, BindingError};
use imp_pki::acme::rollover::{self, RolloverError};
use imp_storage::{Storage, Transaction};

use super::{AcmeClient, AcmeError, refuse};
use crate::acme::KeySealer;
use crate::command::Context;
use crate::store::{AcmeAccount, AcmeKey, Tables as _};

/// A request for an account.
pub(crate) struct AccountWish<'a> {
    /// The key that signed it.
    pub(crate) key: AccountKey,
    /// What it says.
    pub(crate) payload: &'a [u8],
    /// The address that it was sent to.
    pub(crate) url: &'a str,
    /// Whether a binding is required.
    pub(crate) binding_required: bool,
}

/// The account that signs, if it counts.
pub(crate) async fn find_acme_client(
    storage: &Storage,
    id: AcmeAccountId,
) -> Result<AcmeClient, AcmeError> {
    let mut reading = storage.read().await?;
    let found = reading.acme().find_account(id).await?;
    let account = found.ok_or_else(|| refuse(AccountError::Unknown))?;
    Ok(AcmeClient::of(&mut reading, account).await?)
}

/// Finds or makes the account of a key; answers whether it was made.
pub(crate) async fn register_acme_account(
    context: &mut Context<'_>,
    sealer: &KeySealer,
    wish: AccountWish<'_>,
) -> Result<(AcmeClient, bool), AcmeError> {
    let wanted = NewAccount::parse(wish.payload).map_err(refuse)?;
    let mut transaction = context.storage.begin().await?;
    let found = transaction.acme().find_account_by_key(wish.key.thumbprint()).await?;
    if let Some(account) = found {
        if account.status != AccountStatus::Valid {
            return Err(refuse(AccountError::Gone));
        }
        return Ok((AcmeClient::of(&mut transaction, account).await?, false));
    }
    if wanted.only_existing {
        return Err(refuse(AccountError::Unknown));
    }
    let bound_by = match &wanted.binding {
        Some(binding) => {
            let binding = Binding::parse(binding, wish.url).map_err(refuse)?;
            Some(bound(context, &mut transaction, sealer, &binding, &wish.key).await?)
        }
        None if wish.binding_required => return Err(refuse(BindingError::Missing)),
        None => None,
    };
    let account = AcmeAccount {
        id: AcmeAccountId::generate(context.now, &mut context.rng),
        key: wish.key,
        contacts: wanted.contacts,
        status: AccountStatus::Valid,
        bound_by,
        made_at: context.now,
    };
    transaction.acme().add_account(&account).await?;
    let event = Event::AcmeAccountRegistered { account: account.id };
    context.append(&mut transaction, &Actor::Server, event).await?;
    let client = AcmeClient::of(&mut transaction, account).await?;
    transaction.commit().await?;
    Ok((client, true))
}

/// The key that binds a new account, if it counts.
async fn bound(
    context: &Context<'_>,
    transaction: &mut Transaction,
    sealer: &KeySealer,
    binding: &Binding,
    account: &AccountKey,
) -> Result<String, AcmeError> {
    let found = transaction.acme().find_key(&binding.key_id).await?;
    let counts = |key: &AcmeKey| key.removed_at.is_none() && context.now < key.expires_at;
    let key = found.filter(counts).ok_or_else(|| refuse(BindingError::Unknown))?;
    let secret = sealer.open(&key.id, &key.sealed)?;
    binding.verify(&secret, account).map_err(refuse)?;
    // Within the turn to write, so that two at the same time are not two accounts.
    if !key.reusable && !transaction.acme().accounts_of_key(&key.id).await?.is_empty() {
        return Err(refuse(BindingError::Used));
    }
    Ok(key.id)
}

/// Changes contacts, or gives the account up (§7.3.2, §7.3.6). An empty payload changes nothing.
pub(crate) async fn change_acme_account(
    context: &mut Context<'_>,
    client: AcmeClient,
    payload: &[u8],
) -> Result<AcmeClient, AcmeError> {
    let wanted = AccountChange::parse(payload).map_err(refuse)?;
    let changes = [(wanted.contacts.is_some(), "contact"), (wanted.deactivate, "deactivated")];
    if changes.iter().all(|(changed, _)| !changed) {
        return Ok(client);
    }
    let AcmeClient { account, devices } = client;
    let mut transaction = context.storage.begin().await?;
    // It may have been revoked since it signed.
    let found = transaction.acme().find_account(account.id).await?;
    let mut account = found.ok_or_else(|| refuse(AccountError::Unknown))?;
    if account.status != AccountStatus::Valid {
        return Err(refuse(AccountError::Gone));
    }
    account.contacts = wanted.contacts.unwrap_or(account.contacts);
    if wanted.deactivate {
        account.status = AccountStatus::Deactivated;
    }
    transaction.acme().update_account(&account).await?;
    for (_, change) in changes.iter().filter(|(changed, _)| *changed) {
        let (account, change) = (account.id, (*change).to_owned());
        let event = Event::AcmeAccountChanged { account, change };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await?;
    Ok(AcmeClient { account, devices })
}

/// Replaces an account's key (§7.3.5); `name` is the account's address. Of two changes at the same time one is refused.
pub(crate) async fn roll_acme_key_over(
    context: &mut Context<'_>,
    client: &AcmeClient,
    payload: &[u8],
    (url, name): (&str, &str),
) -> Result<AccountKey, AcmeError> {
    let account = &client.account;
    let new = rollover::verify(payload, url, name, &account.key).map_err(refuse)?;
    let mut transaction = context.storage.begin().await?;
    let replaced = transaction.acme().replace_account_key(account.id, &account.key, &new).await;
    match replaced {
        Ok(true) => {}
        Ok(false) => return Err(refuse(RolloverError::OldKey)),
        Err(error) if error.is_unique_violation() => return Err(refuse(RolloverError::Taken)),
        Err(error) => return Err(error.into()),
    }
    let change = "key-changed".to_owned();
    let event = Event::AcmeAccountChanged { account: account.id, change };
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await?;
    Ok(new)
}
