//! What changed from one version to the next.
use serde::Serialize;

use crate::policy::Policy;
use crate::rule::Rule;

/// The difference of two policies, by the names of their rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Rules that only the later one has.
    pub added: Vec<Rule>,
    /// Rules that only the earlier one has.
    pub removed: Vec<Rule>,
    /// Rules of one name that say something else.
    pub changed: Vec<RuleChange>,
}

/// A rule before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// In the earlier one.
    pub before: Rule,
    /// In the later one.
    pub after: Rule,
}

impl Diff {
    /// What leads from `before` to `after`.
    pub fn between(before: &Policy, after: &Policy) -> Self {
        let mut diff = Self::default();
        for rule in after.rules() {
            match before.rule(&rule.id) {
                None => diff.added.push(rule.clone()),
                Some(earlier) if earlier != rule => {
                    let (before, after) = (earlier.clone(), rule.clone());
                    diff.changed.push(RuleChange { before, after });
                }
                Some(_) => {}
            }
        }
        let gone = before.rules().iter().filter(|rule| after.rule(&rule.id).is_none());
        diff.removed = gone.cloned().collect();
        diff
    }

    /// Whether both expect the same by the same rules.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}
