//! One phone at two workstations, sooner than anybody walks.
use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "phone-in-two-places",
    explanation: "One phone took part in taps at two workstations in less time than the walk between them takes: its \
        radio is relayed or its key is copied.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let tap = situation.tap.filter(|tap| tap.with_phone)?;
    let here = situation.facts.workstation.as_ref()?;
    let seen = situation.memory.device.seen.as_ref()?;
    let apart = tap.at.duration_since(seen.at).abs().as_secs();
    let shortest = i64::from(situation.lines.walk_seconds);
    (seen.workstation != tap.workstation && apart < shortest).then(|| {
        format!(
            "The phone was at {} and at {} within {apart} seconds; the walk takes at least {shortest}.",
            seen.name, here.name
        )
    })
}
