//! Every emergency access.
use imp_identity::Event;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "break-glass",
    explanation: "Somebody entered without the usual proof, in an emergency: every such entry is looked at afterwards.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let Event::BreakGlassUsed { .. } = situation.event else { return None };
    let place = situation.facts.workstation.as_ref().map_or("a workstation", |w| &w.name);
    Some(format!("Emergency access at {place}; the reason she gave stands in the entry."))
}
