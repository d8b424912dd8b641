//! Presses on the broker's own page: what an application asks for starts no tap, a person does.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use imp_identity::{Digest, InteractionId};
use rand_core::{Rng as _, UnwrapErr};
use tokio::time::Instant;

/// Most pages that wait for a press; the oldest goes first.
const MOST: usize = 16;
/// How long a page waits.
const LIFETIME: Duration = Duration::from_mins(2);

/// The pages that wait.
#[derive(Default)]
pub(super) struct Presses(Mutex<VecDeque<Offered>>);

struct Offered {
    press: Digest,
    interaction: InteractionId,
    asked: String,
    until: Instant,
}

impl Presses {
    /// A new page: what it sends back when somebody presses.
    pub(super) fn offer(&self, interaction: InteractionId, asked: String, now: Instant) -> String {
        let mut random = [0; 32];
        UnwrapErr(rand::rngs::SysRng).fill_bytes(&mut random);
        let press = BASE64URL_NOPAD.encode(&random);
        let mut offered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if offered.len() >= MOST {
            offered.pop_front();
        }
        let digest = Digest::of(&[press.as_bytes()]);
        offered.push_back(Offered { press: digest, interaction, asked, until: now + LIFETIME });
        press
    }

    /// For which interaction somebody pressed, and who had asked; once.
    pub(super) fn take(&self, press: &str, now: Instant) -> Option<(InteractionId, String)> {
        let digest = Digest::of(&[press.as_bytes()]);
        let mut offered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offered.retain(|one| now < one.until);
        let at = offered.iter().position(|one| one.press == digest)?;
        offered.remove(at).map(|one| (one.interaction, one.asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_press_counts_once_and_for_a_while() {
        let presses = Presses::default();
        let (now, id) = (Instant::now(), InteractionId::from_bytes([7; 16]));
        let press = presses.offer(id, String::new(), now);
        assert_eq!(presses.take("x", now), None);
        assert_eq!(presses.take(&press, now), Some((id, String::new())));
        assert_eq!(presses.take(&press, now), None, "once");
        let late = presses.offer(id, String::new(), now);
        assert_eq!(presses.take(&late, now + LIFETIME), None);
    }

    #[tokio::test(start_paused = true)]
    async fn pages_that_nobody_looks_at_do_not_pile_up() {
        let presses = Presses::default();
        let (now, id) = (Instant::now(), InteractionId::from_bytes([7; 16]));
        let first = presses.offer(id, String::new(), now);
        for _ in 0..1000 {
            presses.offer(id, String::new(), now);
        }
        assert_eq!(presses.0.lock().unwrap().len(), MOST);
        assert_eq!(presses.take(&first, now), None);
    }
}
