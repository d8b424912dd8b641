//! Erasing records: what is left is a leaf that says nothing.
use imp_identity::{Event, TapId};
use imp_storage::{StorageError, Transaction};

use crate::store::{StoredEntry, Tables as _};

/// Erases the record of an entry wherever the server keeps it or what it says; whether there was one. The commitment
/// stays: every proof of the entry goes on to verify, and nothing can be put in its place.
pub(crate) async fn erase(
    transaction: &mut Transaction,
    entry: &StoredEntry,
) -> Result<bool, StorageError> {
    if entry.content.is_none() {
        return Ok(false);
    }
    if let Ok(Some(read)) = entry.entry() {
        copies(transaction, &read.record.event).await?;
    }
    transaction.entries().erase(entry.index).await?;
    Ok(true)
}

/// Receipts hold the record, and some tables say what it says.
async fn copies(transaction: &mut Transaction, event: &Event) -> Result<(), StorageError> {
    if let Event::TapAccepted(facts) = event {
        forget_tap(transaction, facts.tap).await?;
    }
    if let Event::TapRefused { tap, .. } | Event::TapAbandoned { tap, .. } = event {
        forget_tap(transaction, *tap).await?;
    }
    if let Event::SessionRevoked { session, .. } = event {
        transaction.sessions().forget(*session).await?;
    }
    if let Event::BreakGlassUsed { session: Some(session), .. }
    | Event::BreakGlassReviewed { session, .. } = event
    {
        transaction.emergencies().forget(*session).await?;
    }
    if let Event::EnrolmentCompleted { enrolment, .. } = event {
        transaction.enrolments().forget_receipt(*enrolment).await?;
    }
    if let Event::ReferenceRevoked { reference, .. } = event {
        transaction.references().forget_erasure_receipt(*reference).await?;
    }
    Ok(())
}

async fn forget_tap(transaction: &mut Transaction, tap: TapId) -> Result<(), StorageError> {
    transaction.challenges().forget_receipt(tap).await?;
    transaction.taps().forget(tap).await
}
