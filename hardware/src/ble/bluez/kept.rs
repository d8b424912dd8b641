//! Links whose conversation is over, kept for a moment: ending one takes `BlueZ` two seconds, which the next connection would
//! wait for, and whoever was refused, or forgot something, presses again soon.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use btleplug::api::{Characteristic, Peripheral as _};
use btleplug::platform::Peripheral;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::central::end;
use crate::ble::Address;
use crate::ble::task::start;

/// How long a link is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(10);
/// The most links that are kept; a controller has room for few.
const MOST: usize = 4;

/// A link that is up, and carries nothing.
pub(super) struct Idle {
    /// The phone, with its services known.
    pub(super) phone: Peripheral,
    /// What frames are written to.
    pub(super) inbound: Characteristic,
    /// What frames come from.
    pub(super) outbound: Characteristic,
}

/// See the [module](self).
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<VecDeque<Parked>>>);

struct Parked {
    address: Address,
    until: Instant,
    idle: Idle,
    /// Tells the phone that the conversation is over, by taking back the subscription.
    hushed: JoinHandle<()>,
}

impl Kept {
    /// Keeps a link; ends it later, unless it is [taken](Self::take) before.
    pub(super) fn park(&self, idle: Idle) {
        let (phone, outbound) = (idle.phone.clone(), idle.outbound.clone());
        let hushed = start(async move {
            if let Err(error) = phone.unsubscribe(&outbound).await {
                tracing::debug!(%error, "the phone was not told that a conversation is over");
            }
        });
        let (address, until) =
            (Address::new(idle.phone.id().to_string()), Instant::now() + KEPT_FOR);
        let mut parked = self.parked();
        if parked.len() >= MOST
            && let Some(oldest) = parked.pop_front()
        {
            end(oldest.idle.phone);
        }
        parked.push_back(Parked { address, until, idle, hushed });
        let kept = self.clone();
        start(async move {
            sleep_until(until).await;
            kept.end_due(Instant::now());
        });
    }

    /// Takes the link to `address`, once the phone knows that the last conversation over it has ended.
    pub(super) async fn take(&self, address: &Address) -> Option<Idle> {
        let Parked { idle, hushed, .. } = {
            let mut parked = self.parked();
            let place = parked.iter().position(|parked| parked.address == *address)?;
            parked.remove(place)?
        };
        // It does not panic, and nobody aborts it.
        let _ended = hushed.await;
        Some(idle)
    }

    fn end_due(&self, now: Instant) {
        let mut parked = self.parked();
        let (due, left): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut *parked).into_iter().partition(|link| link.until <= now);
        *parked = left;
        drop(parked);
        for parked in due {
            end(parked.idle.phone);
        }
    }

    fn parked(&self) -> MutexGuard<'_, VecDeque<Parked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
