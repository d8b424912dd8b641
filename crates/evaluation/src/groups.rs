//! Error rates of demographic groups, and by how much they differ.
use serde::Serialize;

use crate::conditions::{Aim, Probes, Thresholds};
use crate::dataset::Person;
use crate::decisions::Decisions;
use crate::proportion::Proportion;
use crate::subjects;
use crate::trials::{Enrolment, Trials};

/// With fewer people in a group its rates are printed, but not compared.
const FEWEST: usize = 20;

/// One demographic label in one condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differential {
    /// The label's name.
    pub label: String,
    /// How people were enrolled.
    pub enrolment: Enrolment,
    /// What the probes show.
    pub probes: Probes,
    /// The groups.
    pub groups: Vec<Group>,
    /// Largest false match rate by the smallest, of groups with enough people; none where one is 0.
    pub false_match_ratio: Option<f64>,
    /// Largest false match rate by the geometric mean of all (as in NIST IR 8429); none where one is 0.
    pub false_match_inequity: Option<f64>,
    /// Largest false non-match rate by the smallest.
    pub false_non_match_ratio: Option<f64>,
    /// Largest false non-match rate by the geometric mean of all.
    pub false_non_match_inequity: Option<f64>,
}

/// One group: everybody at the same thresholds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its name in the table.
    pub name: String,
    /// People in it.
    pub people: usize,
    /// Whether there are enough people to compare it with others.
    pub compared: bool,
    /// Reference and probe of two people of this group.
    pub false_matches: Option<Proportion>,
    /// Of this group's people.
    pub false_non_matches: Option<Proportion>,
}

impl Differential {
    /// The groups of label number `label`, at `thresholds`.
    pub(crate) fn new(
        (people, label, name): (&[&Person], usize, &str),
        trials: &Trials,
        probes: Probes,
        (thresholds, aim): (&Thresholds, Aim),
    ) -> Self {
        let members = subjects::groups(people, label);
        let groups: Vec<Group> = members
            .into_iter()
            .map(|(name, members)| {
                let decisions = decide(trials, probes, thresholds, &members);
                let people = members.iter().filter(|m| **m).count();
                Group {
                    name: name.to_owned(),
                    people,
                    compared: people >= FEWEST,
                    false_matches: decisions.false_match(aim.how),
                    false_non_matches: decisions.false_non_match(aim.how),
                }
            })
            .collect();
        let rates = |of: fn(&Group) -> Option<Proportion>| -> Vec<f64> {
            groups.iter().filter(|g| g.compared).filter_map(of).map(|p| p.rate()).collect()
        };
        let (wrong, missed) = (rates(|g| g.false_matches), rates(|g| g.false_non_matches));
        Self {
            label: name.to_owned(),
            enrolment: trials.enrolment,
            probes,
            false_match_ratio: ratio(&wrong),
            false_match_inequity: inequity(&wrong),
            false_non_match_ratio: ratio(&missed),
            false_non_match_inequity: inequity(&missed),
            groups,
        }
    }
}

fn decide(trials: &Trials, probes: Probes, thresholds: &Thresholds, members: &[bool]) -> Decisions {
    let mut decisions = Decisions::default();
    let member = |person: u32| members.get(person as usize) == Some(&true);
    for (kind, comparisons) in trials.kinds.iter().filter(|(k, _)| probes.include(k.wearing)) {
        if let Some(limit) = thresholds.get(&(kind.reference, kind.judged)) {
            decisions.add(&comparisons.among(member), limit.chosen.threshold);
        }
    }
    decisions
}

/// Largest by smallest.
fn ratio(rates: &[f64]) -> Option<f64> {
    let (largest, smallest) = bounds(rates)?;
    Some(largest / smallest)
}

/// Largest by geometric mean.
fn inequity(rates: &[f64]) -> Option<f64> {
    let (largest, _) = bounds(rates)?;
    let count = crate::proportion::float(rates.len() as u64);
    let mean = (rates.iter().map(|r| r.ln()).sum::<f64>() / count).exp();
    Some(largest / mean)
}

/// Of two or more rates, none of which is 0.
fn bounds(rates: &[f64]) -> Option<(f64, f64)> {
    let largest = rates.iter().copied().fold(0.0, f64::max);
    let smallest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    (rates.len() > 1 && smallest > 0.0).then_some((largest, smallest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_and_inequity_are_those_computed_by_hand() {
        let rates = [1e-4, 4e-4, 2e-4];
        assert!((ratio(&rates).unwrap() - 4.0).abs() < 1e-9);
        assert!((inequity(&rates).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(ratio(&[1e-4, 0.0]), None);
        assert_eq!((ratio(&[1e-4]), inequity(&[])), (None, None));
    }
}
