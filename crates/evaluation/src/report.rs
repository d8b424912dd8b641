//! What an evaluation found; serialised it is `report.json`.
use std::collections::BTreeMap;

use imp_models::Made;
use serde::Serialize;

use crate::attack::AttackReport;
use crate::comparisons::Chosen;
use crate::conditions::{Condition, Curve, Limit};
use crate::groups::Differential;
use crate::proportion::Proportion;
use crate::subjects::Acquisition;
use crate::trials::Enrolment;

mod html;
mod plot;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this format.
    pub format: u32,
    /// When and on what.
    pub made: Made,
    /// The model set, such as `imp-face@1`.
    pub set: String,
    /// SHA-256 of its models.
    pub models: BTreeMap<String, String>,
    /// `imp_biometrics::PIPELINE`.
    pub pipeline: u32,
    /// False match rate aimed at.
    pub aim: f64,
    /// From which choices and intervals follow.
    pub seed: u64,
    /// How often people were resampled for the intervals.
    pub resampled: usize,
    /// People whose photographs were compared.
    pub people: usize,
    /// Pictures of all kinds.
    pub pictures: usize,
    /// No capture could be made.
    pub acquisition: Vec<Acquisition>,
    /// No reference could be made.
    pub enrolment: Vec<Enrolled>,
    /// Chosen by all people.
    pub thresholds: Vec<ThresholdRow>,
    /// Errors of people by whom the thresholds were not chosen.
    pub conditions: Vec<Condition>,
    /// The calibration in use so far, and the errors at its thresholds, of everybody here.
    pub in_use: Option<InUse>,
    /// Trade-offs.
    pub curves: Vec<Curve>,
    /// Differences between groups.
    pub groups: Vec<Differential>,
    /// Errors of the mask detector.
    pub masks: Vec<Share>,
    /// Presentation attack detection, false alarms included.
    pub attacks: AttackReport,
    /// Whether a calibration came of it, and if not, why.
    pub calibration: Calibrated,
}

/// What a calibration that was made before does with these people.
#[derive(Clone, Debug, Serialize)]
pub struct InUse {
    /// When and on what it was made.
    pub made: Made,
    /// Errors at its thresholds.
    pub conditions: Vec<Condition>,
}

/// How often nobody could be enrolled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Enrolled {
    /// In which way.
    pub enrolment: Enrolment,
    /// People of whom no reference could be made, of those with photographs enough.
    pub failed: Proportion,
    /// References refused although each photograph could be used, by reason.
    pub refusals: BTreeMap<String, usize>,
}

/// Thresholds of one kind of comparison, at several rates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdRow {
    /// False match rate aimed at.
    pub aim: f64,
    /// Kind of reference.
    pub reference: imp_models::ReferenceKind,
    /// Kind of probe, as the mask detector judges it.
    pub probe: imp_models::ProbeKind,
    /// The threshold.
    #[serde(flatten)]
    pub limit: Limit,
}

/// Wrong judgements of one kind of presentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What was shown, in words.
    pub shows: String,
    /// Judged wrongly.
    pub wrong: Proportion,
}

/// Whether a calibration came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibrated {
    /// Every threshold is of this evaluation.
    Complete,
    /// Some thresholds are those of the calibration before.
    Completed {
        /// For which kinds of comparison.
        carried_over: Vec<String>,
    },
    /// There are too few comparisons.
    No {
        /// For which kinds of comparison, and what is missing.
        missing: Vec<String>,
    },
    /// A program would refuse it: it would protect too little.
    OutOfBounds {
        /// Which number, and its bounds.
        limit: String,
    },
}

impl Report {
    /// As a page that needs nothing else.
    pub fn html(&self) -> String {
        html::page(self)
    }
}

/// The support of a threshold, in words.
pub(crate) fn support(chosen: Chosen) -> &'static str {
    match chosen.support {
        crate::proportion::Support::Firm => "firm (30 errors or more expected)",
        crate::proportion::Support::Weak => "weak (3 to 30 errors expected)",
        crate::proportion::Support::None => "not supported: too few comparisons",
    }
}
