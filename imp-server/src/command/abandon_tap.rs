//! A workstation gives up a tap.
use imp_identity::phone::Phone;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Outcome, Purpose, Tap};
use imp_identity::{Actor, Event, PhoneId, TapId, WorkstationId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// What was given up, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned {
    /// The workstation.
    pub workstation: WorkstationId,
    /// The tap, if it was opened.
    pub tap: Option<TapId>,
    /// The phone, if one was resolved.
    pub phone: Option<PhoneId>,
    /// What for.
    pub purpose: Purpose,
    /// Why.
    pub reason: Abandonment,
}

/// The abandonment was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum AbandonTapError {
    /// There is no such tap of this workstation.
    #[error("no such tap")]
    NotFound,
    /// See the source.
    #[error("could not store the abandonment")]
    Storage(#[from] StorageError),
}

/// Records that a workstation gave up. The challenge is used up; giving up a tap that was decided or given up before
/// changes nothing.
pub async fn abandon_tap(
    context: &mut Context<'_>,
    abandoned: Abandoned,
) -> Result<(), AbandonTapError> {
    let Abandoned { workstation, mut phone, mut purpose, reason, .. } = abandoned;
    let mut transaction = context.storage.begin().await?;
    let id = if let Some(id) = abandoned.tap {
        let challenge = transaction.challenges().find(id).await?;
        let challenge = challenge.filter(|challenge| challenge.workstation == workstation);
        let challenge = challenge.ok_or(AbandonTapError::NotFound)?;
        if challenge.used_at.is_some() {
            return Ok(());
        }
        (phone, purpose) = (Some(challenge.phone), challenge.purpose);
        transaction.challenges().answer(id, None, context.now).await?;
        id
    } else {
        TapId::generate(context.now, &mut context.rng)
    };
    let user = match phone {
        Some(phone) => transaction.phones().find(phone).await?.map(|Phone { user, .. }| user),
        None => None,
    };
    let outcome = Outcome::Abandoned { reason };
    let tap = Tap { id, workstation, phone, user, purpose, at: context.now, outcome };
    transaction.taps().add(&tap).await?;
    let event = Event::TapAbandoned { tap: id, workstation, phone, user, purpose, reason };
    context.append(&mut transaction, &Actor::Workstation(workstation), event).await?;
    transaction.commit().await?;
    Ok(())
}
