//! A workstation gives up a tap.
use imp_identity::phone::Phone;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Outcome, Purpose, Tap};
use imp_identity::{Actor, Event, PhoneId, TapId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::Context;
use crate::store::Tables as _;

/// What was given up, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned {
    /// The workstation.
    pub workstation: WorkstationId,
    /// The tap.
    pub tap: AbandonedTap,
    /// The phone, if one was resolved.
    pub phone: Option<PhoneId>,
    /// What for.
    pub purpose: Purpose,
    /// Why.
    pub reason: Abandonment,
}

/// How far the tap had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbandonedTap {
    /// It has a challenge.
    Opened(TapId),
    /// It has none. The workstation may draw the name, so that a repeated report counts once.
    Unopened(Option<TapId>),
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

/// Records that a workstation gave up. The challenge, if there is one, is used up; giving up a tap that was decided or
/// given up before changes nothing.
pub async fn abandon_tap(
    context: &mut Context<'_>,
    abandoned: Abandoned,
) -> Result<(), AbandonTapError> {
    let Abandoned { workstation, mut phone, mut purpose, reason, .. } = abandoned;
    let mut transaction = context.storage.begin().await?;
    let id = match abandoned.tap {
        AbandonedTap::Opened(id) => {
            let challenge = transaction.challenges().find(id).await?;
            let challenge = challenge.filter(|challenge| challenge.workstation == workstation);
            let challenge = challenge.ok_or(AbandonTapError::NotFound)?;
            if challenge.used_at.is_some() {
                return Ok(());
            }
            (phone, purpose) = (Some(challenge.phone), challenge.purpose);
            transaction.challenges().answer(id, None, context.now).await?;
            id
        }
        AbandonedTap::Unopened(Some(id)) => match known(&mut transaction, workstation, id).await? {
            Known::Reported => return Ok(()),
            Known::Not => id,
        },
        AbandonedTap::Unopened(None) => TapId::generate(context.now, &mut context.rng),
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

enum Known {
    Not,
    Reported,
}

/// Whether the name that a workstation drew is taken: by its own earlier report, or by a tap that it may not name.
async fn known(
    transaction: &mut Transaction,
    workstation: WorkstationId,
    id: TapId,
) -> Result<Known, AbandonTapError> {
    match transaction.taps().find(id).await? {
        Some(tap) if tap.workstation == workstation => Ok(Known::Reported),
        Some(_) => Err(AbandonTapError::NotFound),
        // The name of a challenge would keep the challenge from being answered.
        None if transaction.challenges().find(id).await?.is_some() => {
            Err(AbandonTapError::NotFound)
        }
        None => Ok(Known::Not),
    }
}
