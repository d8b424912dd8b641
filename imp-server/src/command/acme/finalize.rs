//! The certificate of an order (RFC 8555 §7.4).
use data_encoding::BASE64;
use imp_identity::device::EnrolmentMeans;
use imp_identity::{AcmeOrderId, Actor};
use imp_pki::CertificateRequest;
use imp_pki::acme::{Authorization, AuthorizationState, Identifier, Order, OrderState, csr};
use imp_storage::Storage;
use jiff::SignedDuration;

use super::order::own_order;
use super::policy::PolicyRefusal;
use super::{AcmeClient, AcmeError, refuse, refused_by_inventory};
use crate::command::{self, Context, IssueCertificateError, Issued};
use crate::store::Tables as _;

/// How long whoever issues has the order for itself.
const HELD: SignedDuration = SignedDuration::from_secs(30);
/// How often it is asked whether somebody has approved.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Issues the certificate of an order that is ready. Where a second person must approve, the order goes on being processed, and
/// whenever the client asks for it, it is looked whether somebody has.
pub(crate) async fn finalize_acme_order(
    context: &mut Context<'_>,
    client: &AcmeClient,
    id: AcmeOrderId,
    request: Vec<u8>,
) -> Result<(Order, Vec<Authorization>), AcmeError> {
    let mut transaction = context.storage.begin().await?;
    let (order, authorizations) = own_order(&mut transaction, client, id).await?;
    let order = order.settle(&authorizations, context.now);
    order.check_ready(context.now).map_err(refuse)?;
    let attested: Vec<_> = authorizations.iter().filter_map(attested_key).collect();
    let verified = csr::check(&request, &order.identifiers, &client.account.key, &attested);
    let verified = verified.map_err(|error| refuse(error).about(order.device))?;
    let (now, until) = (context.now, context.now + HELD);
    if !transaction.acme().claim_order(id, now, until).await? {
        return Err(refuse(PolicyRefusal::Busy));
    }
    let order = order.wait(request, now).map_err(refuse)?;
    transaction.acme().update_order(&order).await?;
    transaction.commit().await?;
    Ok((issue(context, order, &verified).await?, authorizations))
}

fn attested_key(authorization: &Authorization) -> Option<Vec<u8>> {
    match &authorization.state {
        AuthorizationState::Valid { attested, .. } => attested.clone(),
        AuthorizationState::Pending
        | AuthorizationState::Processing { .. }
        | AuthorizationState::Invalid { .. }
        | AuthorizationState::Deactivated => None,
    }
}

/// An order as it is now; one that is being processed is tried again.
pub(crate) async fn poll_acme_order(
    context: &mut Context<'_>,
    client: &AcmeClient,
    id: AcmeOrderId,
) -> Result<(Order, Vec<Authorization>), AcmeError> {
    let mut reading = context.storage.read().await?;
    let (order, authorizations) = own_order(&mut reading, client, id).await?;
    drop(reading);
    let OrderState::Processing { request } = &order.state else {
        return Ok((order, authorizations));
    };
    // Nobody approved in time.
    if order.expires_at <= context.now {
        return Ok((order, authorizations));
    }
    let verified = CertificateRequest::verify_device(request)
        .map_err(|error| refuse(csr::CsrError::from(error)))?;
    let mut transaction = context.storage.begin().await?;
    let (now, until) = (context.now, context.now + HELD);
    if !transaction.acme().claim_order(id, now, until).await? {
        return Ok((order, authorizations));
    }
    transaction.commit().await?;
    match issue(context, order, &verified).await {
        Ok(order) => Ok((order, authorizations)),
        // The order says why: asking for it is not refused.
        Err(AcmeError::Refused(_)) => {
            let mut reading = context.storage.read().await?;
            own_order(&mut reading, client, id).await
        }
        Err(error) => Err(error),
    }
}

async fn issue(
    context: &mut Context<'_>,
    order: Order,
    request: &CertificateRequest,
) -> Result<Order, AcmeError> {
    let wanted = command::Order {
        device: order.device,
        request,
        means: EnrolmentMeans::Acme,
        names: order.identifiers.iter().filter_map(Identifier::server_name).collect(),
        profile: None,
    };
    let now = context.now;
    match command::issue_certificate(context, Actor::Server, wanted).await {
        Ok(issued) => {
            let serial = issued.certificate.serial().to_owned();
            let order = order.issued(serial, now).map_err(refuse)?;
            let mut transaction = context.storage.begin().await?;
            transaction.acme().update_order(&order).await?;
            transaction.acme().keep_chain(order.id, &pem(&issued)).await?;
            transaction.commit().await?;
            Ok(order)
        }
        Err(IssueCertificateError::AwaitingApproval(_) | IssueCertificateError::Changing) => {
            let mut transaction = context.storage.begin().await?;
            transaction.acme().release_order(order.id, now + AGAIN).await?;
            transaction.commit().await?;
            Ok(order)
        }
        Err(error) => {
            let Some(mut refusal) = refused_by_inventory(&error) else {
                // The order stays as it is; the claim ends, and the client may ask again.
                return Err(AcmeError::Issue(error));
            };
            refusal.device = Some(order.device);
            let order = order.refuse(refusal.problem.clone(), now).map_err(refuse)?;
            let mut transaction = context.storage.begin().await?;
            transaction.acme().update_order(&order).await?;
            transaction.commit().await?;
            Err(refusal.into())
        }
    }
}

/// The certificate and those above it, one after the other (RFC 8555 §9.1).
fn pem(issued: &Issued) -> String {
    let mut text = String::new();
    let leaf = std::iter::once(issued.certificate.der());
    for certificate in leaf.chain(issued.chain.iter().map(Vec::as_slice)) {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = BASE64.encode(certificate);
        for line in encoded.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// The certificate of an order, with those above it, in PEM (§7.4.2).
pub(crate) async fn acme_certificate(
    storage: &Storage,
    client: &AcmeClient,
    id: AcmeOrderId,
) -> Result<String, AcmeError> {
    let mut reading = storage.read().await?;
    own_order(&mut reading, client, id).await?;
    let chain = reading.acme().chain(id).await?;
    chain.ok_or_else(|| refuse(PolicyRefusal::Unknown))
}
