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
    #[cfg(test)]
    HMACS.set(HMACS.get() + 1);
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

#[cfg(test)]
thread_local! {
    /// How many identifiers this thread has made.
    static HMACS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{now, sample};
    use jiff::ToSpan as _;

    #[test]
    fn a_roster_resolves_its_phones_one_slot_off_and_no_further() {
        let mut roster = sample::roster(100);
        roster.entries[5].active = false;
        let resolver = Resolver::new(&roster, now());
        for (number, entry) in roster.entries.iter().enumerate() {
            for offset in -2_i64..=2 {
                let then = now() + (15 * offset).minutes();
                let seen = resolver.resolve(identifier(&entry.identifier_key, slot(then)), now());
                let known = number != 5 && offset.abs() <= 1;
                assert_eq!(seen, known.then_some(entry.phone), "{number}, {offset}");
            }
        }
        assert_eq!(resolver.resolve([0; 8], now()), None);
    }

    #[test]
    fn an_advertisement_costs_a_look_into_a_table_however_many_phones_are_known() {
        // Three identifiers for each of 2,000 phones were made beforehand; none is made for an advertisement, known or not.
        let roster = sample::roster(2_000);
        let before = HMACS.get();
        let resolver = Resolver::new(&roster, now());
        assert_eq!(HMACS.get() - before, 3 * 2_000);
        assert_eq!(resolver.phones.len(), 3 * 2_000);
        let heard: Vec<_> = roster.entries.iter().step_by(100).collect();
        assert_eq!(heard.len(), 20);
        let advertised = heard.iter().map(|entry| identifier(&entry.identifier_key, slot(now())));
        let advertised: Vec<_> = advertised.collect();
        let before = HMACS.get();
        for (entry, identifier) in heard.iter().zip(advertised) {
            assert_eq!(resolver.resolve(identifier, now()), Some(entry.phone));
        }
        for stranger in 0..20_u8 {
            assert_eq!(resolver.resolve([stranger; 8], now()), None);
        }
        assert_eq!(HMACS.get(), before);
    }

    #[test]
    fn a_resolver_ages() {
        let roster = sample::roster(1);
        let resolver = Resolver::new(&roster, now());
        let later = now() + 30.minutes();
        assert!(resolver.is_current(now()) && !resolver.is_current(later));
        let old = identifier(&roster.entries[0].identifier_key, slot(now()));
        assert_eq!(resolver.resolve(old, now() + 15.minutes()), Some(roster.entries[0].phone));
        assert_eq!(resolver.resolve(old, later), None);
    }

    #[test]
    fn two_phones_with_one_identifier_are_nobody() {
        let mut roster = sample::roster(2);
        roster.entries[1].identifier_key = roster.entries[0].identifier_key;
        let resolver = Resolver::new(&roster, now());
        let shared = identifier(&roster.entries[0].identifier_key, slot(now()));
        assert_eq!(resolver.resolve(shared, now()), None);
    }

    #[test]
    fn slots_are_quarters_of_an_hour() {
        assert_eq!(slot(Timestamp::UNIX_EPOCH - 1.second()), 0);
        assert_eq!(slot(Timestamp::UNIX_EPOCH + 899.seconds()), 0);
        assert_eq!(slot(Timestamp::UNIX_EPOCH + 900.seconds()), 1);
    }
}
