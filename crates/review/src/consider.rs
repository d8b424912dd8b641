//! Judging one entry by every rule.
use imp_identity::event::{Event, Record};
use imp_identity::{UserId, WorkstationId};
use jiff::Timestamp;
use jiff::civil::DateTime;
use uuid::Uuid;

use crate::memory::{Memory, Sighting};
use crate::rule::RULES;
use crate::thresholds::Thresholds;

/// Where a workstation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How it is shown to people.
    pub name: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its site.
    pub site: Option<String>,
}

/// What stands around an entry, looked up by whoever runs the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The wall clock at the hospital when it happened.
    pub local: DateTime,
    /// The person's own unit.
    pub unit: Option<String>,
    /// Where the workstation stands; absent when none is concerned.
    pub workstation: Option<Standing>,
}

impl Facts {
    /// The local hour, 0 to 23.
    pub(crate) fn hour(&self) -> u8 {
        u8::try_from(self.local.hour()).unwrap_or(0)
    }
}

/// An entry deserves a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, by its name.
    pub rule: &'static str,
    /// The entry that caused it, by its index.
    pub cause: u64,
    /// The person concerned.
    pub user: Option<UserId>,
    /// The workstation concerned.
    pub workstation: Option<WorkstationId>,
    /// The device concerned.
    pub device: Option<Uuid>,
    /// Why, in one sentence for people. It names no person.
    pub sentence: String,
}

impl Finding {
    /// As an event of the log.
    pub fn into_event(self) -> Event {
        let Self { rule, cause, user, workstation, device, sentence } = self;
        Event::FindingMade { rule: rule.to_owned(), cause, user, workstation, device, sentence }
    }
}

/// What a rule judges.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// When the entry was appended.
    pub at: Timestamp,
    /// What happened.
    pub event: &'a Event,
    /// What stands around it.
    pub facts: &'a Facts,
    /// What was remembered before it.
    pub memory: &'a Memory,
    /// Where the lines are.
    pub lines: &'a Thresholds,
    pub(crate) tap: Option<Sighting>,
}

/// Judges the entry at `index` by every rule of [`RULES`], then remembers it. Whoever calls passes the entries in their
/// order and each once: what was remembered says nothing of an entry already seen.
pub fn consider(
    index: u64,
    record: &Record,
    facts: &Facts,
    memory: &mut Memory,
    lines: &Thresholds,
) -> Vec<Finding> {
    let Record { at, event, .. } = record;
    let tap = Sighting::of(*at, event);
    let mut findings = Vec::new();
    for rule in RULES {
        let situation = Situation { at: *at, event, facts, memory, lines, tap };
        let Some(sentence) = (rule.judge)(&situation) else { continue };
        findings.push(Finding {
            rule: rule.name,
            cause: index,
            user: event.user(),
            workstation: event.workstation(),
            device: event.device(),
            sentence,
        });
        if let Some(tell) = rule.told {
            let night = facts.local;
            tell(memory, *at, night);
        }
    }
    memory.learn(*at, event, facts, lines);
    findings
}
