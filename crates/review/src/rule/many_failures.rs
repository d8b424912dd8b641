//! Many refused taps at one workstation.
use imp_identity::event::Outcome;
use jiff::SignedDuration;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "many-failures",
    explanation: "Many taps were refused at one workstation within minutes: somebody tries phones or faces there, or its \
        camera is broken. Said once for each such span.",
    judge,
    told: Some(|memory, at, _| memory.place.told_at = Some(at)),
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let tap = situation.tap.filter(|tap| tap.outcome == Outcome::Refused)?;
    let place = &situation.memory.place;
    let minutes = situation.lines.failure_minutes;
    let span = SignedDuration::from_mins(i64::from(minutes));
    let recent = |at: &jiff::Timestamp| tap.at.duration_since(*at) < span;
    let failures = 1 + place.failures.iter().filter(|at| recent(at)).count();
    let many = u32::try_from(failures).is_ok_and(|count| count >= situation.lines.failures);
    let told = place.told_at.as_ref().is_some_and(recent);
    (many && !told).then(|| {
        let name = situation.facts.workstation.as_ref().map_or("one workstation", |w| &w.name);
        format!("{failures} taps were refused at {name} within {minutes} minutes.")
    })
}
