//! A secret that exists twice.
use imp_identity::Event;
use imp_identity::authentication::SignInRefusal;
use imp_identity::grant::GrantEnd;

use super::Rule;
use crate::consider::Situation;

pub(super) const RULE: Rule = Rule {
    name: "copied-token",
    explanation: "A token that works once was used twice, or a security key's counter went backwards: somebody has a copy.",
    judge,
    told: None,
};

fn judge(situation: &Situation<'_>) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else shows a copy")]
    let what = match situation.event {
        Event::GrantRevoked { reason: GrantEnd::CodeReused, .. } => "An authorization code",
        Event::GrantRevoked { reason: GrantEnd::RefreshReused, .. } => "A refresh token",
        Event::SignInRefused { reason: SignInRefusal::Counter, .. } => {
            return Some(
                "The counter of a passkey or security key went backwards: there may be a copy of it."
                    .to_owned(),
            );
        }
        _ => return None,
    };
    Some(format!(
        "{what} was used twice: the application was signed out, for one of the two is a thief."
    ))
}
