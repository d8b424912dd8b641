//! Decisions at given thresholds, and 95 % intervals of their error rates by resampling people: comparisons of one person
//! go wrong together, so that intervals which take them for independent are too narrow.
use std::collections::BTreeMap;

use crate::comparisons::{Comparisons, Grid};
use crate::proportion::{Proportion, float};
use crate::random::Seeded;

/// How intervals are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resampling {
    /// How often people are drawn anew.
    pub(crate) times: usize,
    /// The same seed gives the same intervals.
    pub(crate) seed: u64,
}

/// Decisions of one condition, perhaps at several thresholds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decisions {
    grids: Vec<Grid>,
    /// For each person with genuine comparisons: how many, and how many of them failed.
    genuine: BTreeMap<u32, (u32, u32)>,
    /// People of reference and probe of every false match.
    false_matches: Vec<(u32, u32)>,
    /// A threshold was below what was kept of the impostors: there are more false matches than are known.
    incomplete: bool,
}

impl Decisions {
    /// Decides `comparisons` at `threshold`.
    pub(crate) fn add(&mut self, comparisons: &Comparisons, threshold: f32) {
        self.grids.extend(comparisons.grids.iter().cloned());
        for genuine in &comparisons.genuine {
            let (trials, errors) = self.genuine.entry(genuine.person).or_default();
            *trials += 1;
            *errors += u32::from(genuine.score < threshold);
        }
        match comparisons.false_matches(threshold) {
            Some(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let matching = comparisons.closest.iter().take(count);
                self.false_matches.extend(matching.map(|i| (i.reference, i.probe)));
            }
            None => self.incomplete = true,
        }
    }

    /// False matches among impostors; `None` where there are none to compare, or more than are known.
    pub(crate) fn false_match(&self, how: Resampling) -> Option<Proportion> {
        let trials: u64 = self.grids.iter().map(Grid::impostors).sum();
        if trials == 0 || self.incomplete {
            return None;
        }
        let point = Proportion::wilson(self.false_matches.len() as u64, trials);
        let people = self.grids.iter().map(|g| g.references.len()).max().unwrap_or(0);
        let mut drawn = Drawn::new(people, how, "false matches");
        let rates = (0..how.times).map(|_| {
            let weights = drawn.again();
            let weight = |person: u32| weights.get(person as usize).copied().unwrap_or(0);
            let errors: u64 = self.false_matches.iter().map(|(r, p)| weight(*r) * weight(*p)).sum();
            let trials: u64 = self.grids.iter().map(|grid| impostors(grid, weights)).sum();
            (trials > 0).then(|| float(errors) / float(trials))
        });
        Some(widened(point, rates.flatten().collect()))
    }

    /// False non-matches among genuine comparisons; `None` where there are none.
    pub(crate) fn false_non_match(&self, how: Resampling) -> Option<Proportion> {
        let sum =
            |part: fn(&(u32, u32)) -> u32| self.genuine.values().map(|g| u64::from(part(g))).sum();
        let (trials, errors): (u64, u64) = (sum(|g| g.0), sum(|g| g.1));
        if trials == 0 {
            return None;
        }
        let by_person: Vec<(u64, u64)> =
            self.genuine.values().map(|(t, e)| (u64::from(*t), u64::from(*e))).collect();
        let mut drawn = Drawn::new(by_person.len(), how, "false non-matches");
        let rates = (0..how.times).map(|_| {
            let weights = drawn.again();
            let weighed = weights.iter().zip(&by_person);
            let (trials, errors) =
                weighed.fold((0, 0), |(t, e), (w, person)| (t + w * person.0, e + w * person.1));
            (trials > 0).then(|| float(errors) / float(trials))
        });
        Some(widened(Proportion::wilson(errors, trials), rates.flatten().collect()))
    }

    /// People with genuine comparisons.
    pub(crate) fn people(&self) -> usize {
        self.genuine.len()
    }
}

/// Comparisons of different people when each person counts as often as `weights` say; copies of one person are not
/// different people.
fn impostors(grid: &Grid, weights: &[u64]) -> u64 {
    let counts = grid.references.iter().zip(&grid.probes).zip(weights);
    let (mut references, mut probes, mut own) = (0, 0, 0);
    for ((r, p), weight) in counts {
        let (r, p) = (u64::from(*r) * weight, u64::from(*p) * weight);
        references += r;
        probes += p;
        own += r * p;
    }
    references * probes - own
}

/// The interval by percentiles, never narrower than Wilson's: where nothing went wrong, resampling says nothing.
fn widened(point: Proportion, mut rates: Vec<f64>) -> Proportion {
    rates.sort_unstable_by(f64::total_cmp);
    let at = |thousandths: usize| {
        rates.get((rates.len() * thousandths / 1000).min(rates.len().saturating_sub(1)))
    };
    let low = at(25).copied().unwrap_or(point.low).min(point.low);
    let high = at(975).copied().unwrap_or(point.high).max(point.high);
    Proportion { low, high, ..point }
}

/// Draws as many people as there are, with replacement.
struct Drawn {
    random: Seeded,
    weights: Vec<u64>,
}

impl Drawn {
    fn new(people: usize, how: Resampling, purpose: &str) -> Self {
        Self { random: Seeded::new(how.seed, purpose), weights: vec![0; people] }
    }

    /// How often each was drawn.
    fn again(&mut self) -> &[u64] {
        let people = self.weights.len();
        self.weights.fill(0);
        for _ in 0..people {
            let person = self.random.below(people);
            self.weights[person] += 1;
        }
        &self.weights
    }
}

#[cfg(test)]
mod tests;
