//! The calibration file that follows from an evaluation.
use imp_models::{
    Calibration, Comparison, Made, ModelStore, ProbeKind, Rate, ReferenceKind, Thresholds,
};

use crate::comparisons::Chosen;
use crate::conditions::{CrossFitted, Limit};
use crate::decisions::Resampling;
use crate::proportion::{Proportion, Support};
use crate::report::Calibrated;
use crate::trials::{Enrolment, Trials};

/// What a calibration is made of.
pub(crate) struct Basis<'a> {
    pub(crate) store: &'a ModelStore,
    /// With which it was measured.
    pub(crate) limits: &'a Thresholds,
    pub(crate) aim: f64,
    pub(crate) made: &'a Made,
    /// The one in use so far, if it is of these models and this pipeline.
    pub(crate) before: Option<Calibration>,
}

/// The calibration, and how complete it is.
pub(crate) fn calibrate(
    basis: &Basis<'_>,
    trials: &[Trials],
    (chosen, fitted): (&crate::conditions::Thresholds, &CrossFitted),
    how: Resampling,
) -> (Option<Calibration>, Calibrated) {
    let (mut comparison, mut carried_over, mut missing) = (vec![], vec![], vec![]);
    for reference in ReferenceKind::ALL {
        for probe in ProbeKind::ALL {
            let key = (reference, probe);
            let made = chosen.get(&key).filter(|limit| limit.chosen.support != Support::None);
            let made = made.and_then(|limit| {
                let (false_matches, false_non_matches) = rates(trials, fitted, key, how)?;
                let threshold = rounded_up(limit.chosen.threshold);
                let carried_over = false;
                Some(Comparison {
                    reference,
                    probe,
                    threshold,
                    false_matches,
                    false_non_matches,
                    carried_over,
                })
            });
            if made.is_none() {
                missing.push(format!(
                    "{}: {}",
                    name(reference, probe),
                    needed(chosen.get(&key), basis.aim)
                ));
            }
            let before = || {
                let all = &basis.before.as_ref()?.thresholds.comparison;
                let old = all.iter().find(|c| (c.reference, c.probe) == key)?;
                Some(Comparison { carried_over: true, ..old.clone() })
            };
            if let Some(one) = made.or_else(before) {
                carried_over.extend(one.carried_over.then(|| name(reference, probe)));
                comparison.push(one);
            }
        }
    }
    let kinds = ReferenceKind::ALL.len() * ProbeKind::ALL.len();
    if comparison.len() < kinds || carried_over.len() == kinds {
        return (None, Calibrated::No { missing });
    }
    let store = basis.store;
    let calibration = Calibration {
        format: Calibration::FORMAT,
        set: store.active_set().id(),
        models: Calibration::digests(store.manifest(), store.active_set()),
        pipeline: imp_biometrics::PIPELINE,
        aim: basis.aim,
        made: basis.made.clone(),
        thresholds: Thresholds { comparison, ..basis.limits.clone() },
    };
    finished(calibration, carried_over)
}

/// The calibration, unless programs would refuse it.
fn finished(
    calibration: Calibration,
    carried_over: Vec<String>,
) -> (Option<Calibration>, Calibrated) {
    if let Err(limit) = calibration.within_bounds() {
        return (None, Calibrated::OutOfBounds { limit: limit.to_string() });
    }
    let complete = carried_over.is_empty();
    let how = if complete { Calibrated::Complete } else { Calibrated::Completed { carried_over } };
    (Some(calibration), how)
}

fn name(reference: ReferenceKind, probe: ProbeKind) -> String {
    let reference = match reference {
        ReferenceKind::Single => "one photograph",
        ReferenceKind::Several => "several photographs",
        ReferenceKind::MaskedOnly => "masked photographs only",
    };
    let probe = match probe {
        ProbeKind::Bare => "bare probe",
        ProbeKind::Masked => "masked probe",
    };
    format!("{reference}, {probe}")
}

fn needed(limit: Option<&Limit>, aim: f64) -> String {
    let count = limit.map_or(0, |limit| limit.comparisons);
    format!(
        "{count} comparisons of different people, at least {:.0} are needed",
        (3.0 / aim).ceil()
    )
}

/// Errors of people who did not choose the threshold, for the usual way to make such a reference.
fn rates(
    trials: &[Trials],
    fitted: &CrossFitted,
    key: (ReferenceKind, ProbeKind),
    how: Resampling,
) -> Option<(Rate, Rate)> {
    let usual = match key.0 {
        ReferenceKind::Single => [Enrolment::One, Enrolment::One],
        ReferenceKind::Several => [Enrolment::Three, Enrolment::Two],
        ReferenceKind::MaskedOnly => [Enrolment::OneMasked, Enrolment::ThreeMasked],
    };
    usual.into_iter().find_map(|enrolment| {
        let of = trials.iter().find(|t| t.enrolment == enrolment)?;
        let decisions = fitted.decide(of, |_| true, Some(key));
        let rate =
            |p: Proportion| Rate { errors: p.errors, trials: p.trials, low: p.low, high: p.high };
        Some((rate(decisions.false_match(how)?), rate(decisions.false_non_match(how)?)))
    })
}

/// To four decimals, never down: the rate must not grow.
#[expect(clippy::cast_possible_truncation, reason = "a similarity between -1 and 1")]
pub(crate) fn rounded_up(threshold: f32) -> f32 {
    let up = ((f64::from(threshold) * 1e4).ceil() / 1e4) as f32;
    if up < threshold { up.next_up() } else { up.clamp(1e-4, 1.0) }
}

/// The limit as it stands in the file.
pub(crate) fn as_written(limit: Limit) -> Limit {
    let threshold = rounded_up(limit.chosen.threshold);
    Limit { chosen: Chosen { threshold, ..limit.chosen }, ..limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_that_protects_too_little_is_reported_and_not_written() {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
        let store = ModelStore::open(models).unwrap();
        let text = std::fs::read_to_string(store.calibration_file().unwrap()).unwrap();
        let shipped: Calibration = serde_json::from_str(&text).unwrap();
        assert_eq!(
            finished(shipped.clone(), vec![]),
            (Some(shipped.clone()), Calibrated::Complete)
        );
        let (none, why) = finished(Calibration { aim: 0.01, ..shipped.clone() }, vec![]);
        let limit = "aim is 0.01, but must be above 0 and at most 0.001".to_owned();
        assert_eq!((none, why), (None, Calibrated::OutOfBounds { limit }));
        let mut lax = shipped;
        lax.thresholds.comparison[0].threshold = 0.2;
        assert_eq!(finished(lax, vec![]).0, None);
    }

    #[test]
    fn thresholds_are_never_rounded_down() {
        for threshold in [0.42f32, 0.420_01, 0.419_999_9, 1e-7, 0.0, -0.3, 0.999_99, 1.0] {
            let rounded = rounded_up(threshold);
            assert!(
                rounded >= threshold && rounded > 0.0 && rounded <= 1.0,
                "{threshold}: {rounded}"
            );
        }
        assert!((rounded_up(0.420_01) - 0.4201).abs() < 1e-6);
    }
}
