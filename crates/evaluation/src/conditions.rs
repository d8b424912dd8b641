//! Thresholds, and errors of people by whom they were not chosen.
use std::collections::BTreeMap;

use imp_models::{ProbeKind, ReferenceKind};
use serde::Serialize;

use crate::comparisons::{Chosen, Comparisons, DetPoint};
use crate::decisions::{Decisions, Resampling};
use crate::proportion::{Proportion, Support};
use crate::trials::{Enrolment, Trials, Wearing};

/// Points of a curve.
const POINTS: usize = 120;

/// Probes that are reported together.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probes {
    /// Without a mask.
    Bare,
    /// With a drawn mask of any style.
    Drawn,
    /// With a drawn mask of this style; index in `MaskStyle::ALL`.
    Style(usize),
    /// With a mask really worn.
    Worn,
}

/// What is aimed at, and how intervals are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) rate: f64,
    pub(crate) how: Resampling,
}

/// Thresholds by kind of comparison.
pub(crate) type Thresholds = BTreeMap<(ReferenceKind, ProbeKind), Limit>;

/// A threshold, and the way to enrol that needed it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// The threshold.
    #[serde(flatten)]
    pub chosen: Chosen,
    /// The way to enrol for which it had to be that strict.
    pub decided_by: Enrolment,
    /// Comparisons of different people from which it was chosen.
    pub comparisons: u64,
}

/// Error rates of one kind of enrolment and probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// How people were enrolled.
    pub enrolment: Enrolment,
    /// What the probes show.
    pub probes: Probes,
    /// People with a genuine comparison.
    pub people: usize,
    /// False match rate aimed at.
    pub aim: f64,
    /// What the number of comparisons says about that rate.
    pub support: Support,
    /// Of people by whom the threshold was not chosen.
    pub false_matches: Option<Proportion>,
    /// Of people by whom the threshold was not chosen.
    pub false_non_matches: Option<Proportion>,
    /// Share of genuine attempts that fail for whatever reason: FTE + (1 − FTE)(FTA + (1 − FTA) FNMR).
    pub generalised_false_reject: Option<f64>,
}

/// A detection error trade-off curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// How people were enrolled.
    pub enrolment: Enrolment,
    /// What the probes show.
    pub probes: Probes,
    /// Where both error rates are equal.
    pub equal_error_rate: Option<f64>,
    /// From the strictest threshold on.
    pub points: Vec<DetPoint>,
}

impl Probes {
    /// Everything that can be reported.
    pub(crate) fn all(trials: &Trials) -> Vec<Self> {
        let mut all: Vec<Self> = vec![Self::Bare, Self::Drawn];
        for kind in trials.kinds.keys() {
            match kind.wearing {
                Wearing::Drawn(style) => all.push(Self::Style(style)),
                Wearing::Worn => all.push(Self::Worn),
                Wearing::Nothing => {}
            }
        }
        all.sort_unstable();
        all.dedup();
        all.retain(|probes| trials.kinds.keys().any(|kind| probes.include(kind.wearing)));
        all
    }

    /// Whether these are all masks of one kind: single styles are reported at the aimed rate only.
    pub(crate) fn main(self) -> bool {
        match self {
            Self::Bare | Self::Drawn | Self::Worn => true,
            Self::Style(_) => false,
        }
    }

    pub(crate) fn include(self, wearing: Wearing) -> bool {
        match self {
            Self::Bare => wearing == Wearing::Nothing,
            Self::Drawn => matches!(wearing, Wearing::Drawn(_)),
            Self::Style(style) => wearing == Wearing::Drawn(style),
            Self::Worn => wearing == Wearing::Worn,
        }
    }

    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::Bare => "bare".to_owned(),
            Self::Drawn => "mask drawn".to_owned(),
            Self::Style(style) => format!("mask {}", Wearing::Drawn(style).name()),
            Self::Worn => "mask really worn".to_owned(),
        }
    }
}

/// For each kind of comparison the threshold that keeps every way to enrol below `rate`, chosen by people for whom `by`
/// holds. Probes are sorted by what they are taken for, as at the door.
pub(crate) fn choose(trials: &[Trials], rate: f64, by: impl Fn(u32) -> bool) -> Thresholds {
    let mut chosen = Thresholds::new();
    for one in trials {
        for reference in ReferenceKind::ALL {
            for probe in ProbeKind::ALL {
                if reference != one.enrolment.makes() {
                    // Made by a slip of the mask detector: it is decided by the threshold, and does not choose it.
                    continue;
                }
                let parts: Vec<Comparisons> = one
                    .kinds
                    .iter()
                    .filter(|(kind, _)| kind.reference == reference && kind.judged == probe)
                    .map(|(_, comparisons)| comparisons.among(&by))
                    .collect();
                let all = Comparisons::merged(&parts);
                let Some(found) = all.threshold_at(rate) else { continue };
                let comparisons = all.impostor_count();
                let limit = Limit { chosen: found, decided_by: one.enrolment, comparisons };
                let stricter = |old: &Limit| old.weaker_than(&limit);
                if chosen.get(&(reference, probe)).is_none_or(stricter) {
                    chosen.insert((reference, probe), limit);
                }
            }
        }
    }
    chosen
}

impl Limit {
    /// Whether `other` is to be preferred: a rate that is shown beats one that is not, then the stricter threshold.
    fn weaker_than(&self, other: &Self) -> bool {
        let shown = |limit: &Self| limit.chosen.support != Support::None;
        match (shown(self), shown(other)) {
            (true, false) => false,
            (false, true) => true,
            (true, true) | (false, false) => other.chosen.threshold > self.chosen.threshold,
        }
    }
}

/// Thresholds that each half of the people chose for the other.
pub(crate) struct CrossFitted {
    halves: Vec<bool>,
    aim: Aim,
    /// For the first half, chosen by the second.
    first: Thresholds,
    /// For the second half, chosen by the first.
    second: Thresholds,
}

impl CrossFitted {
    pub(crate) fn new(trials: &[Trials], halves: Vec<bool>, aim: Aim) -> Self {
        let half = |half: bool| {
            let halves = &halves;
            move |person: u32| halves.get(person as usize) == Some(&half)
        };
        let first = choose(trials, aim.rate, half(false));
        let second = choose(trials, aim.rate, half(true));
        Self { halves, aim, first, second }
    }

    /// Decides the comparisons of `trials` whose probes are `probes` and, if given, whose reference and judgement are
    /// `kind`: each half at the threshold that the other chose.
    pub(crate) fn decide(
        &self,
        trials: &Trials,
        probes: impl Fn(Wearing) -> bool,
        of: Option<(ReferenceKind, ProbeKind)>,
    ) -> Decisions {
        let mut decisions = Decisions::default();
        for (kind, comparisons) in &trials.kinds {
            let key = (kind.reference, kind.judged);
            if !probes(kind.wearing) || of.is_some_and(|of| of != key) {
                continue;
            }
            for (half, thresholds) in [(true, &self.first), (false, &self.second)] {
                if let Some(limit) = thresholds.get(&key) {
                    let of_half = |person: u32| self.halves.get(person as usize) == Some(&half);
                    decisions.add(&comparisons.among(of_half), limit.chosen.threshold);
                }
            }
        }
        decisions
    }

    /// The error rates of one condition; `unacquired` are the refused and all presentations of its probes.
    pub(crate) fn condition(
        &self,
        trials: &Trials,
        probes: Probes,
        (refused, shown): (u64, u64),
    ) -> Condition {
        let decisions = self.decide(trials, |wearing| probes.include(wearing), None);
        Condition::new(&decisions, (trials, probes), (refused, shown), self.aim)
    }
}

impl Condition {
    fn new(
        decisions: &Decisions,
        (trials, probes): (&Trials, Probes),
        (refused, shown): (u64, u64),
        aim: Aim,
    ) -> Self {
        let false_matches = decisions.false_match(aim.how);
        let false_non_matches = decisions.false_non_match(aim.how);
        let rate = |part: u64, all: u64| Proportion::wilson(part, all).rate();
        let enrol = rate(trials.not_enrolled as u64, trials.eligible as u64);
        let acquire = rate(refused, shown);
        let whole = |p: Proportion| enrol + (1.0 - enrol) * (acquire + (1.0 - acquire) * p.rate());
        let count = false_matches.map_or(0, |p| p.trials);
        Self {
            enrolment: trials.enrolment,
            probes,
            people: decisions.people(),
            aim: aim.rate,
            support: Support::of(count, aim.rate),
            false_matches,
            false_non_matches,
            generalised_false_reject: false_non_matches.map(whole),
        }
    }

    /// At thresholds that other people chose: those of a calibration that is in use.
    pub(crate) fn at(
        thresholds: &imp_models::Thresholds,
        (trials, probes): (&Trials, Probes),
        refusals: (u64, u64),
        aim: Aim,
    ) -> Self {
        let mut decisions = Decisions::default();
        for (kind, comparisons) in trials.kinds.iter().filter(|(k, _)| probes.include(k.wearing)) {
            if let Some(threshold) = thresholds.of(kind.reference, kind.judged) {
                decisions.add(comparisons, threshold);
            }
        }
        Self::new(&decisions, (trials, probes), refusals, aim)
    }
}

/// The curve of one condition, with thresholds chosen by nobody.
pub(crate) fn curve(trials: &Trials, probes: Probes) -> Option<Curve> {
    let of_kind = trials.kinds.iter().filter(|(kind, _)| probes.include(kind.wearing));
    let all = Comparisons::merged(of_kind.map(|(_, comparisons)| comparisons));
    let points = all.det(POINTS);
    let equal_error_rate = all.equal_error_rate();
    let curve = Curve { enrolment: trials.enrolment, probes, equal_error_rate, points };
    (!curve.points.is_empty()).then_some(curve)
}
