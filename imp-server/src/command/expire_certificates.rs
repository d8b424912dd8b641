//! Devices that will soon stand without a certificate: a forecast for people, and an alarm once for each certificate.
use imp_identity::{Actor, Event};
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;

use super::{Context, Expiring};
use crate::store::Tables as _;

/// How many are told of in a transaction.
const BATCH: u32 = 100;

/// The devices whose last certificate expires between two instants, soonest first; at most 500.
pub async fn expiry_forecast(
    storage: &Storage,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Expiring>, StorageError> {
    storage.read().await?.certificates().expiring(from, until, 500).await
}

/// Records the alarm of devices whose last certificate has at most a sixth of its time left: half the time in which it should
/// have been renewed has passed. Answers those of which nobody was told before; at most 100, so the job asks again.
pub async fn tell_of_expiry(context: &mut Context<'_>) -> Result<Vec<Expiring>, StorageError> {
    let due = context.storage.read().await?.certificates().alarming(context.now, BATCH).await?;
    if due.is_empty() {
        return Ok(due);
    }
    let mut transaction = context.storage.begin().await?;
    // Another replica may have told of them, or the devices may have renewed.
    let due = transaction.certificates().alarming(context.now, BATCH).await?;
    for Expiring { spiffe_id, serial, expires_at } in &due {
        transaction.certificates().alarmed(serial, context.now).await?;
        let (machine, serial, expires_at) = (spiffe_id.clone(), serial.clone(), *expires_at);
        let event = Event::CertificateExpiring { machine, serial, expires_at };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await?;
    Ok(due)
}
