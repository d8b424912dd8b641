//! Handing out a challenge.
use imp_identity::challenge::{Audience, Challenge};
use imp_identity::policy::Circumstances;
use imp_identity::tap::{Outcome, Purpose, Tap};
use imp_identity::{Actor, Event, Refusal, TapId, UserId, phone, workstation};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;

use super::Context;
use crate::store::{Tables as _, TapKnowledge};

/// A challenge for one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapOpened {
    /// Names the tap.
    pub tap: TapId,
    /// To be answered.
    pub nonce: [u8; 32],
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Why a workstation asks for a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody taps.
    Press,
    /// A phone is near: nobody has tapped yet, so a refusal is no fact to be recorded.
    Ahead,
}

/// No challenge was handed out.
#[derive(Debug, thiserror::Error)]
pub enum OpenTapError {
    /// The tap would be refused whatever the answer; it is in the log unless asked ahead.
    #[error("{}", .0.explain())]
    Refused(Refusal),
    /// See the source.
    #[error("could not store the challenge")]
    Storage(#[from] StorageError),
}

/// Hands out a challenge, unless it is known already that the tap would be refused. Handing out is no event: a nonce is
/// not a fact.
pub async fn open_tap(
    context: &mut Context<'_>,
    audience: Audience,
    occasion: Occasion,
) -> Result<TapOpened, OpenTapError> {
    let mut transaction = context.storage.begin().await?;
    let known = transaction.phones().knowledge(audience.workstation, audience.phone).await?;
    let verdict = match &known {
        Some(known) => foreseeable(known, audience.purpose, context.now),
        None => Err(Refusal::PhoneUnknown),
    };
    if let Err(reason) = verdict {
        if occasion == Occasion::Press {
            let user = known.map(|known| known.user.id);
            refuse(context, &mut transaction, audience, user, reason).await?;
            transaction.commit().await?;
        }
        return Err(OpenTapError::Refused(reason));
    }
    let lifetime = known.map(|known| known.policy.challenge_lifetime).unwrap_or_default();
    let (challenge, nonce) = Challenge::open(audience, lifetime, context.now, &mut context.rng);
    transaction.challenges().add(&challenge).await?;
    transaction.commit().await?;
    Ok(TapOpened { tap: challenge.tap, nonce, expires_at: challenge.expires_at })
}

/// What stands against a tap before it is answered, in the order of [`imp_authenticator::Claims::verify`].
fn foreseeable(known: &TapKnowledge, purpose: Purpose, now: Timestamp) -> Result<(), Refusal> {
    match known.workstation.state {
        workstation::State::Enrolled { .. } => {}
        workstation::State::Invited(_) | workstation::State::Revoked { .. } => {
            return Err(Refusal::WorkstationRevoked);
        }
    }
    match known.phone.state {
        phone::State::Bound(_) => {}
        phone::State::Invited(_) => return Err(Refusal::PhoneUnknown),
        phone::State::Revoked { .. } => return Err(Refusal::PhoneRevoked),
    }
    let reference = known.reference.as_ref().ok_or(Refusal::ReferenceRevoked)?;
    if now >= reference.expires_at {
        return Err(Refusal::ReferenceExpired);
    }
    if !known.user.is_active() {
        return Err(Refusal::UserDisabled);
    }
    known.policy.allows(&Circumstances {
        role: known.user.role,
        user_unit: known.user.unit.as_ref(),
        workstation_unit: known.workstation.unit.as_ref(),
        purpose,
        at: now,
    })?;
    known.attempts.check(now)
}

async fn refuse(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    audience: Audience,
    user: Option<UserId>,
    reason: Refusal,
) -> Result<(), StorageError> {
    let Audience { workstation, phone, purpose } = audience;
    let id = TapId::generate(context.now, &mut context.rng);
    let tap = Tap {
        id,
        workstation,
        phone: Some(phone),
        user,
        purpose,
        at: context.now,
        outcome: Outcome::Refused { reason },
    };
    transaction.taps().add(&tap).await?;
    let event = Event::TapRefused {
        tap: id,
        workstation,
        phone: Some(phone),
        user,
        purpose: Some(purpose),
        reason,
    };
    context.append(transaction, &Actor::Workstation(workstation), event).await?;
    Ok(())
}
