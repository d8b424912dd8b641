//! Applications that speak SAML: registered, changed, found, signed on to.
use imp_identity::name::Label;
use imp_identity::sign_on::SignOn;
use imp_identity::{Actor, ClientId, Event, GrantId};
use imp_saml::ServiceProvider;
use imp_storage::{Page, Storage, StorageError};

use super::{Context, sign_on};
use crate::saml::RegisteredProvider;
use crate::store::{ClientKind, StoredClient, Tables as _, Visit};

/// The most applications that an installation has, whatever they speak.
const MOST: i64 = 10_000;

/// The application was not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterProviderError {
    /// There is one with this entity ID.
    #[error("an application with this entity ID is registered already")]
    Taken,
    /// There are enough.
    #[error("there are 10000 applications already")]
    TooMany,
    /// There is none to change.
    #[error("no application with this identifier speaks SAML")]
    NotFound,
    /// See the source.
    #[error("could not store the application")]
    Storage(#[from] StorageError),
}

/// Registers an application.
pub async fn register_service_provider(
    context: &mut Context<'_>,
    actor: &Actor,
    name: Label,
    provider: ServiceProvider,
) -> Result<RegisteredProvider, RegisterProviderError> {
    let stored = StoredClient {
        id: ClientId::generate(context.now, &mut context.rng),
        name: name.clone(),
        kind: ClientKind::Saml,
        external: Some(provider.entity_id.clone()),
        metadata: document(&provider)?,
        secret: None,
        registration: None,
        revision: 0,
        registered_at: context.now,
    };
    let mut transaction = context.storage.begin().await?;
    if transaction.clients().count().await? >= MOST {
        return Err(RegisterProviderError::TooMany);
    }
    transaction.clients().add(&stored).await.map_err(taken)?;
    let event = Event::ClientRegistered { client: stored.id, name };
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(RegisteredProvider { stored, provider })
}

/// Replaces what is registered of an application, such as its metadata with new certificates.
pub async fn change_service_provider(
    context: &mut Context<'_>,
    actor: &Actor,
    id: ClientId,
    provider: ServiceProvider,
) -> Result<RegisteredProvider, RegisterProviderError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.clients().find(id).await?;
    let found = found.filter(|client| client.kind == ClientKind::Saml);
    let mut stored = found.ok_or(RegisterProviderError::NotFound)?;
    stored.external = Some(provider.entity_id.clone());
    stored.metadata = document(&provider)?;
    stored.revision += 1;
    transaction.clients().update(&stored).await.map_err(taken)?;
    let event = Event::ClientChanged { client: id, name: stored.name.clone() };
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(RegisteredProvider { stored, provider })
}

/// The application with this entity ID.
pub async fn find_service_provider(
    storage: &Storage,
    entity_id: &str,
) -> Result<Option<RegisteredProvider>, StorageError> {
    let found = storage.read().await?.clients().find_external(entity_id).await?;
    Ok(found.map(RegisteredProvider::open).transpose()?.flatten())
}

/// One application that speaks SAML, by our identifier.
pub async fn service_provider(
    storage: &Storage,
    id: ClientId,
) -> Result<Option<RegisteredProvider>, StorageError> {
    let found = storage.read().await?.clients().find(id).await?;
    Ok(found.map(RegisteredProvider::open).transpose()?.flatten())
}

/// Applications that speak SAML, oldest first.
pub async fn list_service_providers(
    storage: &Storage,
    after: Option<ClientId>,
    asked: u32,
) -> Result<Page<RegisteredProvider, ClientId>, StorageError> {
    let page = storage.read().await?.clients().page(ClientKind::Saml, after, asked).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for stored in page.items {
        items.extend(RegisteredProvider::open(stored)?);
    }
    Ok(Page { items, next: page.next })
}

/// Says in the log that a user was signed on to an application by SAML, and remembers to tell it of the end; `false`, and nothing
/// is said, when her sign-on has ended in the meantime: nobody may be told of it then.
pub(crate) async fn record_assertion(
    context: &mut Context<'_>,
    visit: &Visit,
    sign_on: &SignOn,
) -> Result<bool, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let policy = transaction.policies().current().await?.sign_on;
    let current = transaction.sign_ons().find(sign_on.id).await?;
    let user = transaction.users().find(sign_on.user).await?;
    let active = user.is_some_and(|user| user.is_active());
    let Some(current) = current.filter(|_| active) else { return Ok(false) };
    if !sign_on::counts(&mut transaction, &current, &policy, context.now).await? {
        return Ok(false);
    }
    let event = Event::GrantMade {
        grant: GrantId::generate(context.now, &mut context.rng),
        user: sign_on.user,
        client: visit.client,
        workstation: sign_on.workstation,
        scopes: vec!["saml".to_owned()],
    };
    context.append(&mut transaction, &Actor::User(sign_on.user), event).await?;
    transaction.visits().remember(visit).await?;
    transaction.commit().await?;
    Ok(true)
}

fn document(provider: &ServiceProvider) -> Result<String, StorageError> {
    serde_json::to_string(provider).map_err(|_| StorageError::Corrupt { what: "clients.metadata" })
}

fn taken(error: StorageError) -> RegisterProviderError {
    if error.is_unique_violation() { RegisterProviderError::Taken } else { error.into() }
}
