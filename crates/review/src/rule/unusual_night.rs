//! A tap at night by somebody who does not work nights.
use imp_identity::event::Outcome;
use imp_identity::tap::Purpose;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "unusual-night",
    explanation: "A person tapped in at night whose own history knows next to no nights: a changed shift, or not she. \
        Said once a night, and only once enough of her habits is known.",
    judge,
    told: Some(|memory, _, local| memory.person.odd_night = Some(evening(local))),
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let entered = situation.tap.filter(|tap| {
        tap.outcome == Outcome::Accepted
            && tap.user.is_some()
            && tap.purpose == Some(Purpose::TapIn)
    });
    entered?;
    let (person, lines) = (&situation.memory.person, situation.lines);
    let hour = situation.facts.hour();
    let local = situation.facts.local;
    let odd = u64::from(person.night_taps) * 1000
        <= u64::from(person.taps) * u64::from(lines.habit_night_per_mille);
    let known = person.taps >= lines.habit_taps;
    let told = person.odd_night == Some(evening(local));
    (lines.is_night(hour) && known && odd && !told).then(|| {
        format!(
            "Tapped in at {:02}:{:02}; of {} earlier taps, {} were at night.",
            local.hour(),
            local.minute(),
            person.taps,
            person.night_taps
        )
    })
}

/// The date on which the night began, which noon divides from the next.
fn evening(local: DateTime) -> Date {
    local.checked_sub(12.hours()).map_or(local.date(), DateTime::date)
}
