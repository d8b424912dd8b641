//! One person at two sites, sooner than anybody travels.
use imp_identity::event::Outcome;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "impossible-travel",
    explanation: "One person was accepted at two sites in less time than the journey between them takes: a face or a \
        phone is not where it seems to be.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let tap = situation.tap.filter(|tap| tap.outcome == Outcome::Accepted && tap.user.is_some())?;
    let here = situation.facts.workstation.as_ref()?;
    let seen = situation.memory.person.seen.as_ref()?;
    let (site, before) = (here.site.as_ref()?, seen.site.as_ref()?);
    let minutes = tap.at.duration_since(seen.at).abs().as_mins();
    let shortest = i64::from(situation.lines.travel_minutes);
    (site != before && minutes < shortest).then(|| {
        format!(
            "Accepted at {} ({site}) {minutes} minutes apart from {} ({before}); the journey takes at least {shortest}.",
            here.name, seen.name
        )
    })
}
