//! A machine that talks to a peer nobody expects.
use imp_identity::Event;
use imp_identity::event::Outcome;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "unexpected-peer",
    explanation: "A machine talked, or tried to talk, to a peer that the connection policy does not expect: it was moved, \
        replaced or taken over.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    let Event::ConnectionUnexpected { machine, peer, outcome } = situation.event else {
        return None;
    };
    let what = match outcome {
        Outcome::Accepted => "talked to",
        Outcome::Refused | Outcome::Abandoned => "was kept from talking to",
    };
    Some(format!("{machine} {what} {peer}, which nobody expects of it."))
}
