//! Similarities of one kind of comparison, and the false match and false non-match rates that follow from them
//! (ISO/IEC 19795-1). A comparison matches where its similarity is at least the threshold.
use serde::Serialize;

use crate::proportion::{Support, float, share};

/// Similarities of different people that are kept exactly, the largest of each grid.
const KEPT: usize = 1 << 18;

/// A reference and a probe of one person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Genuine {
    /// Index of the person.
    pub(crate) person: u32,
    pub(crate) score: f32,
}

/// A reference of one person and a probe of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Impostor {
    /// Index of the person of the reference.
    pub(crate) reference: u32,
    /// Index of the person of the probe.
    pub(crate) probe: u32,
    pub(crate) score: f32,
}

/// How many references and probes each person has: every reference is compared with every probe of every other person.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Grid {
    pub(crate) references: Vec<u32>,
    pub(crate) probes: Vec<u32>,
}

/// All similarities of one kind of comparison.
#[derive(Clone, Debug)]
pub(crate) struct Comparisons {
    pub(crate) grids: Vec<Grid>,
    pub(crate) genuine: Vec<Genuine>,
    /// The most similar impostors, most similar first: all that are at least `floor`.
    pub(crate) closest: Vec<Impostor>,
    /// Below this, impostors were counted but not kept.
    floor: f32,
}

/// A point of the detection error trade-off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetPoint {
    /// Least similarity that is a match.
    pub threshold: f32,
    /// Impostors that match, 0–1.
    pub false_match_rate: f64,
    /// Genuine comparisons that do not, 0–1.
    pub false_non_match_rate: f64,
}

/// A threshold chosen for a false match rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// Least similarity that is a match.
    pub threshold: f32,
    /// What the number of comparisons says about the rate.
    pub support: Support,
}

impl Grid {
    /// Comparisons of different people.
    pub(crate) fn impostors(&self) -> u64 {
        let sum = |counts: &[u32]| counts.iter().map(|c| u64::from(*c)).sum::<u64>();
        let own = self.references.iter().zip(&self.probes);
        let own: u64 = own.map(|(r, k)| u64::from(*r) * u64::from(*k)).sum();
        sum(&self.references) * sum(&self.probes) - own
    }
}

impl Comparisons {
    /// Nothing compared yet: every comparison of `grid` must be taken in, then [`Comparisons::finish`] called.
    pub(crate) fn new(grid: Grid) -> Self {
        Self {
            grids: vec![grid],
            genuine: Vec::new(),
            closest: Vec::new(),
            floor: f32::NEG_INFINITY,
        }
    }

    /// Takes in a comparison of one person; a similarity that is no number never matches.
    pub(crate) fn genuine(&mut self, person: u32, score: f32) {
        let score = if score.is_nan() { f32::NEG_INFINITY } else { score };
        self.genuine.push(Genuine { person, score });
    }

    /// Takes in comparisons of different people.
    pub(crate) fn impostors(&mut self, more: impl IntoIterator<Item = Impostor>) {
        let floor = self.floor;
        // A similarity that is no number never matches.
        self.closest.extend(more.into_iter().filter(|i| i.score >= floor));
        if self.closest.len() > 2 * KEPT {
            self.keep(KEPT);
        }
    }

    /// Sorts what was taken in.
    pub(crate) fn finish(&mut self) {
        self.closest.sort_unstable_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(a.reference.cmp(&b.reference))
                .then(a.probe.cmp(&b.probe))
        });
        self.genuine
            .sort_unstable_by(|a, b| a.score.total_cmp(&b.score).then(a.person.cmp(&b.person)));
    }

    /// Keeps the `most` largest, and those as large as the last of them.
    fn keep(&mut self, most: usize) {
        let (_, last, _) =
            self.closest.select_nth_unstable_by(most, |a, b| b.score.total_cmp(&a.score));
        let floor = last.score.next_up();
        self.closest.retain(|i| i.score >= floor);
        self.floor = floor;
    }

    /// Takes in what was compared elsewhere, of the same grid.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.genuine.extend(other.genuine);
        self.floor = self.floor.max(other.floor);
        self.closest.retain(|i| i.score >= self.floor);
        self.impostors(other.closest);
    }

    /// Several kinds of comparison as one.
    pub(crate) fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all =
            Self { grids: vec![], genuine: vec![], closest: vec![], floor: f32::NEG_INFINITY };
        for part in parts {
            all.grids.extend(part.grids.iter().cloned());
            all.genuine.extend(&part.genuine);
            all.closest.extend(&part.closest);
            all.floor = all.floor.max(part.floor);
        }
        all.closest.retain(|i| i.score >= all.floor);
        all.finish();
        all
    }

    /// Only the references of people for whom `reference` holds, with the probes of those for whom `probe` does.
    pub(crate) fn between(
        &self,
        reference: impl Fn(u32) -> bool,
        probe: impl Fn(u32) -> bool,
    ) -> Self {
        let only = |counts: &[u32], keep: &dyn Fn(u32) -> bool| {
            (0u32..)
                .zip(counts)
                .map(|(person, count)| if keep(person) { *count } else { 0 })
                .collect()
        };
        let grid = |grid: &Grid| Grid {
            references: only(&grid.references, &reference),
            probes: only(&grid.probes, &probe),
        };
        let genuine = self.genuine.iter().filter(|g| reference(g.person) && probe(g.person));
        let closest = self.closest.iter().filter(|i| reference(i.reference) && probe(i.probe));
        Self {
            grids: self.grids.iter().map(grid).collect(),
            genuine: genuine.copied().collect(),
            closest: closest.copied().collect(),
            floor: self.floor,
        }
    }

    /// Only people for whom `keep` holds.
    pub(crate) fn among(&self, keep: impl Fn(u32) -> bool) -> Self {
        self.between(&keep, &keep)
    }

    /// Comparisons of different people.
    pub(crate) fn impostor_count(&self) -> u64 {
        self.grids.iter().map(Grid::impostors).sum()
    }

    /// Impostors that match; unknown below the similarities that were kept.
    pub(crate) fn false_matches(&self, threshold: f32) -> Option<u64> {
        let matching = self.closest.partition_point(|i| i.score >= threshold);
        (threshold >= self.floor).then_some(matching as u64)
    }

    /// The smallest threshold at which at most `rate` of the impostors match; `None` where there are none.
    pub(crate) fn threshold_at(&self, rate: f64) -> Option<Chosen> {
        let count = self.impostor_count();
        if count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let allowed = (rate * float(count) * (1.0 + 1e-9)) as usize;
        let support = Support::of(count, rate);
        let threshold = match self.closest.get(allowed) {
            Some(first_too_many) => first_too_many.score.next_up(),
            // So many may match that all that were kept may.
            None => self.floor.max(-1.0),
        };
        Some(Chosen { threshold, support })
    }

    /// The trade-off, at most `most` points from the strictest threshold on.
    pub(crate) fn det(&self, most: usize) -> Vec<DetPoint> {
        let (impostors, genuine) = (self.impostor_count(), self.genuine.len() as u64);
        if impostors == 0 || genuine == 0 {
            return Vec::new();
        }
        let scores = self.closest.iter().map(|i| i.score);
        let mut thresholds: Vec<f32> = scores
            .chain(self.genuine.iter().map(|g| g.score))
            .filter(|t| *t >= self.floor)
            .collect();
        thresholds.sort_unstable_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let rates = |threshold: f32| DetPoint {
            threshold,
            false_match_rate: share(self.false_matches(threshold).unwrap_or(0), impostors),
            false_non_match_rate: share(self.false_non_matches(threshold), genuine),
        };
        thin(&thresholds, &rates, most)
    }

    /// Genuine comparisons that do not match.
    pub(crate) fn false_non_matches(&self, threshold: f32) -> u64 {
        self.genuine.partition_point(|g| g.score < threshold) as u64
    }

    /// Where both rates are equal, 0–1; `None` where it lies below what was kept.
    pub(crate) fn equal_error_rate(&self) -> Option<f64> {
        let points = self.det(usize::MAX);
        let crossed = points.iter().position(|p| p.false_match_rate >= p.false_non_match_rate)?;
        let after = points.get(crossed)?;
        let before = crossed.checked_sub(1).and_then(|index| points.get(index)).unwrap_or(after);
        // The better bound of the two neighbours (ISO/IEC 19795-1 leaves the choice open).
        let worse = |p: &DetPoint| p.false_match_rate.max(p.false_non_match_rate);
        Some(worse(before).min(worse(after)))
    }
}

/// At most about `most` of the thresholds: those where a rate changes by enough to be seen on a logarithmic axis.
fn thin(thresholds: &[f32], rates: &impl Fn(f32) -> DetPoint, most: usize) -> Vec<DetPoint> {
    let mut points: Vec<DetPoint> = Vec::new();
    if thresholds.len() <= most {
        points.extend(thresholds.iter().map(|t| rates(*t)));
        return points;
    }
    // By rank on a logarithmic scale: strict thresholds are rare and matter most.
    let last = float(thresholds.len() as u64 - 1);
    let mut previous = usize::MAX;
    for step in 0..most {
        let place = float(step as u64) / float(most as u64 - 1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = ((last + 1.0).powf(place) - 1.0) as usize;
        if index != previous {
            points.extend(thresholds.get(index).map(|t| rates(*t)));
            previous = index;
        }
    }
    points
}

#[cfg(test)]
mod tests;
