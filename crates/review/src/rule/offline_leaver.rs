//! An offline tap by somebody who had been disabled meanwhile.
use imp_identity::Event;
use imp_identity::event::Outcome;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "offline-leaver",
    explanation: "A workstation that could not reach the server let somebody in who was disabled by then: its list was \
        older than the decision.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let Event::OfflineTapReconciled { decided_at, outcome: Outcome::Accepted, .. } =
        situation.event
    else {
        return None;
    };
    let since = situation.memory.person.disabled_since?;
    let place = situation.facts.workstation.as_ref().map_or("a workstation", |w| &w.name);
    if since <= *decided_at {
        let minutes = decided_at.duration_since(since).as_mins();
        return Some(format!(
            "Accepted offline at {place}, {minutes} minutes after the person was disabled."
        ));
    }
    let minutes = since.duration_since(*decided_at).as_mins();
    Some(format!(
        "Accepted offline at {place}, {minutes} minutes before the person was disabled; reported only after it."
    ))
}
