//! Certificates of the server's own services: of its listeners, and of those who answer by OCSP. Nobody sees one before its
//! entry is in the log. They are made anew in time; until then, and while the log cannot be written, the one before goes on.
use std::sync::Arc;

use imp_identity::device::OwnService;
use imp_identity::{Actor, Clock, Digest, Event};
use imp_storage::StorageError;

use super::Context;
use crate::ca::{Keys, KeysError, Listener, ListenerError, OcspSigner};

/// The listeners have nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowListenerError {
    /// See the source.
    #[error("the listener has no certificate to show")]
    Make(#[from] ListenerError),
    /// See the source.
    #[error("the listener's certificate could not be recorded")]
    Storage(#[from] StorageError),
}

/// Nobody answers for an authority.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppointSignerError {
    /// See the source.
    #[error("the signer of answers cannot be had")]
    Make(#[from] KeysError),
    /// See the source.
    #[error("the signer's certificate could not be recorded")]
    Storage(#[from] StorageError),
}

/// What the listeners show now; a new certificate when the one before is due.
pub(crate) async fn renew_listener(
    context: &mut Context<'_>,
    keys: &Keys,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Listener>, ShowListenerError> {
    let young = |found: &Arc<Listener>| !found.is_due(clock.now());
    if let Some(found) = keys.listener(clock.now()).filter(young) {
        return Ok(found);
    }
    let _turn = keys.turn().lock().await;
    let known = keys.listener(clock.now());
    if let Some(found) = known.clone().filter(young) {
        return Ok(found);
    }
    match new_listener(context, keys, clock).await {
        Ok(made) => Ok(made),
        Err(error) => known.ok_or(error),
    }
}

async fn new_listener(
    context: &mut Context<'_>,
    keys: &Keys,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Listener>, ShowListenerError> {
    let made = keys.new_listener(clock, context.now, context.rng)?;
    record(context, OwnService::Listener, &made.certificate).await?;
    tracing::info!("made a new certificate for the listener");
    Ok(keys.show(made))
}

/// Who answers for an authority now; a new certificate when the one before is due.
pub(crate) async fn renew_ocsp_signer(
    context: &mut Context<'_>,
    keys: &Keys,
    issuer: &Digest,
) -> Result<Arc<OcspSigner>, AppointSignerError> {
    let now = context.now;
    let young = |found: &Arc<OcspSigner>| !found.is_due(now);
    if let Some(found) = keys.ocsp_signer(issuer, now).filter(young) {
        return Ok(found);
    }
    let _turn = keys.turn().lock().await;
    let known = keys.ocsp_signer(issuer, now);
    if let Some(found) = known.clone().filter(young) {
        return Ok(found);
    }
    match new_ocsp_signer(context, keys, issuer).await {
        Ok(made) => Ok(made),
        Err(error) => known.ok_or(error),
    }
}

async fn new_ocsp_signer(
    context: &mut Context<'_>,
    keys: &Keys,
    issuer: &Digest,
) -> Result<Arc<OcspSigner>, AppointSignerError> {
    let made = keys.new_ocsp_signer(issuer, context.now, context.rng)?;
    record(context, OwnService::OcspResponder, &made.certificate).await?;
    Ok(keys.appoint(made))
}

async fn record(
    context: &mut Context<'_>,
    service: OwnService,
    certificate: &imp_pki::Certificate,
) -> Result<(), StorageError> {
    let (serial, expires_at) = (certificate.serial().to_owned(), certificate.expires_at());
    let event = Event::ServiceCertificateIssued { service, serial, expires_at };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await
}
