//! Applications: registered, changed, removed.
use imp_identity::grant::GrantEnd;
use imp_identity::name::Label;
use imp_identity::{Actor, ClientId, Event, Secret};
use imp_oauth::client::Metadata;
use imp_oauth::opaque::{Kind, Opaque};
use imp_storage::{Page, Storage, StorageError, Transaction};

use super::super::Context;
use super::grants::end_all;
use crate::oauth::{self, RegisteredClient};
use crate::store::{ClientKind, Tables as _};

/// The most applications that an installation has.
const MOST: i64 = 10_000;

/// Whether an application gets a token with which it may change its own registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registrar {
    /// An administrator registers it, and changes it.
    Administrator,
    /// It registers itself (RFC 7591), and may remove itself (RFC 7592).
    Itself,
}

/// An application was registered.
#[derive(Debug)]
pub struct ClientRegistered {
    /// Which.
    pub client: RegisteredClient,
    /// Its secret, if it has one. It is shown once and stored by digest.
    pub secret: Option<Secret<String>>,
    /// The token with which it manages its registration.
    pub registration: Option<Secret<String>>,
}

/// The application was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterClientError {
    /// Its name is not one.
    #[error("client_name: 1 to 128 printable characters are expected")]
    Name,
    /// There are enough.
    #[error("there are 10000 applications already")]
    TooMany,
    /// See the source.
    #[error("could not store the application")]
    Storage(#[from] StorageError),
}

/// The application was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeClientError {
    /// There is none.
    #[error("no such application")]
    NotFound,
    /// Its name is not one.
    #[error("client_name: 1 to 128 printable characters are expected")]
    Name,
    /// It proves itself in another way.
    #[error("the application has no secret: its token_endpoint_auth_method needs none")]
    NoSecret,
    /// See the source.
    #[error("could not store the application")]
    Storage(#[from] StorageError),
}

/// Registers an application.
pub async fn register_client(
    context: &mut Context<'_>,
    actor: &Actor,
    metadata: Metadata,
    registrar: Registrar,
) -> Result<ClientRegistered, RegisterClientError> {
    let name: Label = metadata.name.parse().map_err(|_| RegisterClientError::Name)?;
    let secret = metadata.needs_secret().then(|| Kind::ClientSecret.generate(&mut context.rng));
    let registration = match registrar {
        Registrar::Administrator => None,
        Registrar::Itself => Some(Kind::Registration.generate(&mut context.rng)),
    };
    let client = RegisteredClient {
        id: ClientId::generate(context.now, &mut context.rng),
        metadata,
        secret: secret.as_ref().map(|secret| secret.digest),
        registration: registration.as_ref().map(|token| token.digest),
        revision: 0,
        registered_at: context.now,
    };
    let mut transaction = context.storage.begin().await?;
    if transaction.clients().count().await? >= MOST {
        return Err(RegisterClientError::TooMany);
    }
    transaction.clients().add(&client.store()?).await?;
    let event = Event::ClientRegistered { client: client.id, name };
    context.append(&mut transaction, actor, event).await?;
    oauth::changed(&mut transaction, context.rng).await?;
    transaction.commit().await?;
    let token = |opaque: Option<Opaque>| opaque.map(|opaque| opaque.token);
    Ok(ClientRegistered { client, secret: token(secret), registration: token(registration) })
}

/// Changes an application's registration. One that needs a secret now and had none gets one.
pub async fn change_client(
    context: &mut Context<'_>,
    actor: &Actor,
    id: ClientId,
    metadata: Metadata,
) -> Result<ClientRegistered, ChangeClientError> {
    metadata.name.parse::<Label>().map_err(|_| ChangeClientError::Name)?;
    let mut transaction = context.storage.begin().await?;
    let mut client = find(&mut transaction, id).await?.ok_or(ChangeClientError::NotFound)?;
    let secret = (metadata.needs_secret() && client.secret.is_none())
        .then(|| Kind::ClientSecret.generate(&mut context.rng));
    if !metadata.needs_secret() {
        client.secret = None;
    } else if let Some(secret) = &secret {
        client.secret = Some(secret.digest);
    }
    client.metadata = metadata;
    store(context, transaction, actor, &mut client).await?;
    let secret = secret.map(|secret| secret.token);
    Ok(ClientRegistered { client, secret, registration: None })
}

/// Replaces an application's secret: the old one counts no longer.
pub async fn renew_client_secret(
    context: &mut Context<'_>,
    actor: &Actor,
    id: ClientId,
) -> Result<ClientRegistered, ChangeClientError> {
    let mut transaction = context.storage.begin().await?;
    let mut client = find(&mut transaction, id).await?.ok_or(ChangeClientError::NotFound)?;
    if !client.metadata.needs_secret() {
        return Err(ChangeClientError::NoSecret);
    }
    let Opaque { token, digest } = Kind::ClientSecret.generate(&mut context.rng);
    client.secret = Some(digest);
    store(context, transaction, actor, &mut client).await?;
    Ok(ClientRegistered { client, secret: Some(token), registration: None })
}

/// Removes an application: what it was granted counts no longer.
pub async fn remove_client(
    context: &mut Context<'_>,
    actor: &Actor,
    id: ClientId,
) -> Result<(), ChangeClientError> {
    let mut transaction = context.storage.begin().await?;
    transaction.clients().find(id).await?.ok_or(ChangeClientError::NotFound)?;
    let grants = transaction.grants().of_client(id).await?;
    end_all(context, &mut transaction, actor, &grants, GrantEnd::ClientRemoved).await?;
    transaction.clients().remove(id).await?;
    context.append(&mut transaction, actor, Event::ClientRemoved { client: id }).await?;
    oauth::changed(&mut transaction, context.rng).await?;
    Ok(transaction.commit().await?)
}

/// One application that speaks OAuth.
pub async fn find_client(
    storage: &Storage,
    id: ClientId,
) -> Result<Option<RegisteredClient>, StorageError> {
    find(&mut storage.read().await?, id).await
}

/// The application of a name, if there is exactly one that speaks OAuth.
pub async fn find_client_named(
    storage: &Storage,
    name: &str,
) -> Result<Option<RegisteredClient>, StorageError> {
    let mut found = storage.read().await?.clients().called(name).await?;
    match (found.pop(), found.is_empty()) {
        (Some(stored), true) => RegisteredClient::open(stored),
        _ => Ok(None),
    }
}

/// Applications that speak OAuth, oldest first.
pub async fn list_clients(
    storage: &Storage,
    after: Option<ClientId>,
    asked: u32,
) -> Result<Page<RegisteredClient, ClientId>, StorageError> {
    let page = storage.read().await?.clients().page(ClientKind::Oauth, after, asked).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for stored in page.items {
        items.extend(RegisteredClient::open(stored)?);
    }
    Ok(Page { items, next: page.next })
}

/// Says in the log that an application was refused.
pub(crate) async fn record_client_refusal(
    context: &mut Context<'_>,
    client: Option<ClientId>,
    reason: String,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let event = Event::ClientRefused { client, reason };
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await
}

async fn find(
    transaction: &mut Transaction,
    id: ClientId,
) -> Result<Option<RegisteredClient>, StorageError> {
    let stored = transaction.clients().find(id).await?;
    Ok(stored.map(RegisteredClient::open).transpose()?.flatten())
}

async fn store(
    context: &mut Context<'_>,
    mut transaction: Transaction,
    actor: &Actor,
    client: &mut RegisteredClient,
) -> Result<(), StorageError> {
    client.revision += 1;
    let stored = client.store()?;
    transaction.clients().update(&stored).await?;
    let event = Event::ClientChanged { client: client.id, name: stored.name };
    context.append(&mut transaction, actor, event).await?;
    oauth::changed(&mut transaction, context.rng).await?;
    transaction.commit().await
}
