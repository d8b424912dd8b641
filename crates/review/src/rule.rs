//! The rules, a file each.
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::consider::Situation;
use crate::memory::Memory;

mod break_glass;
mod copied_token;
mod many_failures;
mod offline_leaver;
mod other_unit;
mod phone_in_two_places;
mod travel;
mod unexpected_peer;
mod unusual_night;

/// One rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it marks and why, in one sentence.
    pub explanation: &'static str,
    /// Why the situation deserves a look, in one sentence; nothing if it does not.
    pub judge: fn(&Situation<'_>) -> Option<String>,
    /// Remembers that it was said, for rules that say a thing once.
    pub(crate) told: Option<fn(&mut Memory, Timestamp, DateTime)>,
}

/// All of them, in the order in which they are listed.
pub const RULES: &[Rule] = &[
    travel::RULE,
    phone_in_two_places::RULE,
    other_unit::RULE,
    many_failures::RULE,
    break_glass::RULE,
    copied_token::RULE,
    offline_leaver::RULE,
    unusual_night::RULE,
    unexpected_peer::RULE,
];

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}
