//! Orders (RFC 8555 §7.4, RFC 9773 §5).
use imp_identity::spiffe::Machine;
use imp_identity::{AcmeOrderId, DeviceId};
use imp_pki::acme::order::NewOrder;
use imp_pki::acme::{
    Authorization, AuthorizationId, AuthorizationState, CertificateId, Identifier, Order,
    OrderState, Token,
};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::policy::{self, PolicyRefusal};
use super::{AcmeClient, AcmeError, refuse};
use crate::command::Context;
use crate::store::Tables as _;

/// The most orders of an account that are not finished.
const MOST_OPEN: u64 = 100;
/// How long an order is kept that nobody finishes, or after its certificate was issued.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Takes an order in, with an authorization for each identifier.
pub(crate) async fn order_acme_certificate(
    context: &mut Context<'_>,
    client: &AcmeClient,
    payload: &[u8],
    lifetime: SignedDuration,
) -> Result<(Order, Vec<Authorization>), AcmeError> {
    let NewOrder { identifiers, replaces } = NewOrder::parse(payload).map_err(refuse)?;
    // What is refused must not make the one writer's queue longer.
    let mut reading = context.storage.read().await?;
    policy::device_of(&mut reading, client, &identifiers).await?;
    drop(reading);
    let mut transaction = context.storage.begin().await?;
    client.check_still_valid(&mut transaction).await?;
    let device = policy::device_of(&mut transaction, client, &identifiers).await?;
    let open = transaction.acme().open_orders(client.account.id, context.now).await?;
    if open >= MOST_OPEN {
        return Err(refuse(PolicyRefusal::TooMany(open)).about(device.id));
    }
    if let Some(id) = &replaces {
        check_replaced(&mut transaction, id, device.id, context.now).await?;
    }
    let expires_at = context.now + lifetime;
    let order = Order {
        id: AcmeOrderId::generate(context.now, &mut context.rng),
        account: client.account.id,
        device: device.id,
        identifiers,
        replaces,
        expires_at,
        state: OrderState::Pending,
    };
    transaction.acme().add_order(&order, context.now).await?;
    let mut authorizations = vec![];
    for identifier in &order.identifiers {
        let it = authorization(context, order.id, identifier.clone(), expires_at);
        transaction.acme().add_authorization(&it).await?;
        authorizations.push(it);
    }
    transaction.commit().await?;
    Ok((order, authorizations))
}

fn authorization(
    context: &mut Context<'_>,
    order: AcmeOrderId,
    identifier: Identifier,
    expires_at: Timestamp,
) -> Authorization {
    Authorization {
        id: AuthorizationId::generate(context.now, &mut context.rng),
        order,
        identifier,
        token: Token::generate(context.rng),
        expires_at,
        state: AuthorizationState::Pending,
    }
}

/// The certificate that is to be replaced is one of the device, and nobody replaces it.
async fn check_replaced(
    transaction: &mut Transaction,
    id: &CertificateId,
    device: DeviceId,
    now: Timestamp,
) -> Result<(), AcmeError> {
    let found = transaction.certificates().find_by_serial(&id.serial()).await?;
    let is_it = found.is_some_and(|it| {
        it.spiffe_id.machine == Machine::Device(device)
            && it.issuance.as_ref().and_then(|it| CertificateId::of(&it.der)).as_ref() == Some(id)
    });
    if !is_it {
        return Err(refuse(PolicyRefusal::Replaces).about(device));
    }
    if transaction.acme().is_replaced(id, now).await? {
        return Err(refuse(PolicyRefusal::Replaced).about(device));
    }
    Ok(())
}

/// An order of this account, with its authorizations.
pub(super) async fn own_order(
    transaction: &mut Transaction,
    client: &AcmeClient,
    id: AcmeOrderId,
) -> Result<(Order, Vec<Authorization>), AcmeError> {
    client.check_still_valid(transaction).await?;
    let found = transaction.acme().find_order(id).await?;
    let order = found.ok_or_else(|| refuse(PolicyRefusal::Unknown))?;
    if order.account != client.account.id {
        return Err(refuse(PolicyRefusal::NotYours));
    }
    let authorizations = transaction.acme().authorizations_of(id).await?;
    Ok((order, authorizations))
}

/// The orders of an account after one (§7.1.2.1).
pub(crate) async fn acme_orders_of(
    storage: &Storage,
    client: &AcmeClient,
    after: Option<AcmeOrderId>,
    most: u32,
) -> Result<Vec<AcmeOrderId>, AcmeError> {
    let mut reading = storage.read().await?;
    Ok(reading.acme().orders_of(client.account.id, after, most).await?)
}

/// Forgets old orders; how many.
pub(crate) async fn purge_acme_orders(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let purged = transaction.acme().purge_orders(context.now - KEPT).await?;
    transaction.commit().await?;
    Ok(purged)
}
