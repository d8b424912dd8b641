//! The rotating identifier that a phone advertises: workstations know it, bystanders cannot follow it.
use std::collections::HashMap;

use aws_lc_rs::hmac;
use imp_identity::PhoneId;
use jiff::Timestamp;

use crate::roster::Roster;

/// How long an identifier is used, in seconds.
pub const SLOT_SECONDS: i64 = 15 * 60;

/// The slot of an instant: quarters of an hour since 1970-01-01T00:00:00Z; 0 before.
pub fn slot(at: Timestamp) -> u64 {
    u64::try_from(at.as_second().div_euclid(SLOT_SECONDS)).unwrap_or_default()
}

/// What a phone advertises in `slot`: HMAC-SHA-256(key, "imp identifier" ‖ slot as 8 bytes, big-endian), first 8 bytes.
pub fn identifier(key: &[u8; 32], slot: u64) -> [u8; 8] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(b"imp identifier");
    context.update(&slot.to_be_bytes());
    let mut identifier = [0; 8];
    identifier.copy_from_slice(&context.sign().as_ref()[..8]);
    identifier
}

/// The slots in which a peer whose clock is not exactly right may be.
pub(crate) fn slots_around(at: Timestamp) -> [u64; 3] {
    let slot = slot(at);
    [slot.saturating_sub(1), slot, slot + 1]
}

/// Finds the phone behind an identifier.
#[derive(Debug)]
pub struct Resolver {
    /// `None` where two phones share an identifier.
    phones: HashMap<[u8; 8], Option<(PhoneId, u64)>>,
    built_in: u64,
}

impl Resolver {
    /// Knows the roster's active phones around `now`. Costs three HMACs a phone: some 10 ms for 10,000.
    pub fn new(roster: &Roster, now: Timestamp) -> Self {
        let mut phones = HashMap::with_capacity(3 * roster.entries.len());
        let [before, built_in, after] = slots_around(now);
        for entry in roster.entries.iter().filter(|entry| entry.active) {
            for slot in [before, built_in, after] {
                phones
                    .entry(identifier(&entry.identifier_key, slot))
                    .and_modify(|known: &mut Option<(PhoneId, u64)>| {
                        *known = known.filter(|(phone, _)| *phone == entry.phone);
                    })
                    .or_insert(Some((entry.phone, slot)));
            }
        }
        Self { phones, built_in }
    }

    /// Whether it was built for the slot of `now`; if not, build it again.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.built_in == slot(now)
    }

    /// The phone that advertises `identifier` at `now`, give or take one slot.
    pub fn resolve(&self, identifier: [u8; 8], now: Timestamp) -> Option<PhoneId> {
        let (phone, slot) = (*self.phones.get(&identifier)?)?;
        slots_around(now).contains(&slot).then_some(phone)
    }
}
