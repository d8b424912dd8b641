//! The evaluation from a folder to its report.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imp_biometrics::{Engine, Measured, PIPELINE, Template};
use imp_models::{Calibration, Made, ModelStore};
use serde::Serialize;

use crate::attack;
use crate::calibrate::{Basis, as_written, calibrate};
use crate::conditions::{Aim, Condition, CrossFitted, Probes, Thresholds, choose, curve};
use crate::dataset::{Dataset, Person, Shows};
use crate::decisions::Resampling;
use crate::groups::Differential;
use crate::journal::{Existing, Journal, JournalError};
use crate::measuring::{Progress, measure};
use crate::proportion::Proportion;
use crate::protocol::halves;
use crate::report::{Enrolled, InUse, Report, Share, ThresholdRow};
use crate::subjects::{Captures, Judged};
use crate::trials::{self, Enrolment, Subject, Trials, Wearing};

/// False match rates at which errors are reported beside the one aimed at.
const RATES: [f64; 3] = [1e-3, 1e-4, 1e-5];

/// How to evaluate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When, by which program, and what the photographs are; people and photographs are filled in.
    pub made: Made,
    /// False match rate for which the calibration's thresholds are chosen.
    pub aim: f64,
    /// The same seed gives the same choices, masks and intervals.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// How often people are resampled for the intervals.
    pub resample: usize,
    /// What to do with measurements of an earlier run.
    pub existing: Existing,
    /// Whether the measurements stay when the evaluation is done.
    pub keep: bool,
}

/// What an evaluation comes to.
pub struct Evaluated {
    /// Everything that was found.
    pub report: Report,
    /// The calibration, where the photographs suffice.
    pub calibration: Option<Calibration>,
    /// Pictures of which nothing could be measured, and why.
    pub refused: Vec<(PathBuf, String)>,
    /// Pictures measured by an earlier run, and bytes of it that were damaged and dropped.
    pub resumed: (usize, u64),
}

/// What measurements depend on.
#[derive(Serialize)]
struct Measuring<'a> {
    models: BTreeMap<String, String>,
    pipeline: u32,
    seed: u64,
    program: &'a str,
}

/// Evaluates `dataset` with the uncalibrated `engine` of `store`; measurements are kept in the file `measurements` until
/// it is done. `watch` is told how many pictures are measured.
pub fn evaluate(
    (engine, store): (&Engine, &ModelStore),
    dataset: &Dataset,
    settings: &Settings,
    measurements: &Path,
    watch: &dyn Fn(Progress),
) -> Result<(Evaluated, Option<Measurements>), JournalError> {
    let measuring = Measuring {
        models: Calibration::digests(store.manifest(), store.active_set()),
        pipeline: PIPELINE,
        seed: settings.seed,
        program: &settings.made.by,
    };
    let (mut journal, found) = Journal::open(measurements, &measuring, settings.existing)?;
    let resumed = (found.records.len(), found.dropped);
    let threads = (settings.threads, settings.seed);
    let records = measure(engine, dataset, (&mut journal, found), threads, watch)?;
    let captures = Captures::new(engine, dataset, &records);
    let (report, calibration) = Study::new((engine, store), dataset, settings, &captures).report();
    let evaluated = Evaluated { report, calibration, refused: captures.refused, resumed };
    Ok((evaluated, (!settings.keep).then_some(Measurements(journal))))
}

/// The file of measurements, which is no longer needed.
pub struct Measurements(Journal);

impl Measurements {
    /// Removes it: it holds biometric data.
    pub fn remove(self) -> Result<(), JournalError> {
        self.0.remove()
    }
}

/// Captures, enrolled and compared in every way.
struct Study<'a> {
    engine: &'a Engine,
    store: &'a ModelStore,
    dataset: &'a Dataset,
    settings: &'a Settings,
    captures: &'a Captures<'a>,
    trials: Vec<Trials>,
    how: Resampling,
}

impl<'a> Study<'a> {
    fn new(
        (engine, store): (&'a Engine, &'a ModelStore),
        dataset: &'a Dataset,
        settings: &'a Settings,
        captures: &'a Captures<'a>,
    ) -> Self {
        let how = Resampling { times: settings.resample, seed: settings.seed };
        let threads = (settings.threads, settings.seed);
        let run = |enrolment| Trials::run(engine, &captures.subjects, enrolment, threads);
        let trials = Enrolment::ALL.map(run).into_iter().filter(|t| !t.kinds.is_empty()).collect();
        Self { engine, store, dataset, settings, captures, trials, how }
    }

    fn report(&self) -> (Report, Option<Calibration>) {
        let people: Vec<&Person> = self.dataset.named().collect();
        let pictures = self.dataset.pictures();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let made = Made {
            people: count(people.len()),
            photographs: count(pictures),
            ..self.settings.made.clone()
        };
        let fitted = self.fitted(self.settings.aim, people.len());
        let chosen = self.chosen(self.settings.aim);
        let basis = Basis {
            store: self.store,
            limits: self.engine.thresholds(),
            aim: self.settings.aim,
            made: &made,
            before: self.store.calibration(PIPELINE).ok(),
        };
        let in_use = basis.before.as_ref().map(|calibration| self.in_use(calibration));
        let (calibration, calibrated) =
            calibrate(&basis, &self.trials, (&chosen, &fitted), self.how);
        let report = Report {
            format: 1,
            set: self.store.active_set().id(),
            models: Calibration::digests(self.store.manifest(), self.store.active_set()),
            pipeline: PIPELINE,
            aim: self.settings.aim,
            seed: self.settings.seed,
            resampled: self.settings.resample,
            people: people.len(),
            pictures,
            acquisition: self.captures.acquisition(),
            enrolment: self.trials.iter().map(enrolled).collect(),
            thresholds: self.threshold_rows(),
            conditions: self.conditions(people.len()),
            in_use,
            curves: self.curves(),
            groups: self.groups(&people, &chosen),
            masks: self.shares(|wearing, capture| capture.mask_worn() != masked(wearing)),
            attacks: attack::evaluate(
                &self.presentations(&chosen),
                self.engine.thresholds().attack,
            ),
            calibration: calibrated,
            made,
        };
        (report, calibration)
    }

    /// The aimed rate and the usual ones, strictest last.
    fn rates(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = RATES.into_iter().chain([self.settings.aim]).collect();
        rates.sort_by(|a, b| b.total_cmp(a));
        rates.dedup();
        rates
    }

    fn chosen(&self, rate: f64) -> Thresholds {
        let chosen = choose(&self.trials, rate, |_| true);
        chosen.into_iter().map(|(kind, limit)| (kind, as_written(limit))).collect()
    }

    fn fitted(&self, rate: f64, people: usize) -> CrossFitted {
        let halves = halves(people, self.settings.seed);
        CrossFitted::new(&self.trials, halves, Aim { rate, how: self.how })
    }

    fn threshold_rows(&self) -> Vec<ThresholdRow> {
        let of_rate = |aim: f64| {
            let chosen = self.chosen(aim).into_iter();
            chosen.map(move |((reference, probe), limit)| ThresholdRow {
                aim,
                reference,
                probe,
                limit,
            })
        };
        self.rates().into_iter().flat_map(of_rate).collect()
    }

    fn conditions(&self, people: usize) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for rate in self.rates() {
            let fitted = self.fitted(rate, people);
            for trials in &self.trials {
                let aimed = (rate - self.settings.aim).abs() <= rate * 1e-9;
                for probes in Probes::all(trials).into_iter().filter(|p| aimed || p.main()) {
                    let refusals = self.captures.refusals(|wearing| probes.include(wearing));
                    let condition = fitted.condition(trials, probes, refusals);
                    if condition.false_matches.is_some() || condition.false_non_matches.is_some() {
                        conditions.push(condition);
                    }
                }
            }
        }
        conditions
    }

    fn in_use(&self, calibration: &Calibration) -> InUse {
        let aim = Aim { rate: calibration.aim, how: self.how };
        let mut conditions = Vec::new();
        for trials in &self.trials {
            for probes in Probes::all(trials).into_iter().filter(|p| p.main()) {
                let refusals = self.captures.refusals(|wearing| probes.include(wearing));
                let of = (trials, probes);
                conditions.push(Condition::at(&calibration.thresholds, of, refusals, aim));
            }
        }
        InUse { made: calibration.made.clone(), conditions }
    }

    fn curves(&self) -> Vec<crate::conditions::Curve> {
        let of = |trials| {
            let main = Probes::all(trials).into_iter().filter(|p| p.main());
            main.filter_map(move |probes| curve(trials, probes))
        };
        self.trials.iter().flat_map(of).collect()
    }

    fn groups(&self, people: &[&Person], chosen: &Thresholds) -> Vec<Differential> {
        let aim = Aim { rate: self.settings.aim, how: self.how };
        let mut found = Vec::new();
        for (index, label) in self.dataset.labels.iter().enumerate() {
            for trials in self.trials.iter().filter(|t| usual(t.enrolment)) {
                for probes in [Probes::Bare, Probes::Drawn, Probes::Worn] {
                    if trials.kinds.keys().any(|kind| probes.include(kind.wearing)) {
                        let label = (people, index, label.as_str());
                        found.push(Differential::new(label, trials, probes, (chosen, aim)));
                    }
                }
            }
        }
        found
    }

    /// How many bona fide captures are judged wrongly, by what was shown.
    fn shares(&self, wrong: impl Fn(Wearing, &imp_biometrics::Capture) -> bool) -> Vec<Share> {
        let mut counts: BTreeMap<Wearing, (u64, u64)> = BTreeMap::new();
        for judged in &self.captures.judged {
            let bona_fide = !matches!(judged.shows, Shows::Attack(_));
            if let Some(capture) = judged.capture.as_ref().filter(|_| bona_fide) {
                let (errors, trials) = counts.entry(judged.wearing).or_default();
                *trials += 1;
                *errors += u64::from(wrong(judged.wearing, capture));
            }
        }
        let share = |(wearing, (errors, trials)): (Wearing, (u64, u64))| Share {
            shows: wearing.name(),
            wrong: Proportion::wilson(errors, trials),
        };
        counts.into_iter().map(share).collect()
    }

    /// Bona fide presentations and attacks; the latter also compared with a reference of the person they show.
    fn presentations(&self, chosen: &Thresholds) -> Vec<attack::Presentation> {
        let mut references: BTreeMap<u32, Option<Template>> = BTreeMap::new();
        let mut unnamed = u32::MAX;
        let mut presentation = |judged: &Judged<'_>| {
            let person = judged.person.unwrap_or_else(|| {
                unnamed -= 1;
                unnamed
            });
            let species = match judged.shows {
                Shows::Attack(species) => Some(species.clone()),
                Shows::Bare | Shows::Masked => None,
            };
            let mut compared = || {
                let subject = self.captures.subjects.get(judged.person? as usize)?;
                let made = references.entry(person).or_insert_with(|| self.reference(subject));
                compared(made.as_ref()?, judged.capture.as_ref()?, chosen)
            };
            let comparison = if species.is_some() { compared() } else { None };
            let capture = judged.capture.as_ref();
            attack::Presentation {
                person,
                species,
                masked: masked(judged.wearing),
                score: capture.map(imp_biometrics::Capture::attack_score),
                comparison,
            }
        };
        self.captures.judged.iter().map(&mut presentation).collect()
    }

    /// The person's reference from her first photographs, at most three.
    fn reference(&self, subject: &Subject<'_>) -> Option<Template> {
        let measured: Vec<&Measured> = subject.bare.iter().take(3).map(|b| b.measured).collect();
        self.engine.template(&measured).ok()
    }
}

/// Similarity and threshold, as at the door.
fn compared(
    template: &Template,
    capture: &imp_biometrics::Capture,
    chosen: &Thresholds,
) -> Option<(f32, f32)> {
    let probe = trials::judged(capture);
    let limit = chosen.get(&(template.kind(), probe))?;
    Some((template.prepared(probe)?.similarity(capture), limit.chosen.threshold))
}

fn masked(wearing: Wearing) -> bool {
    match wearing {
        Wearing::Nothing => false,
        Wearing::Drawn(_) | Wearing::Worn => true,
    }
}

/// Whether people are enrolled in this way at a hospital.
fn usual(enrolment: Enrolment) -> bool {
    match enrolment {
        Enrolment::One | Enrolment::Three => true,
        Enrolment::Two | Enrolment::OneMasked | Enrolment::ThreeMasked => false,
    }
}

fn enrolled(trials: &Trials) -> Enrolled {
    Enrolled {
        enrolment: trials.enrolment,
        failed: Proportion::wilson(trials.not_enrolled as u64, trials.eligible as u64),
        refusals: trials.refusals.clone(),
    }
}
