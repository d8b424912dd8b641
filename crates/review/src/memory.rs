//! What is remembered of a person, a workstation and a device: small, bounded, and kept by whoever runs the rules.
use std::collections::BTreeMap;

use imp_identity::event::{Event, Outcome};
use imp_identity::tap::Purpose;
use imp_identity::{UserId, WorkstationId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::consider::{Facts, Standing};
use crate::thresholds::Thresholds;

/// The most units that are remembered of a person: the least recent gives way.
const MOST_UNITS: usize = 32;
/// The most refused taps that are remembered of a workstation.
const MOST_FAILURES: usize = 64;
/// A habit is counted over so many taps; then both counts are halved, so that it follows a change of shifts.
const MOST_TAPS: u32 = 1000;

/// One sight of a person or a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub workstation: WorkstationId,
    /// How that workstation is shown to people.
    pub name: String,
    /// The site where it stood then.
    pub site: Option<String>,
}

/// What is remembered of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonMemory {
    /// Where her face was last accepted.
    pub seen: Option<Sight>,
    /// Units where she tapped in, each with the latest time.
    pub units: BTreeMap<String, Timestamp>,
    /// Her taps in that count for her habit.
    pub taps: u32,
    /// Those of them that were at night.
    pub night_taps: u32,
    /// The night (by the date of its evening) that was last called odd.
    pub odd_night: Option<Date>,
    /// Since when she is disabled.
    pub disabled_since: Option<Timestamp>,
}

/// What is remembered of a workstation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaceMemory {
    /// Latest refused taps, oldest first.
    pub failures: Vec<Timestamp>,
    /// When it was last said to have many.
    pub told_at: Option<Timestamp>,
}

/// What is remembered of a phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceMemory {
    /// Where it last took part in a tap.
    pub seen: Option<Sight>,
}

/// What was remembered before an entry of those whom it concerns; empty for those who are new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Of the person.
    pub person: PersonMemory,
    /// Of the workstation.
    pub place: PlaceMemory,
    /// Of the phone.
    pub device: DeviceMemory,
}

/// A tap, whatever came of it, as rules and memory see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) at: Timestamp,
    pub(crate) user: Option<UserId>,
    pub(crate) workstation: WorkstationId,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) outcome: Outcome,
    pub(crate) with_phone: bool,
}

impl Sighting {
    /// What the event of a tap says. A tap that was decided offline counts when it was decided.
    pub(crate) fn of(at: Timestamp, event: &Event) -> Option<Self> {
        let (user, workstation, purpose) = if let Event::TapAccepted(facts) = event {
            (Some(facts.user), facts.workstation, Some(facts.purpose))
        } else if let Event::TapRefused { user, workstation, purpose, .. } = event {
            (*user, *workstation, *purpose)
        } else if let Event::OfflineTapReconciled { user, workstation, purpose, .. } = event {
            (Some(*user), *workstation, Some(*purpose))
        } else {
            return None;
        };
        let offline = if let Event::OfflineTapReconciled { decided_at, .. } = event {
            Some(*decided_at)
        } else {
            None
        };
        let at = offline.unwrap_or(at);
        let outcome = event.outcome()?;
        Some(Self { at, user, workstation, purpose, outcome, with_phone: event.device().is_some() })
    }

    fn sight(&self, standing: &Standing) -> Sight {
        let Standing { name, site, .. } = standing.clone();
        Sight { at: self.at, workstation: self.workstation, name, site }
    }
}

impl Memory {
    /// Remembers an entry, after the rules have judged it.
    pub(crate) fn learn(
        &mut self,
        at: Timestamp,
        event: &Event,
        facts: &Facts,
        lines: &Thresholds,
    ) {
        if let Event::UserDisabled { .. } = event {
            self.person.disabled_since = Some(at);
        } else if let Event::UserEnabled { .. } = event {
            self.person.disabled_since = None;
        }
        let (Some(tap), Some(standing)) = (Sighting::of(at, event), &facts.workstation) else {
            return;
        };
        let sight = tap.sight(standing);
        if tap.with_phone && is_later(self.device.seen.as_ref(), &sight) {
            self.device.seen = Some(sight.clone());
        }
        match tap.outcome {
            Outcome::Refused => self.place.failed(tap.at),
            Outcome::Accepted if tap.user.is_some() => {
                self.person.entered(sight, &tap, facts, lines);
            }
            Outcome::Accepted | Outcome::Abandoned => {}
        }
    }
}

fn is_later(known: Option<&Sight>, new: &Sight) -> bool {
    known.is_none_or(|known| known.at <= new.at)
}

impl PersonMemory {
    fn entered(&mut self, sight: Sight, tap: &Sighting, facts: &Facts, lines: &Thresholds) {
        if let Some(unit) = facts.workstation.as_ref().and_then(|standing| standing.unit.clone()) {
            self.units.insert(unit, tap.at);
            if self.units.len() > MOST_UNITS {
                let oldest = self.units.iter().min_by_key(|(_, at)| **at);
                if let Some(unit) = oldest.map(|(unit, _)| unit.clone()) {
                    self.units.remove(&unit);
                }
            }
        }
        if tap.purpose == Some(Purpose::TapIn) {
            if self.taps >= MOST_TAPS {
                self.taps /= 2;
                self.night_taps /= 2;
            }
            self.taps += 1;
            self.night_taps += u32::from(lines.is_night(facts.hour()));
        }
        if is_later(self.seen.as_ref(), &sight) {
            self.seen = Some(sight);
        }
    }
}

impl PlaceMemory {
    fn failed(&mut self, at: Timestamp) {
        self.failures.push(at);
        let surplus = self.failures.len().saturating_sub(MOST_FAILURES);
        self.failures.drain(..surplus);
    }
}
