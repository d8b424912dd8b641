//! The job that removes what can no longer be used. Facts stay: they are in the event log.
use imp_storage::StorageError;
use jiff::SignedDuration;

use super::Context;
use crate::store::Tables as _;

/// An expired challenge is kept so long, so that a late answer is told that it is late.
const CHALLENGES: SignedDuration = SignedDuration::from_hours(24);
/// An expired certificate is kept so long.
const CERTIFICATES: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What was granted is kept so long after it expired, so that a late second use of its tokens is still noticed.
const GRANTS: SignedDuration = SignedDuration::from_hours(24);

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Challenges.
    pub challenges: u64,
    /// Sign-in codes.
    pub codes: u64,
    /// Bearer tokens.
    pub tokens: u64,
    /// Records of certificates.
    pub certificates: u64,
}

/// Removes expired challenges, codes, tokens and certificates.
pub async fn purge(context: &mut Context<'_>) -> Result<Purged, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let challenges = transaction.challenges().purge(context.now - CHALLENGES).await?;
    let (codes, tokens) = transaction.sign_in().purge(context.now).await?;
    transaction.handovers().purge(context.now).await?;
    transaction.grants().purge(context.now - GRANTS).await?;
    let certificates = transaction.certificates().purge(context.now - CERTIFICATES).await?;
    transaction.commit().await?;
    Ok(Purged { challenges, codes, tokens, certificates })
}

/// Forgets what applications showed once, pushed, or gave back, and what devices asked for, when its time is over. There may be
/// many of these a second.
pub async fn forget_shown(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let forgotten = transaction.oauth().purge(context.now).await?;
    transaction.commit().await?;
    Ok(forgotten)
}
