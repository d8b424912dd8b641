//! A tap far from the person's unit.
use imp_identity::event::Outcome;
use jiff::SignedDuration;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "other-unit",
    explanation: "A person was accepted in a unit that is not hers and where she has not been for weeks: she helps out, \
        or somebody reads what is not hers to read.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let tap = situation.tap.filter(|tap| tap.outcome == Outcome::Accepted && tap.user.is_some())?;
    let here = situation.facts.workstation.as_ref()?;
    let (unit, own) = (here.unit.as_ref()?, situation.facts.unit.as_ref()?);
    let days = situation.lines.unit_days;
    let memorable = SignedDuration::from_hours(24 * i64::from(days));
    let known = situation.memory.person.units.get(unit);
    let familiar = known.is_some_and(|last| tap.at.duration_since(*last) < memorable);
    (unit != own && !familiar).then(|| {
        format!(
            "Accepted at {} in {unit}; her unit is {own}, and she was not in {unit} for {days} days.",
            here.name
        )
    })
}
